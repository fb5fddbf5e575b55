"""Accuracy of each ALBERT of the study: small models, trained from scratch by one recipe."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ....exporters.errors import UserError
from ..trained import say_reached, trained
from .grid import LAYERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....exporters.training.recipe import Architecture, Recipe
    from ..trained import Task
    from .grid import Model


def check_sizes(recipe: Recipe) -> Architecture:
    """The sizes of the recipe's model; raises UserError if it is no ALBERT of LAYERS layers."""
    sizes = recipe.architecture
    if sizes is None or sizes.model_type != "albert" or sizes.num_hidden_layers != LAYERS:
        raise UserError(
            f"--recipe: {recipe.name} is of another model, expected an ALBERT of {LAYERS} layers from scratch; name one"
        )
    return sizes


def measure_accuracy(grid: Sequence[Model], task: Task) -> dict[str, Any]:
    """Train each model, or reuse its training of an earlier call; one row for each."""
    sizes, rows = check_sizes(task.recipe), []
    for model in grid:
        if model.embedding > sizes.hidden_size:  # no factorisation
            continue
        recipe = replace(
            task.recipe, architecture=replace(sizes, num_hidden_groups=model.groups, embedding_size=model.embedding)
        )
        record = trained(recipe, task, str(model))
        found = {"parameters": record["num_parameters"], **{name: record[name] for name in ("accuracy", "seconds")}}
        rows.append({**model._asdict(), **found})
        say_reached(str(model), found["accuracy"], found["seconds"])
    return {"threads": task.options.threads, "recipe": asdict(task.recipe), "sets": task.sets, "rows": rows}
