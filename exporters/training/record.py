"""The record of a training: its sources, results and costs, written beside the weights."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..checkpoints.checkpoint import ANSWERS_FILE, CALIBRATION_FILE, TRAINING_FILE, TRAINING_TEXTS_FILE, VALIDATION_FILE
from .card import CARD_FILE, training_card

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .fitting import Example, Fitted
    from .recipe import Recipe

SCHEMA_VERSION = 5
# 1 - first version
# 2 - time, memory and device; batch, epochs and F1
# 3 - overlap of the sets with the training texts; origin; steps made; digests of sets and weights
# 4 - digest of the checkpoint that training started from, and its new weights
# 5 - the task, in the recipe; scores and thresholds of several labels a text, and scores of one score
_CALIBRATION_SOURCE = "training texts"
_PACKAGES = ("accelerate", "sentencepiece", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """Results of a training; saved as ``training.json`` beside the weights."""

    seconds: float  # of the whole call
    training_seconds: float  # of all steps, without validation, saved states and scoring
    samples_per_second: float  # texts of all epochs / training_seconds
    tokens_per_second: float  # without padding
    padding_share: float  # of all computed tokens
    peak_memory: int  # bytes resident, of this process
    peak_device_memory: int | None  # bytes that PyTorch allocated on the GPU at once; None without one
    device: str
    devices: int
    precision: str
    batch: dict[str, int]  # effective, per_device, accumulation, steps_per_epoch, steps (planned), warmup_steps
    steps: int  # made; fewer than planned after early stopping
    epochs: list[dict[str, Any]]  # number, loss, seconds, validation of each
    best_epoch: int | None  # whose weights these are, with early stopping; None: the last epoch's
    num_parameters: int
    student: dict[str, Any] | None  # "layers" of the checkpoint that were kept, from 0, and "of" how many; None: all
    new_weights: list[str]  # randomly initialised although training started from a checkpoint, such as a new head
    accuracy: dict[str, float]  # by name of the evaluation set; with recall and f1 of one class per text alone
    recall: dict[str, dict[str, float]]  # by name of the set, then of the label
    f1: dict[str, float]  # by name of the set; of classes, weighted by texts
    scores: dict[str, dict[str, float | None]]  # other tasks: by name of the set, then of the metric; None: undefined
    thresholds: list[float]  # of each label, chosen on the validation set; empty without one, and for other tasks
    leaked: dict[str, int]  # by name of the set: its texts that are also training texts
    sets_sha256: dict[str, str]  # by name of the set, as data_sha256
    recipe_sha256: str
    base_sha256: str | None  # of the checkpoint that training started from; None from scratch
    data_sha256: str  # of training texts and labels, as deploybench.exporters.files.sha256_texts
    tokenizer_sha256: str  # of tokenizer.json
    weights_sha256: str  # of model.safetensors; equal for the same recipe, texts, seed and machine


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide the weights."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def costs(fitted: Fitted, recipe: Recipe, examples: Sequence[Example]) -> dict[str, Any]:
    """Fields of a TrainingReport: steps, time and memory of a training on ``examples``."""
    import resource  # not on Windows, where the files of this module are read

    import torch

    epochs, planned = fitted.epochs, fitted.steps
    seconds = sum(one.seconds for one in epochs)
    tokens = sum(len(one["input_ids"]) for one in examples)  # of one epoch
    return {
        "steps": fitted.made,
        "training_seconds": seconds,
        "samples_per_second": len(examples) * len(epochs) / seconds,
        "tokens_per_second": tokens * len(epochs) / seconds,
        "padding_share": 1 - tokens * len(epochs) / sum(one.computed_tokens for one in epochs),
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "peak_device_memory": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None,
        "device": fitted.device,
        "devices": fitted.devices,
        "precision": fitted.precision,
        "batch": {
            "effective": recipe.batch_size,
            "per_device": planned.per_device,
            "accumulation": planned.accumulation,
            "steps_per_epoch": planned.per_epoch,
            "steps": planned.total,
            "warmup_steps": planned.warmup,
        },
        "epochs": [dataclasses.asdict(one) for one in epochs],
        "best_epoch": fitted.best_epoch,
    }


def write_records(  # noqa: PLR0913 - each a file
    folder: Path,
    recipe: Recipe,
    report: TrainingReport,
    *,
    calibration: list[list[int]],
    validation: Mapping[str, list[int]],
    labelled: Mapping[str, list[Any]],
    answers: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> None:
    """Write ``training.json``, the model card, token ids of training and validation texts, and the predicted classes of each set.

    ``validation``: token ids by row hash. ``labelled``: rows, token ids and classes of further training texts, for a task with
    classes. ``answers``: label names, and predicted classes by set, which are written for a task with classes. ``facts`` are
    further keys of ``training.json``.
    """
    record = {
        "schema_version": SCHEMA_VERSION,
        **facts,
        "recipe": dataclasses.asdict(recipe),
        **dataclasses.asdict(report),
        "versions": {"python": platform.python_version(), **package_versions()},
    }
    (folder / TRAINING_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    ids = {"source": _CALIBRATION_SOURCE, "input_ids": calibration}
    (folder / CALIBRATION_FILE).write_text(json.dumps(ids) + "\n", encoding="utf-8")
    if validation:
        left = {"rows": list(validation), "input_ids": list(validation.values())}
        (folder / VALIDATION_FILE).write_text(json.dumps(left) + "\n", encoding="utf-8")
    if labelled.get("rows"):
        (folder / TRAINING_TEXTS_FILE).write_text(json.dumps(labelled) + "\n", encoding="utf-8")
    if recipe.task == "single-label":
        (folder / ANSWERS_FILE).write_text(json.dumps(answers) + "\n", encoding="utf-8")
    (folder / CARD_FILE).write_text(training_card(record, answers["labels"]), encoding="utf-8")
