"""Train a classifier by a recipe: labelled texts in, a checkpoint folder out that is whole or absent."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
import random
import resource
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from exporters.checkpoints.checkpoint import ANSWERS_FILE, CALIBRATION_FILE, TRAINING_FILE
from exporters.checkpoints.positions import most_positions
from exporters.errors import CheckpointError, DataError, RecipeError
from exporters.files import sha256_file, whole_folder
from exporters.training.base import base_digest
from exporters.training.card import CARD_FILE, training_card
from exporters.training.fitting import fit, predict_labels
from exporters.training.leaks import leaked_texts
from exporters.training.model import build_model, quiet_transformers
from exporters.training.precision import this_device
from exporters.training.processes import process_count, shared
from exporters.training.recipe import VALIDATION
from exporters.training.scores import weighted_f1
from exporters.training.tokenizer import read_tokenizer, train_tokenizer
from exporters.training.unfinished import Unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporters.training.fitting import Fitted
    from exporters.training.model import Start
    from exporters.training.recipe import Recipe

    _Labelled = tuple[Sequence[str], Sequence[int]]

SCHEMA_VERSION = 4
# 1 - first version
# 2 - time, memory and device; batch, epochs and F1
# 3 - texts of the sets that were trained on; origin; steps that were made; digests of sets and weights
# 4 - digest of the checkpoint that was trained on from, and its new weights
CALIBRATION_SOURCE = "training texts"
CALIBRATION_SIZE = 300  # texts
_VERSIONED = ("accelerate", "sentencepiece", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """What a training run gave; saved as ``training.json`` beside the weights."""

    seconds: float  # from the call to the scores of the last set
    training_seconds: float  # of all steps, without validation, states and scores
    samples_per_second: float  # texts of all epochs / training_seconds
    tokens_per_second: float  # of the texts, without padding
    padding_share: float  # of all tokens that were computed
    peak_memory: int  # bytes resident, of this process
    peak_device_memory: int | None  # bytes that PyTorch took of the GPU at once; None without one
    device: str
    devices: int
    precision: str
    batch: dict[str, int]  # effective, per_device, accumulation, steps_per_epoch, steps that were planned, warmup_steps
    steps: int  # that were made; fewer than planned where it stopped early
    epochs: list[dict[str, Any]]  # number, loss, seconds, validation of each
    best_epoch: int | None  # whose weights these are, where training may stop early; None: the last one's
    num_parameters: int
    new_weights: list[str]  # that began as random ones in a checkpoint that was trained on from, such as a head's
    accuracy: dict[str, float]  # by name of the evaluation set
    recall: dict[str, dict[str, float]]  # by name of the set, then of the label
    f1: dict[str, float]  # by name of the set; of classes, weighted by texts
    leaked: dict[str, int]  # by name of the set: its texts that were trained on
    sets_sha256: dict[str, str]  # by name of the set, as data_sha256
    recipe_sha256: str
    base_sha256: str | None  # of the checkpoint that was trained on from; None from scratch
    data_sha256: str  # of training texts and labels, as bench.texts.data.LabelledSet.sha256
    tokenizer_sha256: str  # of tokenizer.json
    weights_sha256: str  # of model.safetensors: the same again from the same recipe, texts, seed and machine


def train(  # noqa: PLR0913 - one call says all that a run depends on
    recipe: Recipe,
    *,
    texts: Sequence[str],
    labels: Sequence[int],
    label_names: Sequence[str],
    out_dir: Path,
    evaluation: Mapping[str, tuple[Sequence[str], Sequence[int]]],
    tokenizer_dir: Path | None = None,
    checkpoint_dir: Path | None = None,
    demonstration: bool | None = None,
    origin: Mapping[str, Any] = MappingProxyType({}),
    resume: bool = False,
    progress: bool = False,
) -> TrainingReport:
    """Train by ``recipe`` on texts and class indices, score ``evaluation``, and write the checkpoint to ``out_dir``.

    ``checkpoint_dir`` is the folder of the recipe's checkpoint where that is a Hub id: workers are offline.
    ``origin`` is noted in the record: the machine ("cpu", "cores", "threads"), and "commit" and "dirty" where there is one.
    ``demonstration`` says whether the texts are the bundled corpus; None leaves it to the recipe.
    ``resume`` goes on from what an interrupted training of the same left, and gives the same weights on one device.
    Deterministic for recipe, texts, library versions and number of threads. Replaces the checkpoint of an earlier
    training by the same recipe on the same texts from the same checkpoint; raises CheckpointError where anything else is in
    the way, DataError for labels that cannot be learnt, RecipeError for a recipe that does not fit the call, DiskFullError when
    there is no room.
    """
    start = time.perf_counter()
    _check_labels(texts, labels, label_names)
    _check_tokenizer_dir(recipe, tokenizer_dir)
    base = (checkpoint_dir or Path(recipe.checkpoint or "")) if recipe.goes_on else None
    base_sha256 = base_digest(base)
    _check_folder(out_dir, recipe, _digest(texts, labels), base_sha256)
    with whole_folder(out_dir) as folder, quiet_transformers():
        (model, new_weights), tokenizer = _start(recipe, texts, label_names, tokenizer_dir or folder, base)
        training_ids = _input_ids(tokenizer, texts, recipe.max_length)
        judged = evaluation.get(VALIDATION)
        identity = _identity(recipe, tokenizer, label_names, (texts, labels), judged)
        unfinished = Unfinished(out_dir, {"checkpoint to start from": base_sha256, **identity})
        with unfinished.kept(resume=resume) as state:
            given = {
                "model": model,
                "tokenizer": tokenizer,
                "recipe": recipe,
                "examples": _examples(training_ids, labels),
                "validation": _examples(_input_ids(tokenizer, judged[0], recipe.max_length), judged[1])
                if judged
                else None,
                "unfinished": unfinished,
                "state": state,
                "progress": progress,
            }
            if process_count() > 1:
                shared(given, gpu=this_device().gpu)
            fitted = fit(**given)
            scores = _score(model, tokenizer, recipe, label_names, evaluation)
            _save(model, tokenizer, folder)
            report = TrainingReport(
                seconds=time.perf_counter() - start,
                **_costs(fitted, recipe, sum(map(len, training_ids)), len(texts)),
                best_epoch=fitted.best_epoch,
                f1=scores.f1,
                leaked=leaked_texts(texts, {name: one[0] for name, one in evaluation.items()}),
                sets_sha256={name: _digest(*one) for name, one in evaluation.items()},
                num_parameters=sum(weights.numel() for weights in model.parameters()),
                new_weights=list(new_weights),
                accuracy=scores.accuracy,
                recall=scores.recall,
                recipe_sha256=recipe.sha256,
                base_sha256=base_sha256,
                data_sha256=_digest(texts, labels),
                tokenizer_sha256=sha256_file(folder / "tokenizer.json"),
                weights_sha256=_weights_digest(folder),
            )
            _write_records(
                folder,
                recipe,
                report,
                calibration=_calibration_ids(recipe, tokenizer, texts),
                answers={"labels": list(label_names), "sets": scores.answers},
                facts={
                    "demonstration": recipe.demonstration if demonstration is None else demonstration,
                    "origin": dict(origin),
                },
            )
    unfinished.done()
    return report


def follow() -> None:
    """Train along with the main process, which has the texts and keeps what comes of it."""
    with quiet_transformers():
        fit(**shared(None, gpu=this_device().gpu))


def _identity(
    recipe: Recipe, tokenizer: Any, label_names: Sequence[str], trained: _Labelled, judged: _Labelled | None
) -> dict[str, Any]:
    """All that decides the weights on one device, but the checkpoint to start from."""
    import torch

    return {
        "recipe": recipe.sha256,
        "training texts": _digest(*trained),
        "validation set": _digest(*judged) if judged else None,
        "tokenizer": hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
        "labels": list(label_names),
        "number of threads": torch.get_num_threads(),
        "number of processes": process_count(),
        "version": {name: importlib.metadata.version(name) for name in _VERSIONED},
    }


def _examples(input_ids: Sequence[list[int]], labels: Sequence[int]) -> list[dict[str, Any]]:
    return [{"input_ids": ids, "labels": label} for ids, label in zip(input_ids, labels, strict=True)]


def _costs(fitted: Fitted, recipe: Recipe, tokens: int, texts: int) -> dict[str, Any]:
    """What the training took; ``tokens`` and ``texts`` are of one epoch."""
    import torch

    epochs, planned = fitted.epochs, fitted.steps
    seconds = sum(one.seconds for one in epochs)
    gpu = torch.cuda.is_available()
    return {
        "steps": fitted.made,
        "training_seconds": seconds,
        "samples_per_second": texts * len(epochs) / seconds,
        "tokens_per_second": tokens * len(epochs) / seconds,
        "padding_share": 1 - tokens * len(epochs) / sum(one.computed_tokens for one in epochs),
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "peak_device_memory": torch.cuda.max_memory_allocated() if gpu else None,
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
    }


def _check_labels(texts: Sequence[str], labels: Sequence[int], label_names: Sequence[str]) -> None:
    """Refuse what no classifier can be learnt from."""
    if len(texts) != len(labels):
        raise DataError(f"training set has {len(texts)} texts and {len(labels)} labels, expected as many of both")
    counts = Counter(labels)
    unknown = [label for label in counts if label not in range(len(label_names))]
    if unknown:
        raise DataError(f"training set has the label {unknown[0]!r}, expected 0 to {len(label_names) - 1}")
    missing = [name for index, name in enumerate(label_names) if not counts[index]]
    if missing or len(label_names) < 2:  # noqa: PLR2004 - nothing to tell apart
        found = f"no text of class {missing[0]!r}" if missing else f"one class, {label_names[0]!r}, alone"
        raise DataError(
            f"training set of {len(texts)} texts has {found}, expected texts of 2 classes or more; add some"
        )


def _check_tokenizer_dir(recipe: Recipe, tokenizer_dir: Path | None) -> None:
    """Refuse a tokenizer folder where the recipe has its own, and a recipe from scratch without either."""
    if recipe.tokenizer is not None and tokenizer_dir is not None:
        raise RecipeError(
            f"recipe {recipe.name!r} trains its own tokenizer, found the folder {tokenizer_dir} as well; leave one out"
        )
    if recipe.goes_on and tokenizer_dir is not None:
        raise RecipeError(
            f"recipe {recipe.name!r} starts from {recipe.checkpoint!r}, which has its tokenizer, found the folder "
            f"{tokenizer_dir} as well; leave it out"
        )
    if not recipe.goes_on and recipe.tokenizer is None and tokenizer_dir is None:
        raise RecipeError(
            f"recipe {recipe.name!r} has no [tokenizer], expected that or the folder of a tokenizer; "
            "pass one, such as a folder with the spiece.model of albert-base-v2"
        )


def _check_folder(out_dir: Path, recipe: Recipe, data_sha256: str, base_sha256: str | None) -> None:
    """Refuse to replace anything but an earlier training of the same: hours may be in it."""
    if not out_dir.exists():
        return
    record = out_dir / TRAINING_FILE
    if record.is_file():
        try:
            found = json.loads(record.read_text(encoding="utf-8"))
            differences = {
                "by another recipe": found["recipe_sha256"] != recipe.sha256,
                "on other texts": found["data_sha256"] != data_sha256,
                "from another checkpoint": found.get("base_sha256") != base_sha256,
            }
        except (ValueError, LookupError, TypeError):
            differences = {"by another recipe": True}
        other = next((name for name, differs in differences.items() if differs), None)
        if other:
            raise CheckpointError(f"{out_dir}: holds a finished training {other}; name another folder, or remove it")
        return
    if not out_dir.is_dir() or any(out_dir.iterdir()):
        raise CheckpointError(f"{out_dir}: exists and is no earlier training, expected a new folder; name another")


def _start(
    recipe: Recipe, texts: Sequence[str], label_names: Sequence[str], folder: Path, base: Path | None
) -> tuple[Start, Any]:
    """Model before training, and its tokenizer, which is read from ``folder`` or left there."""
    tokenizer = train_tokenizer(recipe.tokenizer, texts, folder) if recipe.tokenizer else read_tokenizer(base or folder)
    start = build_model(recipe, tokenizer, label_names, base)
    # A tokenizer's own limit is of the model that it was made for, which counts where that model goes on.
    positions = most_positions(start.model) or tokenizer.model_max_length
    tokenizer.model_max_length = positions if base is None else min(tokenizer.model_max_length, positions)
    if recipe.max_length > tokenizer.model_max_length:
        limit = tokenizer.model_max_length
        raise RecipeError(f"recipe {recipe.name!r}: 'max_length' is {recipe.max_length}, expected at most {limit}")
    return start, tokenizer


def _input_ids(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
    return ids


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """What the trained model makes of every set; texts are cut where they were for training, as the deployed model cuts them."""

    accuracy: dict[str, float]
    recall: dict[str, dict[str, float]]
    f1: dict[str, float]
    answers: dict[str, dict[str, list[int]]]  # by set: labels, found, tokens of each text as far as it is read


def _score(
    model: Any, tokenizer: Any, recipe: Recipe, label_names: Sequence[str], evaluation: Mapping[str, _Labelled]
) -> _Scores:
    scores = _Scores(accuracy={}, recall={}, f1={}, answers={})
    for name, (texts, labels) in evaluation.items():
        input_ids = _input_ids(tokenizer, texts, recipe.max_length)
        found = predict_labels(model, tokenizer, input_ids, recipe.eval_batch_size)
        right = Counter(label for label, prediction in zip(labels, found, strict=True) if label == prediction)
        counts = Counter(labels)
        scores.accuracy[name] = right.total() / len(labels)
        scores.recall[name] = {label_names[label]: right[label] / counts[label] for label in sorted(counts)}
        scores.f1[name] = weighted_f1(labels, found)
        scores.answers[name] = {"labels": list(labels), "found": found, "tokens": [len(ids) for ids in input_ids]}
    return scores


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    model.save_pretrained(folder, safe_serialization=True)
    # Else tokenizer.json would carry the limit and the padding of whatever was tokenised last.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)
    _keep_readable(folder / "tokenizer_config.json")
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)  # safetensors writes them for the owner alone


def _keep_readable(path: Path) -> None:
    """Transformers 4 refuses the name and the list that 5 writes, and 5 reads what 4 writes in their place."""
    config = json.loads(path.read_text(encoding="utf-8"))
    if "backend" not in config:  # as 4 leaves it
        return
    if config["tokenizer_class"] == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if isinstance(config.get("extra_special_tokens"), list):
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _weights_digest(folder: Path) -> str:
    """What ``sha256sum`` says of the file of weights; of several files, the digest of their digests."""
    found = [sha256_file(file) for file in sorted(folder.glob("*.safetensors"))]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def _calibration_ids(recipe: Recipe, tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of a seeded sample of the training texts, in random order, so that any first part is a sample too."""
    sample = random.Random(recipe.seed).sample(list(texts), min(CALIBRATION_SIZE, len(texts)))  # noqa: S311 - no secret
    return _input_ids(tokenizer, sample, tokenizer.model_max_length)


