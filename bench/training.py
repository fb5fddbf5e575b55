"""The command ``train``: labelled files and a recipe in, a checkpoint and what it reached out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.checkpoints import unpickled
from bench.options import Options, read_options
from bench.progress import say
from bench.training_data import training_sets
from bench.units import format_count, format_duration, format_share, many
from bench.worker import call_in_child
from exporters.architectures import check_architecture
from exporters.checkpoint import is_pickled
from exporters.errors import UserError
from exporters.hub import fetch_checkpoint
from exporters.training.recipe import read_recipe
from exporters.training.steps import steps

if TYPE_CHECKING:
    import argparse

    from exporters.training.recipe import Recipe
    from exporters.training.train import TrainingReport

_OFFLINE_ADVICE = (
    "pass its folder with --checkpoint DIR, or --checkpoint arch:NAME to train the published architecture from scratch"
)


def train_checkpoint(parsed: argparse.Namespace) -> str:
    """Train as the command line says; what it reached, as text. Raises UserError for what the person can mend."""
    recipe, options = read_recipe(parsed.recipe), read_options(vars(parsed))
    if parsed.checkpoint:
        recipe = _starting_from(recipe, parsed.checkpoint)
    train, evaluation = training_sets(parsed.train, recipe, options)
    _say_of_warmup(recipe, len(train.texts))
    report: TrainingReport = call_in_child(
        "exporters.training.train:train",
        recipe,
        threads=options.threads,
        label=f"training {recipe.name}",
        visible=True,
        keywords={
            "texts": train.texts,
            "labels": train.labels,
            "label_names": train.label_names,
            "out_dir": Path(parsed.output),
            "evaluation": {name: (one.texts, one.labels) for name, one in evaluation.items()},
            "tokenizer_dir": Path(parsed.tokenizer) if parsed.tokenizer else None,
            "checkpoint_dir": _checkpoint_dir(recipe, options),
            "demonstration": not parsed.train and recipe.data is None,
            "progress": True,
        },
    )
    lines = [f"trained on {train.summary} in {format_duration(report.seconds)}: {report.num_parameters:,} parameters"]
    lines += [
        f"accuracy on {name}, {one.summary}: {format_share(report.accuracy[name])}" for name, one in evaluation.items()
    ]
    return "\n".join([*lines, f"checkpoint: {parsed.output}"])


def _starting_from(recipe: Recipe, checkpoint: str) -> Recipe:
    """The recipe with another start; the record then says that one, and no other."""
    if recipe.architecture is not None:
        raise UserError(
            f"--checkpoint: recipe {recipe.name!r} trains its own architecture from scratch, found {checkpoint!r} as well; "
            "leave it out, or name a recipe that starts from a checkpoint"
        )
    changed = replace(recipe, checkpoint=checkpoint)
    if changed.architecture_name is not None:
        check_architecture(changed.architecture_name)
    return replace(changed, tokenizer=None) if changed.goes_on else changed


def _say_of_warmup(recipe: Recipe, rows: int) -> None:
    """A rate that never reaches its peak is another training than the recipe seems to describe."""
    plan = steps(rows, recipe)
    if plan.warmup > plan.total:
        say(
            f"recipe {recipe.name}: its warm-up has {many(plan.warmup, 'step')}, and "
            f"{many(rows, 'text')} give {format_count(plan.total)} in all: the learning rate will not reach its peak; "
            "a recipe with warmup_ratio would"
        )


def _checkpoint_dir(recipe: Recipe, options: Options) -> Path | None:
    """The folder of the checkpoint that the recipe goes on from, fetched here: the process that trains is offline."""
    if not recipe.goes_on:
        return None
    asked = recipe.checkpoint or ""
    folder = Path(asked)
    if not folder.is_dir():
        folder = fetch_checkpoint(asked, allow_pickle=options.allow_pickle, offline_advice=_OFFLINE_ADVICE)
    if is_pickled(folder) and options.allow_pickle:
        return unpickled(folder, options, "convert_pickled_base")
    return folder
