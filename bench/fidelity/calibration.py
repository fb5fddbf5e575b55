"""How good are the probabilities? Calibration and ranking of one model's answers on one labelled set."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

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


def calibration_error(chances: Numbers, labels: Classes) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, over bins of confidence.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
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


def _one_area(chances: Numbers, positive: npt.NDArray[np.bool_]) -> float:
    """By Mann and Whitney's U, of which it is the share."""
    from scipy.stats import rankdata

    ranks = rankdata(chances)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))
