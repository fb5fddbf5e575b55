"""What a training does differently by task: transformers' problem type, targets, labels that it refuses, metric that decides."""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain
from statistics import fmean
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..labels import Label, Task

    Target: TypeAlias = int | float | list[float]

PROBLEM_TYPES: dict[Task, str] = {
    "single-label": "single_label_classification",
    "multi-label": "multi_label_classification",
    "score": "regression",
}
DECIDING: dict[Task, str] = {"single-label": "f1", "multi-label": "macro_f1", "score": "spearman"}
"""The metric on the validation set that chooses the best epoch; larger is better."""

METRICS: dict[Task, tuple[str, ...]] = {
    "single-label": ("accuracy", "f1"),
    "multi-label": ("macro_f1", "micro_f1", "subset_accuracy"),
    "score": ("spearman", "pearson", "mae"),
}
"""What is reported of each labelled set."""

METRIC_NAMES = {
    "accuracy": "accuracy",
    "f1": "F1",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "subset_accuracy": "subset accuracy",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "mae": "MAE",
}


def target(task: Task, label: Label, outputs: int) -> Target:
    """What the loss compares the ``outputs`` of a model with: a class index, 0.0 or 1.0 for each label, or a score."""
    if task == "single-label":
        return label  # type: ignore[return-value] # a class index
    if task == "score":
        return float(label)  # type: ignore[arg-type] # a score
    given = set(label)  # type: ignore[arg-type] # label indices
    return [float(index in given) for index in range(outputs)]


def first_outputs(task: Task, labels: Sequence[Label], outputs: int) -> list[float]:
    """What a head that knows no text gives of any: the mean score, or the log odds of each label; empty of classes.

    Source of the log odds: Lin et al., "Focal loss for dense object detection", ICCV 2017, section 3.3.
    """
    if task == "score":
        return [fmean(map(float, labels))]  # type: ignore[arg-type] # scores
    if task == "single-label":
        return []
    counts: Counter[Any] = Counter(chain.from_iterable(labels))  # type: ignore[arg-type] # label indices
    return [math.log((counts[index] + 0.5) / (len(labels) - counts[index] + 0.5)) for index in range(outputs)]


def check_labels(task: Task, labels: Sequence[Label], names: Sequence[str], texts: int) -> None:
    """Refuse labels of ``texts`` that no model of this task can be trained on; raises DataError."""
    if texts != len(labels):
        raise DataError(f"training set has {texts} texts and {len(labels)} labels, expected as many of both")
    if task == "score":
        _check_scores(labels, names)
        return
    counts: Counter[Any] = Counter(chain.from_iterable(labels) if task == "multi-label" else labels)  # type: ignore[arg-type]
    unknown = [label for label in counts if label not in range(len(names))]
    if unknown:
        raise DataError(f"training set has the label {unknown[0]!r}, expected 0 to {len(names) - 1}")
    missing = [name for index, name in enumerate(names) if not counts[index]]
    if task == "multi-label" and (missing or not names):
        found = f"no text with the label {missing[0]!r}" if missing else "no label"
        raise DataError(f"training set of {texts} texts has {found}, expected a text or more of every label; add some")
    if task == "single-label" and (missing or len(names) < 2):  # noqa: PLR2004 - a classifier has two classes or more
        found = f"no text of class {missing[0]!r}" if missing else f"only one class, {names[0]!r}"
        raise DataError(f"training set of {texts} texts has {found}, expected texts of 2 classes or more; add some")


def _check_scores(scores: Sequence[Any], names: Sequence[str]) -> None:
    if len(names) != 1:
        raise DataError(f"training set has {len(names)} names of its score, expected one; pass one name")
    wrong = next((one for one in scores if not math.isfinite(one)), None)
    if wrong is not None:
        raise DataError(f"training set has the score {wrong!r}, expected finite numbers; correct it")
    if len(set(scores)) < 2:  # noqa: PLR2004 - of equal ones there is nothing to learn
        found = f"the score {scores[0]!r} alone" if scores else "no score"
        raise DataError(f"training set of {len(scores)} texts has {found}, expected scores that differ; add some")
