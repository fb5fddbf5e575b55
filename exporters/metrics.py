"""Metrics on arrays: F1 and subset accuracy of labels, correlation and error of scores; NumPy and SciPy alone.

Labels are 0 and 1, ``(texts, labels)``; scores are ``(texts,)``. Where a metric is undefined its value is the one that scikit-learn
gives with ``zero_division=0``: 0 for F1 of a label that is neither given nor true. A correlation with scores that are all equal
is NaN, as SciPy says; an empty array is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Counts: TypeAlias = npt.NDArray[np.int64]
    Floats: TypeAlias = npt.NDArray[np.float64]

_TWO = 2  # points that a correlation takes at least


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCounts:
    """Of each label ``(labels,)``, how many texts have it and are given it, are given it alone, and have it alone."""

    both: Counts  # true positives
    given: Counts  # false positives
    missed: Counts  # false negatives

    @property
    def precision(self) -> Floats:
        """Share of the given that are right, 0 where a label is never given."""
        return _ratio(self.both, self.both + self.given)

    @property
    def recall(self) -> Floats:
        """Share of the true that are given, 0 where no text has the label."""
        return _ratio(self.both, self.both + self.missed)

    @property
    def f1(self) -> Floats:
        """F1 of each label, 0 where it is undefined."""
        return _ratio(2 * self.both, 2 * self.both + self.given + self.missed)


def label_counts(true: npt.ArrayLike, found: npt.ArrayLike) -> LabelCounts:
    """Counts of each label over all texts; both arrays are ``(texts, labels)``."""
    expected, answered = _together(true, found, dimensions=2)
    have, give = expected != 0, answered != 0
    return LabelCounts(
        both=(have & give).sum(axis=0, dtype=np.int64),
        given=(~have & give).sum(axis=0, dtype=np.int64),
        missed=(have & ~give).sum(axis=0, dtype=np.int64),
    )


def macro_f1(true: npt.ArrayLike, found: npt.ArrayLike) -> float:
    """Mean over all labels of their F1; a label that no text has and that is never given counts as 0."""
    return float(label_counts(true, found).f1.mean())


def micro_f1(true: npt.ArrayLike, found: npt.ArrayLike) -> float:
    """F1 of all labels of all texts together; 0 where none is true and none is given."""
    counts = label_counts(true, found)
    both = int(counts.both.sum())
    return float(_ratio(2 * both, 2 * both + int(counts.given.sum()) + int(counts.missed.sum())))


def subset_accuracy(true: npt.ArrayLike, found: npt.ArrayLike) -> float:
    """Share of the texts that are given exactly their labels."""
    expected, answered = _together(true, found, dimensions=2)
    return float(((expected != 0) == (answered != 0)).all(axis=1).mean())


def pearson(true: npt.ArrayLike, found: npt.ArrayLike) -> float:
    """Correlation of two lists of scores; NaN where all of one list are equal, or for fewer than two scores."""
    expected, answered = _together(true, found, dimensions=1)
    if len(expected) < _TWO or _constant(expected) or _constant(answered):
        return float("nan")
    one, other = _centred(expected), _centred(answered)
    return float(np.clip(one @ other, -1.0, 1.0))


def spearman(true: npt.ArrayLike, found: npt.ArrayLike) -> float:
    """Correlation of the ranks of two lists of scores, ties with their mean rank; NaN as in ``pearson``."""
    from scipy.stats import rankdata

    expected, answered = _together(true, found, dimensions=1)
    return pearson(rankdata(expected), rankdata(answered))


def mean_absolute_error(true: npt.ArrayLike, found: npt.ArrayLike) -> float:
    """Mean distance of two lists of scores, in their unit."""
    expected, answered = _together(true, found, dimensions=1)
    return float(np.abs(expected - answered).mean())


def multi_hot(labels: Sequence[Any], count: int) -> npt.NDArray[np.int8]:
    """Labels as 0 and 1, ``(texts, count)``, of the label indices of each text."""
    rows = np.zeros((len(labels), count), dtype=np.int8)
    for row, indices in zip(rows, labels, strict=True):
        row[list(indices)] = 1
    return rows


def _together(true: npt.ArrayLike, found: npt.ArrayLike, *, dimensions: int) -> tuple[Floats, Floats]:
    """Both as floats, of the same shape; raises DataError for others."""
    expected, answered = np.asarray(true, dtype=np.float64), np.asarray(found, dtype=np.float64)
    if expected.shape != answered.shape or expected.ndim != dimensions or not expected.size:
        raise DataError(
            f"a metric got arrays of shapes {expected.shape} and {answered.shape}, expected the same shape twice, of "
            f"{dimensions} dimension{'s' * (dimensions > 1)} and not empty; pass the answers to the same texts"
        )
    return expected, answered


def _ratio(above: Any, below: Any) -> Floats:
    """A quotient that is 0 where ``below`` is 0."""
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) != 0)


def _constant(values: Floats) -> bool:
    return bool((values == values[0]).all())


def _centred(values: Floats) -> Floats:
    """Less their mean, and of length 1."""
    rest = values - values.mean()
    rest /= np.abs(rest).max()  # so that squares neither vanish nor overflow
    unit: Floats = rest / np.linalg.norm(rest)
    return unit
