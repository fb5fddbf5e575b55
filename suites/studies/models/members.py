"""The models of the study: a small member of each architecture, trained by one recipe, and a pretrained MiniLM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ....exporters.errors import UserError
from ....exporters.training.recipe import read_recipe
from ..trained import say_reached, trained, training_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ....exporters.training.recipe import Recipe
    from ..trained import Task

# What differs from the recipe's BERT, in proportion to the published models: ALBERT's layers share one set of weights and its
# embedding is narrow, DistilBERT has half the layers, TinyBERT fewer and narrower ones, MobileBERT a bottleneck of 128.
MEMBERS: dict[str, dict[str, Any]] = {
    "albert": {"model_type": "albert", "embedding_size": 32, "num_hidden_groups": 1},
    "bert": {},
    "distilbert": {"model_type": "distilbert", "num_hidden_layers": 2},
    "mobilebert": {"model_type": "mobilebert", "hidden_size": 256, "intermediate_size": 256},
    "tinybert": {"num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 256},
}
PRETRAINED, PRETRAINED_RECIPE = "minilm", "minilm-news"
PRETRAINED_EPOCHS = 1  # as long as the trainings of the five others


def train_members(task: Task, pretrained: Path | None) -> dict[str, Path]:
    """Train each member, or reuse its training of an earlier call; the folders by name.

    ``pretrained``: folder of a MiniLM, which is fine-tuned on the same texts; None: without it.
    """
    folders = {}
    for name, recipe, own_task in _trainings(task, pretrained):
        record = trained(recipe, own_task, name)
        say_reached(name, record["accuracy"], record["seconds"])
        folders[name] = training_folder(recipe, own_task)
    return folders


def _trainings(task: Task, pretrained: Path | None) -> Iterator[tuple[str, Recipe, Task]]:
    sizes = task.recipe.architecture
    if sizes is None or sizes.model_type != "bert":
        raise UserError(f"--recipe: {task.recipe.name} is of another model, expected a BERT from scratch; name one")
    for name, changes in MEMBERS.items():
        yield name, replace(task.recipe, architecture=replace(sizes, **changes)), task
    if pretrained:
        recipe = replace(
            read_recipe(PRETRAINED_RECIPE),
            checkpoint=str(pretrained),
            max_length=task.recipe.max_length,
            epochs=PRETRAINED_EPOCHS,
            early_stopping=None,  # its last weights, as those of the others
        )
        yield PRETRAINED, recipe, replace(task, tokenizer=None)
