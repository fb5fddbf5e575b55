"""The command ``train``: labelled files and a recipe in, a checkpoint and what it reached out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.options import Options, read_options
from bench.prepare import labelled_sets, reading
from bench.progress import say
from bench.texts import corpus, data
from bench.units import format_duration, format_share
from bench.worker import call_in_child
from exporters.errors import UserError
from exporters.hub import fetch_checkpoint
from exporters.training.recipe import read_recipe

if TYPE_CHECKING:
    import argparse

    from exporters.training.recipe import Recipe
    from exporters.training.train import TrainingReport


def train_checkpoint(parsed: argparse.Namespace) -> str:
    """Train as the command line says; what it reached, as text. Raises UserError for what the person can mend."""
    recipe, options = read_recipe(parsed.recipe), read_options(vars(parsed))
    if parsed.train:
        train, evaluation = _files(Path(parsed.train), options)
    else:
        train = _bundled("train")
        evaluation = {"in_domain": _bundled("test"), "external": _bundled("external")}
        if parsed.external:
            raise UserError("--external: was given without --train; pass the labelled texts to train on as well")
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
            "checkpoint_dir": _checkpoint_dir(recipe),
            "demonstration": not parsed.train,
            "progress": True,
        },
    )
    lines = [f"trained on {train.summary} in {format_duration(report.seconds)}: {report.num_parameters:,} parameters"]
    lines += [
        f"accuracy on {name}, {one.summary}: {format_share(report.accuracy[name])}" for name, one in evaluation.items()
    ]
    return "\n".join([*lines, f"checkpoint: {parsed.output}"])


def _files(file: Path, options: Options) -> tuple[data.LabelledSet, dict[str, data.LabelledSet]]:
    """The labelled files of the command line: the one to train on, and those to score by name."""
    train = data.read_labelled_file(file, **reading(options))
    say(f"training set {train.name}: {train.summary}")
    return train, {one.name: one for one in labelled_sets(options, train.label_names)}


def _checkpoint_dir(recipe: Recipe) -> Path | None:
    """The folder of the checkpoint that the recipe goes on from, fetched here: the process that trains is offline."""
    if recipe.checkpoint is None:
        return None
    folder = Path(recipe.checkpoint)
    return folder if folder.is_dir() else fetch_checkpoint(recipe.checkpoint)


def _bundled(split: Any) -> data.LabelledSet:
    texts, labels = corpus.corpus(split)
    return data.LabelledSet(name=split, texts=texts, labels=labels, label_names=corpus.LABELS, dropped=())
