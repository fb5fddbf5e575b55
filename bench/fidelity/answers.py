"""One variant's answers held against the reference's on one labelled set: agreement, flips, and what they do to the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.fidelity.calibration import brier_score, calibration_error, probabilities, roc_area
from bench.fidelity.retention import Pairs, Retention, retention
from bench.statistics import QUANTILES, mcnemar, paired_interval, resampled_counts

if TYPE_CHECKING:
    import numpy.typing as npt

    from bench.fidelity.calibration import Classes, Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A difference of two scores on the same examples, with its 95 % interval by resampling them."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """What a variant makes of the reference's answers."""

    pairs: Pairs
    agreement: float  # share of examples with the reference's class
    flips: tuple[tuple[int, ...], ...]  # counts, rows = the reference's class, columns = the variant's
    p: float  # exact McNemar: so many sides changed by chance
    accuracy_change: Change
    f1_change: Change  # of the average of classes, weighted by examples
    retention: Retention | None  # None where the reference was never right
    max_logit_change: float
    mean_logit_change: float
    calibration_error: float  # of the variant itself, like the two after it
    brier: float
    roc_area: float | None


def fidelity(
    labels: Classes,
    reference: npt.NDArray[np.float32],
    variant: npt.NDArray[np.float32],
    sought: int,
    *,
    same: bool = False,
) -> Fidelity:
    """Compare logits ``(examples, classes)``; ``sought`` is the class that a binary classifier looks for.

    ``same``: the variant is the reference itself, and so keeps all of it on whatever examples.
    """
    before, after = reference.argmax(axis=1), variant.argmax(axis=1)
    was, now = before == labels, after == labels
    pairs = Pairs(
        both=int((was & now).sum()),
        lost=int((was & ~now).sum()),
        won=int((~was & now).sum()),
        neither=int((~was & ~now).sum()),
    )
    classes, chances = reference.shape[1], probabilities(variant)
    apart = np.abs(variant.astype(np.float64) - reference.astype(np.float64))
    low, high = paired_interval(int(pairs.lost), int(pairs.won), len(labels))
    return Fidelity(
        pairs=pairs,
        agreement=float((before == after).mean()),
        flips=_crossed(before, after, classes),
        p=mcnemar(int(pairs.lost), int(pairs.won)),
        accuracy_change=Change(value=(pairs.won - pairs.lost) / len(labels), low=low, high=high),
        f1_change=_f1_change(labels, before, after, classes),
        retention=Retention(value=1.0, low=1.0, high=1.0) if same else retention(pairs),
        max_logit_change=float(apart.max()),
        mean_logit_change=float(apart.mean()),
        calibration_error=calibration_error(chances, labels),
        brier=brier_score(chances, labels),
        roc_area=roc_area(chances, labels, sought),
    )


def _crossed(rows: Classes, columns: Classes, classes: int) -> tuple[tuple[int, ...], ...]:
    counts = np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)
    return tuple(tuple(row) for row in counts.tolist())


def _f1_change(labels: Classes, before: Classes, after: Classes, classes: int) -> Change:
    """Examples are drawn with both answers, so that what both get alike says nothing."""
    cells, inverse = np.unique(np.stack([labels, before, after]), axis=1, return_inverse=True)
    observed = np.bincount(inverse.ravel(), minlength=cells.shape[1])
    counts = np.concatenate([observed[np.newaxis], resampled_counts(observed)]).astype(np.float64)
    change = _weighted_f1(counts, cells[0], cells[2], classes) - _weighted_f1(counts, cells[0], cells[1], classes)
    low, high = np.quantile(change[1:], QUANTILES)
    return Change(value=float(change[0]), low=float(low), high=float(high))


def _weighted_f1(counts: Numbers, labels: Classes, predicted: Classes, classes: int) -> Numbers:
    """Of many sets at once; ``counts`` ``(sets, cells)`` by a cell's true and predicted class. An undefined one counts as 0."""
    of_class = np.eye(classes)
    actual, called = counts @ of_class[labels], counts @ of_class[predicted]
    right = counts[:, labels == predicted] @ of_class[labels[labels == predicted]]
    both = actual + called
    f1 = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
    return np.asarray((f1 * actual).sum(axis=1) / actual.sum(axis=1))
