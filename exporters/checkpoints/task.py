"""The task of a checkpoint, read from its config.json: one class per text, any number of labels, or one score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, did_you_mean
from ..head import HALF, Head

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..labels import Task

THRESHOLDS = "thresholds"  # field of config.json: a probability for all labels, one for each, or by label name
_PROBLEMS: dict[Any, Task] = {  # transformers' problem_type
    "single_label_classification": "single-label",
    "multi_label_classification": "multi-label",
    "regression": "score",
}
# Where config.json is a CrossEncoder's of Sentence Transformers: the activation of its one output, a class's name.
_ACTIVATIONS = ("sentence_transformers", "activation_fn"), ("sbert_ce_default_activation_function",)


def read_head(path: Path, config: dict[str, Any]) -> Head:
    """What the outputs of a model mean by its ``config``, read from ``path``; raises CheckpointError."""
    labels = _labels(path, config)
    task = _task(path, config, labels)
    repeated = next((name for name in labels if labels.count(name) > 1), None)
    if task == "multi-label" and repeated is not None:
        raise CheckpointError(
            f"{path}: id2label names two labels {repeated!r}, expected a name of its own for each; rename one"
        )
    thresholds = _thresholds(path, config.get(THRESHOLDS), labels) if task == "multi-label" else ()
    return Head(task=task, labels=labels, thresholds=thresholds, sigmoid=task == "score" and _is_sigmoid(path, config))


def forget_answers(config: Any) -> None:
    """Remove from a transformers configuration the thresholds and the activation of the answers of another training."""
    for name in (THRESHOLDS, *(keys[0] for keys in _ACTIVATIONS)):
        if hasattr(config, name):
            delattr(config, name)


def _task(path: Path, config: dict[str, Any], labels: Sequence[str]) -> Task:
    """As transformers trains it: one output is a score, unless problem_type says that it is a label."""
    problem = config.get("problem_type")
    if problem not in (None, *_PROBLEMS):
        raise CheckpointError(
            f"{path}: problem_type is {problem!r}, expected one of {', '.join(_PROBLEMS)}; correct it"
        )
    task = _PROBLEMS.get(problem, "score" if len(labels) == 1 else "single-label")
    if task == "score" and len(labels) > 1:
        raise CheckpointError(f"{path}: has {len(labels)} outputs and problem_type 'regression', expected one score")
    if task == "single-label" and len(labels) == 1:
        raise CheckpointError(f"{path}: has one class, expected 2 or more; problem_type 'regression' is one score")
    return task


def _thresholds(path: Path, found: Any, labels: Sequence[str]) -> tuple[float, ...]:
    """A probability for each label; 0.5 where the checkpoint names none."""
    if found is None or isinstance(found, int | float):
        values: list[Any] = [HALF if found is None else found] * len(labels)
    elif isinstance(found, dict):
        unknown = next((name for name in found if name not in labels), None)
        if unknown is not None:
            raise CheckpointError(
                f"{path}: {THRESHOLDS} names the label {unknown!r}; {did_you_mean(unknown, labels)}correct it"
            )
        values = [found.get(name, HALF) for name in labels]
    else:
        values = found if isinstance(found, list) else []
    wrong = [one for one in values if isinstance(one, bool) or not isinstance(one, int | float) or not 0 < one < 1]
    if len(values) != len(labels) or wrong:
        said = f"has {wrong[0]!r:.60}" if wrong else f"is {found!r:.60}"
        expected = f"a probability between 0 and 1 for each of {len(labels)} labels"
        raise CheckpointError(f"{path}: {THRESHOLDS} {said}, expected {expected}; correct it")
    return tuple(map(float, values))


def _is_sigmoid(path: Path, config: dict[str, Any]) -> bool:
    """Whether the score is the sigmoid of the output: a CrossEncoder's is, unless it names Identity."""
    for keys in _ACTIVATIONS:
        found: Any = config
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if found:
            return _known_activation(path, str(found)) == "Sigmoid"
    return is_cross_encoder(config)


def _known_activation(path: Path, name: str) -> str:
    found = name.rpartition(".")[2]
    if found not in ("Sigmoid", "Identity"):
        raise CheckpointError(
            f"{path}: the activation of the score is {name}, expected Sigmoid or Identity; write Identity to measure the output "
            "itself"
        )
    return found


def is_cross_encoder(config: dict[str, Any]) -> bool:
    """Whether a configuration is a CrossEncoder's of Sentence Transformers, of this version or an older one."""
    return any(keys[0] in config for keys in _ACTIVATIONS)


def _labels(path: Path, config: dict[str, Any]) -> tuple[str, ...]:
    """Label names by output; transformers omits id2label for two unnamed labels."""
    by_index = config.get("id2label") or _unnamed_labels(path, config)
    if not isinstance(by_index, dict):
        raise CheckpointError(
            f"{path}: id2label is a {type(by_index).__name__}, expected an object of names by class index; "
            'write {"0": …, "1": …}'
        )
    count = len(by_index)
    if set(by_index) != {str(i) for i in range(count)}:
        raise CheckpointError(
            f"{path}: id2label has the keys {', '.join(map(repr, by_index))}, "
            f"expected '0' to '{count - 1}'; number the labels like the model's outputs"
        )
    return tuple(str(by_index[str(i)]) for i in range(count))


def _unnamed_labels(path: Path, config: dict[str, Any]) -> dict[str, str]:
    count = config.get("num_labels", 2)
    if not isinstance(count, int) or count < 1:
        raise CheckpointError(f"{path}: num_labels is {count!r}, expected a whole number; save the checkpoint again")
    return {str(i): f"LABEL_{i}" for i in range(count)}
