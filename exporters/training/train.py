"""Train a classifier by a recipe: labelled texts in, a checkpoint folder out that is complete or absent."""

from __future__ import annotations

import hashlib
import json
import random
import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from ..checkpoints.checkpoint import TRAINING_FILE
from ..checkpoints.positions import most_positions
from ..checkpoints.task import THRESHOLDS
from ..checkpoints.tokenization import TypedIds, ids_to_json
from ..errors import CheckpointError, RecipeError
from ..files import sha256_file, whole_folder
from ..texts import row_hash, sha256_texts, singles
from .base import base_digest, start_at
from .fitting import fit
from .model import build_model, quiet_transformers
from .precision import this_device
from .processes import process_count, shared
from .recipe import VALIDATION
from .record import TrainingReport, costs, package_versions, write_records
from .scores import Scores, model_inputs, overlapping_texts, predict_labels, predict_logits, true_answers
from .student import Kept, keep_layers
from .tasks import check_labels, first_outputs, target
from .thresholds import best_thresholds
from .tokenizer import read_tokenizer, train_tokenizer
from .unfinished import Unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..checkpoints.tokenization import Ids
    from ..head import Head
    from ..labels import Label
    from ..texts import Text
    from .fitting import Example, Fitted
    from .model import Start
    from .recipe import Recipe

