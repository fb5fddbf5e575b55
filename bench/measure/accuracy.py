"""Accuracy, precision, recall, F1 and error rates from a confusion matrix (rows: true label, columns: predicted)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

from ..statistics import QUANTILES, resampled_counts, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Counts: TypeAlias = npt.NDArray[np.int64]
    Numbers: TypeAlias = npt.NDArray[np.float64]

ConfusionMatrix: TypeAlias = tuple[tuple[int, ...], ...]

_EMPTY = "no examples"
_BINARY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One figure of a labelled set: a value with its 95 % interval, or the reason why it is undefined."""

    metric: str  # key of METRICS
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int  # examples behind ``value``
    reason: str = ""  # empty only when there is a value
    label: str | None = None  # the class; for "confusion": "TRUE as PREDICTED"


def positive(labels: Sequence[str]) -> int:
    """Index of the positive class of a binary classifier: the label "fake" if there is one, else the second.

    >>> positive(["FAKE", "REAL"]), positive(["real", "fake"]), positive(["ham", "spam"])
    (0, 1, 1)
    """
    return next((index for index, label in enumerate(labels) if label.lower() == "fake"), 1)


def confusion_matrix(labels: Sequence[int], predicted: Sequence[int], num_labels: int) -> ConfusionMatrix:
    """Count examples, ``(num_labels, num_labels)``; raises ValueError for unequal lengths or a class out of range."""
    rows, columns = np.asarray(labels, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if rows.shape != columns.shape:
        raise ValueError(f"{rows.size} labels, but {columns.size} predictions")
    for classes in (rows, columns):
        if classes.size and not 0 <= classes.min() <= classes.max() < num_labels:
            raise ValueError(f"classes {classes.min()} to {classes.max()}, expected 0 to {num_labels - 1}")
    counts = np.bincount(rows * num_labels + columns, minlength=num_labels**2).reshape(num_labels, num_labels)
    return tuple(tuple(row) for row in counts.tolist())


def scores(matrix: ConfusionMatrix, labels: Sequence[str]) -> list[Score]:
    """All figures of a confusion matrix, always in the same order; an undefined one has its reason.

    Without a label, precision, recall and F1 are averages of the classes weighted by their examples (an undefined one
    counts as 0, as in scikit-learn with ``zero_division=0``), and the two error rates are those of the ``positive`` class.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    margins = _resample(counts)
    return [
        *_overall(margins),
        *_per_class(margins, labels),
        *_error_rates("false_positive_rate", counts, labels),
        *_error_rates("false_negative_rate", counts, labels),
        *_confusion(counts, labels),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Margins of many confusion matrices, ``(matrices, num_labels)``: the observed one, then its resampled ones."""

    right: Numbers
    actual: Numbers  # examples of each class
    predicted: Numbers

    @classmethod
    def of_cells(cls, cells: Numbers, labels: Counts, predicted: Counts, num_labels: int) -> Self:
        """From ``cells``, ``(matrices, cells)``: counts of examples; ``labels`` and ``predicted`` are the classes of each cell."""
        of_class, hit = np.eye(num_labels), labels == predicted
        return cls(
            right=cells[:, hit] @ of_class[labels[hit]],
            actual=cells @ of_class[labels],
            predicted=cells @ of_class[predicted],
        )

    def precision(self) -> Numbers:
        """Precision of each class; NaN if nothing was predicted as it."""
        return _divide(self.right, self.predicted)

    def f1(self) -> Numbers:
        """F1 of each class; NaN if no example is of it and none was predicted as it."""
        return _divide(2 * self.right, self.actual + self.predicted)

    def weighted(self, per_class: Numbers) -> Numbers:
        """Average over classes, weighted by their examples; an undefined one counts as 0."""
        return _divide((np.nan_to_num(per_class) * self.actual).sum(axis=1), self.actual.sum(axis=1))


def _resample(counts: Counts) -> Margins:
    """Margins of the matrix and of its bootstrap samples; only non-empty cells are drawn, because most are empty."""
    rows, columns = np.nonzero(counts)
    drawn = resampled_counts(counts[rows, columns])
    cells = np.concatenate([counts[rows, columns][np.newaxis], drawn]).astype(np.float64)
    return Margins.of_cells(cells, rows, columns, len(counts))


def _overall(margins: Margins) -> list[Score]:
    right, total = round(margins.right[0].sum()), round(margins.actual[0].sum())
    return [
        _proportion("accuracy", right, total, _EMPTY),
        _resampled("precision", margins.weighted(margins.precision()), total, _EMPTY),
        _proportion("recall", right, total, _EMPTY),  # weighted recall equals accuracy
        _resampled("f1", margins.weighted(margins.f1()), total, _EMPTY),
    ]


def _per_class(margins: Margins, labels: Sequence[str]) -> list[Score]:
    f1, total = margins.f1(), round(margins.actual[0].sum())
    found = []
    for index, label in enumerate(labels):
        sums = (margins.right, margins.actual, margins.predicted)
        right, actual, predicted = (round(classes[0, index]) for classes in sums)
        absent = f"no example of class {label}"
        found += [
            _proportion("precision", right, predicted, f"no example was predicted as {label}", label),
            _proportion("recall", right, actual, absent, label),
            _resampled("f1", f1[:, index], total, f"{absent}, and none was predicted as {label}", label),
        ]
    return found


def _error_rates(metric: str, counts: Counts, labels: Sequence[str]) -> list[Score]:
    """The error rate of the positive class of two, without a label, then that of each class against all others."""
    found = [_error_rate(metric, counts, index, label) for index, label in enumerate(labels)]
    if len(labels) != _BINARY:
        reason = "defined per class when there are more than two labels"
        return [Score(metric=metric, value=None, n=int(counts.sum()), reason=reason), *found]
    return [replace(found[positive(labels)], label=None), *found]


def _error_rate(metric: str, counts: Counts, index: int, label: str) -> Score:
    right, actual, predicted = int(counts[index, index]), int(counts[index].sum()), int(counts[:, index].sum())
    if metric == "false_negative_rate":
        return _proportion(metric, actual - right, actual, f"no example of class {label}", label)
    others = int(counts.sum()) - actual
    return _proportion(metric, predicted - right, others, f"no example of another class than {label}", label)


def _confusion(counts: Counts, labels: Sequence[str]) -> list[Score]:
    total = int(counts.sum())
    return [
        Score(metric="confusion", value=float(counts[row, column]), n=total, label=f"{actual} as {predicted}")
        for row, actual in enumerate(labels)
        for column, predicted in enumerate(labels)
    ]


def _proportion(metric: str, part: int, whole: int, undefined: str, label: str | None = None) -> Score:
    """``part / whole`` with Wilson's interval, or the reason ``undefined`` if ``whole`` is 0."""
    if not whole:
        return Score(metric=metric, value=None, n=0, reason=undefined, label=label)
    low, high = wilson_interval(part, whole)
    return Score(metric=metric, value=part / whole, low=low, high=high, n=whole, label=label)


def _resampled(metric: str, figures: Numbers, n: int, undefined: str, label: str | None = None) -> Score:
    """The first of ``figures`` with the percentile interval of the others, which are of bootstrap samples."""
    if np.isnan(figures[0]):
        return Score(metric=metric, value=None, n=n, reason=undefined, label=label)
    low, high = np.nanquantile(figures[1:], QUANTILES)
    if low == high:  # resampling a matrix without errors gives no errors: no interval
        return Score(metric=metric, value=float(figures[0]), n=n, label=label)
    return Score(metric=metric, value=float(figures[0]), low=float(low), high=float(high), n=n, label=label)


def _divide(top: Numbers, bottom: Numbers) -> Numbers:
    return np.divide(top, bottom, out=np.full(bottom.shape, np.nan), where=bottom != 0)
