"""One variant's answers held against the reference's on one labelled set: agreement, flips, and what they do to the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis.probability_calibration import brier_score, calibration_error, probabilities, roc_area
from bench.analysis.retention import ALL, Pairs, Retention, count_pairs, retention
from bench.measure.accuracy import ConfusionMatrix, Margins, confusion_matrix
from bench.statistics import QUANTILES, Estimate, mcnemar, paired_interval, resampled_counts

if TYPE_CHECKING:
    import numpy.typing as npt

    from bench.analysis.probability_calibration import Classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """What a variant makes of the reference's answers."""

    pairs: Pairs
    agreement: float  # share of examples with the reference's class
    flips: ConfusionMatrix  # counts, rows = the reference's class, columns = the variant's
    p: float  # exact McNemar: so many sides changed by chance
    accuracy_change: Estimate  # by a score test of the pairs
    f1_change: Estimate  # of the average of classes, weighted by examples; by resampling the pairs
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
    pairs = count_pairs(before == labels, after == labels)
    classes, chances = reference.shape[1], probabilities(variant)
    apart = np.abs(variant.astype(np.float64) - reference.astype(np.float64))
    low, high = (0.0, 0.0) if same else paired_interval(int(pairs.lost), int(pairs.won), len(labels))
    return Fidelity(
        pairs=pairs,
        agreement=float((before == after).mean()),
        flips=confusion_matrix(before, after, classes),
        p=mcnemar(int(pairs.lost), int(pairs.won)),
        accuracy_change=Estimate(value=(pairs.won - pairs.lost) / len(labels), low=low, high=high),
        f1_change=_f1_change(labels, before, after, classes),
        retention=ALL if same else retention(pairs),
        max_logit_change=float(apart.max()),
        mean_logit_change=float(apart.mean()),
        calibration_error=calibration_error(chances, labels),
        brier=brier_score(chances, labels),
        roc_area=roc_area(chances, labels, sought),
    )


def _f1_change(labels: Classes, before: Classes, after: Classes, classes: int) -> Estimate:
    """Examples are drawn with both answers, so that what both get alike says nothing."""
    cells, inverse = np.unique(np.stack([labels, before, after]), axis=1, return_inverse=True)
    observed = np.bincount(inverse.ravel(), minlength=cells.shape[1])
    counts = np.concatenate([observed[np.newaxis], resampled_counts(observed)]).astype(np.float64)
    was, now = (Margins.of_cells(counts, cells[0], predicted, classes) for predicted in cells[1:])
    change = now.weighted(now.f1()) - was.weighted(was.f1())
    low, high = np.quantile(change[1:], QUANTILES)
    return Estimate(value=float(change[0]), low=float(low), high=float(high))
