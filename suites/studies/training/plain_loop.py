"""Whether a recipe reaches what a plain loop of transformers reaches with the same epochs, batch size, rate, seed and start.

    python -m deploybench.suites.studies.training.plain_loop minilm-score --checkpoint DIR --train train.csv \
        --validation validation.csv --external test=test.csv --label-column relatedness --output sick-score

Takes the options of `deploybench train`, and trains by the recipe unless OUTPUT holds a training by it. The plain loop is the
Trainer with its defaults: no warm-up, no weight decay, no early stopping, batches in random order, and 0.5 as the threshold of
every label. Each call keeps the figures of other recipes in the same file.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.cli import main as deploybench
from ....bench.cli import parser
from ....bench.machine.alone import alone
from ....bench.pipeline.options import read_options
from ....bench.pipeline.training_data import training_sets
from ....bench.units import format_share
from ....bench.worker.client import call_in_child
from ....exporters.checkpoints.checkpoint import TRAINING_FILE
from ....exporters.errors import UserError
from ....exporters.training.recipe import read_recipe
from ....exporters.training.tasks import METRIC_NAMES, METRICS
from ..study import Answer, render_rows, run_study, saved_at
from .plain_trainer import reached, train_plainly

if TYPE_CHECKING:
    import argparse

_NAME = "plain-loop"


def main(arguments: list[str] | None = None) -> int:
    """Train both ways, compare, and save; the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parsed = parser().parse_args(["train", *arguments])
    record = Path(parsed.output) / TRAINING_FILE
    if not record.is_file():
        code = deploybench(["train", *arguments])
        if code:
            return code
    return run_study(_NAME, lambda: _answer(parsed, json.loads(record.read_text(encoding="utf-8"))))


def _answer(parsed: argparse.Namespace, record: dict[str, Any]) -> Answer:
    recipe, options = read_recipe(parsed.recipe), read_options(parsed)
    if not parsed.checkpoint or not Path(parsed.checkpoint).is_dir():
        raise UserError(
            f"--checkpoint: found {parsed.checkpoint!r}, expected the folder that both trainings start from"
        )
    train, sets = training_sets(recipe, options, train=parsed.train, validation=parsed.validation)
    asked = replace(recipe, checkpoint=parsed.checkpoint)
    if (record["recipe_sha256"], record["data_sha256"]) != (asked.sha256, train.sha256):
        raise UserError(f"{parsed.output}: holds a training by another recipe or on other texts; name another folder")
    with alone():
        plain = call_in_child(
            train_plainly,
            recipe,
            Path(parsed.checkpoint),
            threads=options.threads,
            label="the plain loop",
            visible=True,
            keywords={
                "texts": train.texts,
                "labels": train.labels,
                "label_names": train.label_names,
                "evaluation": {name: (one.texts, one.labels) for name, one in sets.items()},
            },
        )
    row = {
        "recipe": recipe.name,
        **{
            key: getattr(recipe, key) for key in ("task", "epochs", "batch_size", "learning_rate", "seed", "max_length")
        },
        "train": {"texts": len(train.texts), "sha256": train.sha256},
        "base_sha256": record["base_sha256"],
        "sets": {
            name: {
                "texts": len(one.texts),
                "sha256": one.sha256,
                "recipe": reached(recipe, record, name),
                "plain": plain[name],
            }
            for name, one in sets.items()
        },
    }
    rows = [*(one for one in _saved() if one["recipe"] != recipe.name), row]
    figures = {"rows": sorted(rows, key=lambda one: str(one["recipe"]))}
    return Answer(name=_NAME, figures=figures, text=_text(figures))


def _saved() -> list[dict[str, Any]]:
    path = saved_at(_NAME)
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    return found


def _text(figures: dict[str, Any]) -> str:
    rows = [
        [row["recipe"], name, METRIC_NAMES[metric], _shown(of["recipe"][metric]), _shown(of["plain"][metric])]
        for row in figures["rows"]
        for name, of in row["sets"].items()
        for metric in METRICS[row["task"]]
    ]
    notes = [
        "",
        "both from the same checkpoint, with the same epochs, batch size, learning rate and seed; one training each",
    ]
    return render_rows(["recipe", "set", "metric", "recipe", "plain loop"], rows, notes)


def _shown(score: float | None) -> str:
    return "undefined" if score is None else format_share(score)


if __name__ == "__main__":
    sys.exit(main())
