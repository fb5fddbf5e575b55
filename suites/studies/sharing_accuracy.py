"""What each ALBERT of the study of sharing reaches, small and trained from scratch by one recipe."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from bench.console import say
from bench.units import format_duration, format_share
from exporters.errors import UserError
from suites.studies.sharing_grid import LAYERS
from suites.studies.trained import trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.training.recipe import Architecture, Recipe
    from suites.studies.sharing_grid import Model
    from suites.studies.trained import Task


def check_sizes(recipe: Recipe) -> Architecture:
    """The sizes that the models differ from in one; raises UserError where they are of another model."""
    sizes = recipe.architecture
    if sizes is None or sizes.model_type != "albert" or sizes.num_hidden_layers != LAYERS:
        raise UserError(
            f"--recipe: {recipe.name} is of another model, expected an ALBERT of {LAYERS} layers from scratch; name one"
        )
    return sizes


def measure_accuracy(grid: Sequence[Model], task: Task) -> dict[str, Any]:
    """Train each model, or take over what an earlier call trained on the same; one row for each."""
    sizes, rows = check_sizes(task.recipe), []
    for model in grid:
        if model.embedding > sizes.hidden_size:  # it would be no factorisation
            continue
        recipe = replace(
            task.recipe, architecture=replace(sizes, num_hidden_groups=model.groups, embedding_size=model.embedding)
        )
        record = trained(recipe, task, str(model))
        found = {"parameters": record["num_parameters"], **{name: record[name] for name in ("accuracy", "seconds")}}
        rows.append({**model._asdict(), **found})
        reached = ", ".join(f"{format_share(share)} on {name}" for name, share in found["accuracy"].items())
        say(f"{model}: {reached}, trained in {format_duration(found['seconds'])}")
    return {"threads": task.options.threads, "recipe": asdict(task.recipe), "sets": task.sets, "rows": rows}
