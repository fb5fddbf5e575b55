"""The command ``train``: labelled files and a recipe in, a checkpoint and what it reached out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import corpus, data
from bench.options import available_cores
from bench.units import format_duration, format_share
from bench.worker import call_in_child
from exporters.errors import UserError
from exporters.training.recipe import read_recipe

if TYPE_CHECKING:
    import argparse

    from exporters.training.train import TrainingReport


def train_checkpoint(parsed: argparse.Namespace) -> str:
    """Train as the command line says; what it reached, as text. Raises UserError for what the person can mend."""
    recipe = read_recipe(parsed.recipe)
    if parsed.train:
        train, evaluation = _files(parsed)
    else:
        train = _bundled("train")
        evaluation = {"in_domain": _bundled("test"), "external": _bundled("external")}
        if parsed.external:
            raise UserError("--external: was given without --train; pass the labelled texts to train on as well")
    report: TrainingReport = call_in_child(
        "exporters.training.train:train",
        recipe,
        threads=available_cores(),
        label=f"training {recipe.name}",
        visible=True,
        keywords={
            "texts": train.texts,
            "labels": train.labels,
            "label_names": train.label_names,
            "out_dir": Path(parsed.output),
            "evaluation": {name: (one.texts, one.labels) for name, one in evaluation.items()},
            "tokenizer_dir": Path(parsed.tokenizer) if parsed.tokenizer else None,
            "progress": True,
        },
    )
    lines = [f"trained on {train.summary} in {format_duration(report.seconds)}: {report.num_parameters:,} parameters"]
    lines += [
        f"accuracy on {name}, {one.summary}: {format_share(report.accuracy[name])}" for name, one in evaluation.items()
    ]
    return "\n".join([*lines, f"checkpoint: {parsed.output}"])


def _files(parsed: argparse.Namespace) -> tuple[data.LabelledSet, dict[str, data.LabelledSet]]:
    """The labelled files of the command line: the one to train on, and those to score by name."""
    keywords: dict[str, Any] = {
        "text_columns": tuple(parsed.text_columns.split(",")) if parsed.text_columns else None,
        "bad_rows": "drop" if parsed.drop_bad_rows else "refuse",
    }
    train = data.read_labelled_file(Path(parsed.train), **keywords)
    evaluation = {}
    for argument in parsed.external or ():
        name, path = data.parse_external(argument)
        evaluation[name] = data.read_labelled_file(path, name=name, label_names=train.label_names, **keywords)
    return train, evaluation


def _bundled(split: Any) -> data.LabelledSet:
    texts, labels = corpus.corpus(split)
    return data.LabelledSet(name=split, texts=texts, labels=labels, label_names=corpus.LABELS, dropped=())
