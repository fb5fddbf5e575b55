"""Trainings that a study compares: the same texts and recipes that differ in one thing; finished ones are reused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bench.console import say
from ...bench.pipeline.sets import labelled_sets, reading
from ...bench.texts.data import read_labelled_file
from ...bench.units import format_duration, format_share
from ...bench.worker.client import call_in_child
from ...exporters.checkpoints.checkpoint import TRAINING_FILE
from ...exporters.errors import UserError
from ...exporters.files import sha256_file
from ...exporters.training.train import train

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ...bench.pipeline.options import Options
    from ...bench.texts.data import LabelledSet
    from ...exporters.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Data and settings that all trainings of a study share."""

    recipe: Recipe
    train: LabelledSet
    external: tuple[LabelledSet, ...]
    tokenizer: Path | None
    options: Options

    @property
    def sets(self) -> dict[str, dict[str, Any]]:
        """Size and hash of each scored set, for the saved file."""
        return {one.name: {"texts": len(one.texts), "sha256": one.sha256} for one in self.external}


def read_task(recipe: Recipe, train: Path | None, tokenizer: Path | None, options: Options) -> Task:
    """Read the files; raises UserError for a user mistake."""
    if train is None or not options.external:
        raise UserError("--train, --external: expected a labelled file for each; pass both")
    texts = read_labelled_file(train, **reading(options))
    external = labelled_sets(options, texts.head)
    return Task(recipe=recipe, train=texts, external=external, tokenizer=tokenizer, options=options)


def add_task_flags(parser: argparse.ArgumentParser, recipe: str) -> None:
    """Add --recipe (default ``recipe``), --train and --tokenizer."""
    parser.add_argument("--recipe", default=recipe, metavar="RECIPE", help=f"(default: {Path(recipe).name})")
    parser.add_argument("--train", type=Path, metavar="FILE", help="labelled texts to train on")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="for a recipe that trains none")


def say_reached(label: str, accuracy: Mapping[str, float], seconds: float) -> None:
    """Print accuracy and duration of a training."""
    reached = ", ".join(f"{format_share(share)} on {name}" for name, share in accuracy.items())
    say(f"{label}: {reached}, trained in {format_duration(seconds)}")


def training_folder(recipe: Recipe, task: Task) -> Path:
    """Where ``trained`` leaves the checkpoint."""
    return task.options.work_dir / "checkpoints" / f"study-{_digest(recipe, task)}"


def trained(recipe: Recipe, task: Task, label: str) -> dict[str, Any]:
    """The record of a training by ``recipe``, reused if an earlier call had the same inputs."""
    folder = training_folder(recipe, task)
    if not (folder / TRAINING_FILE).is_file():
        call_in_child(
            train,
            recipe,
            threads=task.options.threads,
            label=f"training {label}",
            visible=True,
            keywords={
                "texts": task.train.texts,
                "labels": task.train.labels,
                "label_names": task.train.label_names,
                "out_dir": folder,
                "evaluation": {one.name: (one.texts, one.labels) for one in task.external},
                "tokenizer_dir": task.tokenizer,
                "demonstration": False,
                "resume": True,  # an interrupted call is continued
                "progress": True,
            },
        )
    record: dict[str, Any] = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    return record


def _digest(recipe: Recipe, task: Task) -> str:
    """Hash of everything that decides the accuracy, except versions of libraries."""
    files = sorted(task.tokenizer.iterdir()) if task.tokenizer else ()
    facts = [
        recipe.sha256,
        task.train.sha256,
        [(one.name, one.sha256) for one in task.external],
        [(file.name, sha256_file(file)) for file in files if file.is_file()],
        task.options.threads,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