T = TypeVar("T")
CALIBRATION_SIZE = 300  # texts
VALIDATION_SIZE = 1000  # texts that are left
LABELLED_SIZE, LABELLED_TOKENS = (
    20_000,
    2_000_000,
)  # training texts that are left with their class, and their tokens: 12 MB
# Why a finished training is not replaced, by the key of its record that differs.
_DIFFERENCES = {
    "recipe_sha256": "by another recipe",
    "data_sha256": "on other texts",
    "base_sha256": "from another checkpoint",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sets:
    """Labelled texts of a training."""

    texts: Sequence[Text]
    labels: Sequence[Label]
    label_names: Sequence[str]
    evaluation: Mapping[str, tuple[Sequence[Text], Sequence[Label]]]  # texts and labels by name of the set

    @property
    def sha256(self) -> str:
        return sha256_texts(self.texts, self.labels)

    @property
    def validation(self) -> tuple[Sequence[Text], Sequence[Label]] | None:
        return self.evaluation.get(VALIDATION)


def train(  # noqa: PLR0913 - one call says all that a run depends on
    recipe: Recipe,
    *,
    texts: Sequence[Text],
    labels: Sequence[Label],
    label_names: Sequence[str],
    out_dir: Path,
    evaluation: Mapping[str, tuple[Sequence[Text], Sequence[Label]]],
    tokenizer_dir: Path | None = None,
    checkpoint_dir: Path | None = None,
    demonstration: bool | None = None,
    origin: Mapping[str, Any] = MappingProxyType({}),
    resume: bool = False,
    progress: bool = False,
) -> TrainingReport:
    """Train by ``recipe`` on texts and labels of its task, score ``evaluation``, and write the checkpoint to ``out_dir``.

    ``label_names``: by output; of a score the one name. With several labels a text and a validation set, the checkpoint gets for
    each label the threshold with the highest F1 there.
    ``checkpoint_dir``: folder of the recipe's checkpoint where that is a Hub id, since workers are offline.
    ``origin``: for the record, the machine ("cpu", "cores", "threads"), and "commit" and "dirty" in a repository.
    ``demonstration``: whether the texts are the bundled corpus; None: as the recipe says.
    ``resume``: continue an interrupted training of the same recipe and texts; on one device the weights are the same.

    Deterministic for recipe, texts, library versions and number of threads. Replaces the checkpoint of an earlier
    training with the same recipe, texts and base checkpoint. Raises CheckpointError where ``out_dir`` holds anything
    else, DataError for unusable labels, RecipeError for a recipe that does not fit the call, DiskFullError.
    """
    begun = time.perf_counter()
    sets = _Sets(texts=texts, labels=labels, label_names=label_names, evaluation=evaluation)
    check_labels(recipe.task, labels, label_names, len(texts))
    _check_tokenizer_dir(recipe, tokenizer_dir)
    base = (checkpoint_dir or Path(recipe.checkpoint or "")) if recipe.fine_tunes else None
    sources = _sources(recipe, sets, base)
    _check_folder(out_dir, sources)
    with whole_folder(out_dir) as folder, quiet_transformers():
        start, tokenizer = _start(recipe, sets, tokenizer_dir or folder, base)
        unfinished = Unfinished(out_dir, _identity(recipe, tokenizer, sets, sources["base_sha256"]))
        with unfinished.kept(resume=resume) as state:
            outputs = len(label_names)
            examples = _examples(tokenizer, recipe, texts, labels, outputs)
            kept = _become_student(start, tokenizer, recipe, examples) if recipe.student else None
            validation = _examples(tokenizer, recipe, *sets.validation, outputs) if sets.validation else None
            given = {"model": start.model, "tokenizer": tokenizer, "recipe": recipe, "examples": examples}
            fitted = _fit(**given, validation=validation, unfinished=unfinished, state=state, progress=progress)
            head = _head(start.model, tokenizer, recipe, sets)
            scores = _score(start.model, tokenizer, head, recipe, sets)
            _save(start.model, tokenizer, folder)
            report = TrainingReport(
                seconds=time.perf_counter() - begun,
                **costs(fitted, recipe, examples),
                **scores.figures,
                thresholds=[*head.thresholds],
                student=kept and {"layers": [*kept.layers], "of": kept.of},
                **_data_facts(sets),
                **_model_facts(start, folder),
                **sources,
            )
            bundled = recipe.demonstration if demonstration is None else demonstration
            pairs = not isinstance(texts[0], str)
            facts = {"demonstration": bundled, "pairs": pairs, "origin": dict(origin)}
            answers = {"labels": list(label_names), "sets": scores.answers}
            left = _left_ids(recipe, tokenizer, sets)
            write_records(folder, recipe, report, **left, answers=answers, facts=facts)
    unfinished.done()
    return report


def _fit(**given: Any) -> Fitted:
    """Call ``fit`` in every process of a launched training."""
    if process_count() > 1:
        shared(given, gpu=this_device().gpu)
    return fit(**given)


def follow() -> None:
    """Take part in the training of the main process, which reads the texts and writes the checkpoint."""
    with quiet_transformers():
        fit(**shared(None, gpu=this_device().gpu))


def _sources(recipe: Recipe, sets: _Sets, base: Path | None) -> dict[str, Any]:
    return {"recipe_sha256": recipe.sha256, "data_sha256": sets.sha256, "base_sha256": base_digest(base)}


def _identity(recipe: Recipe, tokenizer: Any, sets: _Sets, base_sha256: str | None) -> dict[str, Any]:
    """Everything that decides the weights on one device."""
    import torch

    return {
        "checkpoint to start from": base_sha256,
        "recipe": recipe.sha256,
        "training texts": sets.sha256,
        "validation set": sha256_texts(*sets.validation) if sets.validation else None,
        "tokenizer": hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
        "labels": list(sets.label_names),
        "number of threads": torch.get_num_threads(),
        "number of processes": process_count(),
        "version": package_versions(),
    }


def _examples(
    tokenizer: Any, recipe: Recipe, texts: Sequence[Text], labels: Sequence[Label], outputs: int
) -> list[Example]:
    input_ids = _input_ids(tokenizer, texts, recipe.max_length)
    return [
        {**model_inputs(ids), "labels": target(recipe.task, label, outputs)}
        for ids, label in zip(input_ids, labels, strict=True)
    ]


def _become_student(start: Start, tokenizer: Any, recipe: Recipe, examples: list[Example]) -> Kept:
    """Give each example the outputs of the whole model, and leave the student's layers."""
    assert recipe.student
    if start.new_weights:
        raise RecipeError(
            f"recipe {recipe.name!r}: the teacher {recipe.checkpoint} does not give the labels of the training texts, expected a "
            "classifier that was trained for them; train it first"
        )
    input_ids = [one["input_ids"] for one in examples]
    if "token_type_ids" in examples[0]:
        input_ids = [TypedIds(one["input_ids"], one["token_type_ids"]) for one in examples]
    learnt = predict_logits(start.model, tokenizer, input_ids, recipe.eval_batch_size)
    for example, logits in zip(examples, learnt, strict=True):
        example["teacher"] = logits.tolist()
    kept = keep_layers(start.model, recipe.student.layers)
    # In config.json, which every artifact has
    start.model.config.student = {"layers": len(kept.layers), "teacher_layers": kept.of}
    return kept


def _check_tokenizer_dir(recipe: Recipe, tokenizer_dir: Path | None) -> None:
    """Refuse a tokenizer folder where the recipe has its own, and a recipe from scratch without either."""
    if recipe.tokenizer is not None and tokenizer_dir is not None:
        raise RecipeError(
            f"recipe {recipe.name!r} trains its own tokenizer, found the folder {tokenizer_dir} as well; leave one out"
        )
    if recipe.fine_tunes and tokenizer_dir is not None:
        raise RecipeError(
            f"recipe {recipe.name!r} starts from {recipe.checkpoint!r}, which has its tokenizer, found the folder "
            f"{tokenizer_dir} as well; leave it out"
        )
    if not recipe.fine_tunes and recipe.tokenizer is None and tokenizer_dir is None:
        raise RecipeError(
            f"recipe {recipe.name!r} has no [tokenizer], expected that or the folder of a tokenizer; "
            "pass one, such as a folder with the spiece.model of albert-base-v2"
        )


def _check_folder(out_dir: Path, sources: Mapping[str, Any]) -> None:
    """Refuse to replace anything but an earlier training of the same sources: it may have taken hours."""
    if not out_dir.exists():
        return
    record = out_dir / TRAINING_FILE
    if not record.is_file():
        if not out_dir.is_dir() or any(out_dir.iterdir()):
            raise CheckpointError(f"{out_dir}: exists and is no earlier training, expected a new folder; name another")
        return
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        other = next((what for key, what in _DIFFERENCES.items() if found.get(key) != sources[key]), None)
    except (ValueError, AttributeError):
        other = _DIFFERENCES["recipe_sha256"]
    if other:
        raise CheckpointError(f"{out_dir}: holds a finished training {other}; name another folder, or remove it")


def _start(recipe: Recipe, sets: _Sets, folder: Path, base: Path | None) -> tuple[Start, Any]:
    """Model before training, and its tokenizer, which is read from ``folder`` or trained and left there."""
    own = recipe.tokenizer
    tokenizer = train_tokenizer(own, [*singles(sets.texts)], folder) if own else read_tokenizer(base or folder)
    start = build_model(recipe, tokenizer, sets.label_names, base)
    known = first_outputs(recipe.task, sets.labels, len(sets.label_names))
    if known and (base is None or start.new_weights):
        start_at(start.model, known)
    # A tokenizer's own limit belongs to the model that it was made for: it holds only if that model is trained further.
    positions = most_positions(start.model) or tokenizer.model_max_length
    tokenizer.model_max_length = positions if base is None else min(tokenizer.model_max_length, positions)
    if recipe.max_length > tokenizer.model_max_length:
        limit = tokenizer.model_max_length
        raise RecipeError(f"recipe {recipe.name!r}: 'max_length' is {recipe.max_length}, expected at most {limit}")
    return start, tokenizer


def _input_ids(tokenizer: Any, texts: Sequence[Text], max_length: int) -> list[Ids]:
    """Token ids of each text; with the types that the tokenizer gives pairs, if it does."""
    alone = isinstance(texts[0], str)
    encoded = tokenizer(
        *([list(texts)] if alone else map(list, zip(*texts, strict=True))), truncation=True, max_length=max_length
    )
    ids: list[Ids] = encoded["input_ids"]
    types = encoded.get("token_type_ids", [])
    return [*map(TypedIds, ids, types)] if any(map(any, types)) else ids


def _head(model: Any, tokenizer: Any, recipe: Recipe, sets: _Sets) -> Head:
    """What the outputs mean; thresholds are chosen on the validation set, and written into the model's configuration."""
    from ..head import Head, sigmoid

    names = tuple(sets.label_names)
    if recipe.task != "multi-label" or not sets.validation:
        return Head(task=recipe.task, labels=names)
    texts, labels = sets.validation
    input_ids = _input_ids(tokenizer, texts, recipe.max_length)
    chances = sigmoid(predict_logits(model, tokenizer, input_ids, recipe.eval_batch_size))
    thresholds = best_thresholds(true_answers(recipe.task, labels, len(names)), chances)
    setattr(model.config, THRESHOLDS, [*thresholds])
    return Head(task=recipe.task, labels=names, thresholds=thresholds)


def _score(model: Any, tokenizer: Any, head: Head, recipe: Recipe, sets: _Sets) -> Scores:
    """Scores on every evaluation set; texts are cut as in training and as the deployed model cuts them."""
    scores = Scores()
    for name, (texts, labels) in sets.evaluation.items():
        input_ids = _input_ids(tokenizer, texts, recipe.max_length)
        if head.task != "single-label":
            scores.add_outputs(name, head, labels, predict_logits(model, tokenizer, input_ids, recipe.eval_batch_size))
            continue
        classes = [*map(int, labels)]  # type: ignore[arg-type] # class indices
        found = predict_labels(model, tokenizer, input_ids, recipe.eval_batch_size)
        scores.add(name, sets.label_names, classes, found)
        scores.answers[name] = {"labels": classes, "found": found, "tokens": [len(ids) for ids in input_ids]}
    return scores


def _data_facts(sets: _Sets) -> dict[str, Any]:
    return {
        "leaked": overlapping_texts(sets.texts, {name: one[0] for name, one in sets.evaluation.items()}),
        "sets_sha256": {name: sha256_texts(*one) for name, one in sets.evaluation.items()},
    }


def _model_facts(start: Start, folder: Path) -> dict[str, Any]:
    return {
        "num_parameters": sum(weights.numel() for weights in start.model.parameters()),
        "new_weights": list(start.new_weights),
        "tokenizer_sha256": sha256_file(folder / "tokenizer.json"),
        "weights_sha256": _weights_digest(folder),
    }


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    model.save_pretrained(folder, safe_serialization=True)
    # Otherwise tokenizer.json would keep the truncation and padding of the last tokenised texts.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)
    _keep_readable(folder / "tokenizer_config.json")
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)  # safetensors writes them readable by the owner only


