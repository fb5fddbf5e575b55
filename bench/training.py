"""The command ``train``: labelled files and a recipe in, a checkpoint and what it reached out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.checkpoints import unpickled
from bench.options import Options, read_options
from bench.prepare import labelled_sets, reading
from bench.progress import say
from bench.texts import corpus, data
from bench.units import counted, format_count, format_duration, format_share
from bench.worker import call_in_child
from exporters.architectures import check_architecture
from exporters.checkpoint import is_pickled
from exporters.errors import UserError
from exporters.hub import fetch_checkpoint
from exporters.training.recipe import read_recipe
from exporters.training.steps import steps

if TYPE_CHECKING:
    import argparse

    from exporters.training.recipe import DataRecipe, Recipe
    from exporters.training.train import TrainingReport

_OFFLINE_ADVICE = (
    "pass its folder with --checkpoint DIR, or --checkpoint arch:NAME to train the published architecture from scratch"
)


def train_checkpoint(parsed: argparse.Namespace) -> str:
    """Train as the command line says; what it reached, as text. Raises UserError for what the person can mend."""
    recipe, options = read_recipe(parsed.recipe), read_options(vars(parsed))
    if parsed.checkpoint:
        recipe = _starting_from(recipe, parsed.checkpoint)
    given = bool(parsed.train) or recipe.data is not None
    if given:
        train, evaluation = _files(parsed.train, recipe, options)
    else:
        train = _bundled("train")
        evaluation = {"in_domain": _bundled("test"), "external": _bundled("external")}
        if parsed.external:
            raise UserError("--external: was given without --train; pass the labelled texts to train on as well")
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
            "demonstration": not given,
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


def _files(asked: str | None, recipe: Recipe, options: Options) -> tuple[data.LabelledSet, dict[str, data.LabelledSet]]:
    """The labelled files of the command line and the recipe: the one to train on, and those to score by name."""
    of_recipe = recipe.data
    if of_recipe is not None:
        options = replace(
            options,
            text_columns=options.text_columns or of_recipe.text_columns or (),
            label_column=options.label_column or of_recipe.label_column,
        )
    file = asked or (of_recipe and of_recipe.train)
    if not file:
        raise UserError(f"recipe {recipe.name!r}: names no file to train on; pass --train, or give it data.train")
    train = data.read_labelled_file(Path(file), label_column=options.label_column, **reading(options))
    say(f"training set {train.name}: {train.summary}")
    own = () if asked or of_recipe is None else _evaluation(of_recipe)
    options = replace(options, external=(*own, *options.external))
    return train, {one.name: one for one in labelled_sets(options, train.label_names)}


def _evaluation(of_recipe: DataRecipe) -> tuple[str, ...]:
    """The sets of the recipe that are scored, as ``--external`` takes them."""
    files = {"validation": of_recipe.validation, "test": of_recipe.test}
    return tuple(f"{name}={file}" for name, file in files.items() if file)


def _say_of_warmup(recipe: Recipe, rows: int) -> None:
    """A rate that never reaches its peak is another training than the recipe seems to describe."""
    plan = steps(rows, recipe)
    if plan.warmup > plan.total:
        say(
            f"recipe {recipe.name}: its warm-up has {counted(format_count(plan.warmup), 'step')}, and "
            f"{format_count(rows)} texts give {format_count(plan.total)} in all: the learning rate will not reach its peak; "
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


def _bundled(split: Any) -> data.LabelledSet:
    texts, labels = corpus.corpus(split)
    return data.LabelledSet(name=split, texts=texts, labels=labels, label_names=corpus.LABELS, dropped=())
