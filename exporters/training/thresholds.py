"""Thresholds of a multi-label model: for each label the probability above which it is given, with the highest F1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..head import HALF

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FEWEST = 5  # texts with a label, below which its threshold stays at 0.5: the best of so few says little of other texts


def best_thresholds(true: npt.NDArray[np.int8], chances: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Of each label the threshold with the highest F1, from labels and probabilities ``(texts, labels)``.

    Of equally good ones it is the one nearest to 0.5, which itself stays where none is better, and of a label that fewer than
    ``FEWEST`` texts have.
    """
    return tuple(_best(has, given) for has, given in zip(true.T != 0, chances.T, strict=True))


def _best(has: npt.NDArray[np.bool_], chances: npt.NDArray[np.float64]) -> float:
    import numpy as np

    positives = int(has.sum())
    if positives < FEWEST:
        return HALF
    order = np.argsort(-chances, kind="stable")
    falling = chances[order]
    following = np.append(falling[1:], 0.0)
    middles = (falling + following) / 2
    f1 = 2 * np.cumsum(has[order]) / (np.arange(1, len(order) + 1) + positives)
    # A threshold stands between two different probabilities; of neighbouring floats the middle is one of the two.
    usable = (middles < falling) & (middles >= following) & (middles > 0.0) & (middles < 1.0)
    given = chances > HALF
    at_half = 2 * int((has & given).sum()) / (int(given.sum()) + positives)
    if not usable.any() or f1[usable].max() <= at_half:
        return HALF
    best = middles[usable & (f1 == f1[usable].max())]
    return float(best[np.abs(best - HALF).argmin()])
