"""Probability calibration: reliability, calibration error, Brier score and area under ROC of one model on one labelled set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..statistics import wilson_interval

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers: TypeAlias = npt.NDArray[np.float64]
    Classes: TypeAlias = npt.NDArray[np.int64]

BINS = 15  # of equal width, as in Guo et al.
_BINARY = 2


def probabilities(logits: npt.NDArray[np.float32]) -> Numbers:
    """Softmax of ``(examples, classes)``, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One bin of a reliability diagram; it holds at least one example."""

    low: float  # where the bin begins; it is 1 / BINS wide
    confidence: float  # mean of its examples
    texts: int
    accuracy: float  # of its examples
    below: float  # distance from the accuracy to the lower end of its 95 % interval
    above: float


def reliability(chances: Numbers, labels: Classes) -> list[Bin]:
    """Accuracy by confidence; bins without an example are left out."""
    confidence, right, bins = _binned(chances, labels)
    texts = np.bincount(bins, minlength=BINS)
    sums = np.bincount(bins, weights=confidence, minlength=BINS)
    hits = np.bincount(bins, weights=right, minlength=BINS)
    return [
        _bin(place, int(texts[place]), int(hits[place]), float(sums[place])) for place in range(BINS) if texts[place]
    ]


def calibration_error(chances: Numbers, labels: Classes) -> float:
    """Expected calibration error: mean distance between confidence and accuracy, over bins of confidence.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    confidence, right, bins = _binned(chances, labels)
    gaps = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))


def brier_score(chances: Numbers, labels: Classes) -> float:
    """Mean squared error of the probabilities: of one of two classes, or summed over more than two.

    Source: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950).
    """
    wanted = np.eye(chances.shape[1])[labels]
    total = float(((chances - wanted) ** 2).sum(axis=1).mean())
    return total / 2 if chances.shape[1] == _BINARY else total


def roc_area(chances: Numbers, labels: Classes, sought: int) -> float | None:
    """Area under ROC: the chance that an example of class ``sought`` gets the higher probability of it than another one.

    Of more than two classes, each against all others, weighted by its examples. None where a class has no example.
    """
    classes = [sought] if chances.shape[1] == _BINARY else list(range(chances.shape[1]))
    weights = [int((labels == one).sum()) for one in classes]
    if not all(0 < weight < len(labels) for weight in weights):
        return None
    areas = [_one_area(chances[:, one], labels == one) for one in classes]
    return float(np.average(areas, weights=weights))


def _binned(chances: Numbers, labels: Classes) -> tuple[Numbers, npt.NDArray[np.bool_], Classes]:
    """Of each example its confidence, whether it is right, and its bin."""
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == labels
    return confidence, right, np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def _bin(place: int, texts: int, hits: int, confidences: float) -> Bin:
    accuracy = hits / texts
    low, high = wilson_interval(hits, texts)
    assert low is not None
    assert high is not None
    return Bin(
        low=place / BINS,
        confidence=confidences / texts,
        texts=texts,
        accuracy=accuracy,
        below=max(0.0, accuracy - low),
        above=max(0.0, high - accuracy),
    )


def _one_area(chances: Numbers, positive: npt.NDArray[np.bool_]) -> float:
    """Mann and Whitney's U / the number of pairs."""
    from scipy.stats import rankdata

    ranks = rankdata(chances)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))