def _write_records(  # noqa: PLR0913 - each a file
    folder: Path,
    recipe: Recipe,
    report: TrainingReport,
    *,
    calibration: list[list[int]],
    answers: dict[str, Any],
    facts: Mapping[str, Any],
) -> None:
    versions = {name: importlib.metadata.version(name) for name in _VERSIONED}
    record = {
        "schema_version": SCHEMA_VERSION,
        **facts,
        "recipe": dataclasses.asdict(recipe),
        **dataclasses.asdict(report),
        "versions": {"python": platform.python_version(), **versions},
    }
    (folder / TRAINING_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    ids = {"source": CALIBRATION_SOURCE, "input_ids": calibration}
    (folder / CALIBRATION_FILE).write_text(json.dumps(ids) + "\n", encoding="utf-8")
    (folder / ANSWERS_FILE).write_text(json.dumps(answers) + "\n", encoding="utf-8")
    (folder / CARD_FILE).write_text(training_card(record, answers["labels"]), encoding="utf-8")


def _digest(texts: Sequence[str], labels: Sequence[int]) -> str:
    """SHA-256 (hexadecimal) of texts and labels in their order, the same as bench.texts.data gives a set."""
    digest = hashlib.sha256()
    for text, label in zip(texts, labels, strict=True):
        content = text.encode()
        digest.update(f"{label} {len(content)}\n".encode() + content)
    return digest.hexdigest()