def _keep_readable(path: Path) -> None:
    """Replace the class name and list that transformers 5 writes and 4 refuses by those of 4, which both read."""
    config = json.loads(path.read_text(encoding="utf-8"))
    if "backend" not in config:  # written by transformers 4
        return
    if config["tokenizer_class"] == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if isinstance(config.get("extra_special_tokens"), list):
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _weights_digest(folder: Path) -> str:
    """SHA-256 of the weights file; of several files, the digest of their digests."""
    found = [sha256_file(file) for file in sorted(folder.glob("*.safetensors"))]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def _sample(recipe: Recipe, texts: Sequence[T], size: int) -> list[T]:
    """A seeded sample in random order, so that any prefix is a sample too."""
    return random.Random(recipe.seed).sample(list(texts), min(size, len(texts)))  # noqa: S311 - no secret


def _left_ids(recipe: Recipe, tokenizer: Any, sets: _Sets) -> dict[str, Any]:
    """Token ids that are left beside the weights: of training texts to calibrate, of others, and of validation texts."""
    training = _sample(recipe, sets.texts, CALIBRATION_SIZE)
    validation = _sample(recipe, sets.validation[0], VALIDATION_SIZE) if sets.validation else []
    ids = _input_ids(tokenizer, [*training, *validation], tokenizer.model_max_length)
    return {
        "calibration": [*map(ids_to_json, ids[: len(training)])],
        "validation": dict(zip(map(row_hash, validation), map(ids_to_json, ids[len(training) :]), strict=True)),
        "labelled": _left_labelled(recipe, tokenizer, sets, {*training}) if recipe.task == "single-label" else {},
    }


def _left_labelled(recipe: Recipe, tokenizer: Any, sets: _Sets, without: set[Text]) -> dict[str, list[Any]]:
    """Row hashes, token ids as in training, and classes of training texts, but of none in ``without``."""
    pairs = [(text, label) for text, label in zip(sets.texts, sets.labels, strict=True) if text not in without]
    pairs = _sample(recipe, pairs, LABELLED_SIZE)
    ids = _input_ids(tokenizer, [text for text, _ in pairs], recipe.max_length) if pairs else []
    most = sum(total <= LABELLED_TOKENS for total in accumulate(map(len, ids)))
    rows = [row_hash(text) for text, _ in pairs]
    labels = [int(label) for _, label in pairs]  # type: ignore[arg-type] # class indices
    return {"rows": rows[:most], "input_ids": [*map(ids_to_json, ids[:most])], "labels": labels[:most]}
