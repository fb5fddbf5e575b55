"""Intervals: what the values at hand leave open; all are 95 % intervals and all resampling is seeded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

Interval: TypeAlias = tuple[float, float] | tuple[None, None]
"""Lower and upper end, or (None, None) where the values are too few to say."""

NO_INTERVAL: Interval = (None, None)
RESAMPLES = 2000
SEED = 0
QUANTILES = (0.025, 0.975)
_Z = 1.959963984540054  # 97.5 % point of the normal distribution
_MIN_BLOCKS = 3  # two blocks, resampled, give four medians


def median_interval(values: Sequence[float], launches: Sequence[int], blocks: Sequence[int] = ()) -> Interval:
    """Find the interval of the median of timed values by resampling launches, then the blocks within each of them.

    ``launches`` and ``blocks`` say where each value is from; without ``blocks`` a launch is one block. All values of a
    drawn block are kept, because rounds that follow each other are not independent. (None, None) below three blocks in
    all. Raises ValueError when the lengths differ.
    """
    members = list(zip(launches, blocks or [0] * len(values), strict=True))
    if len(members) != len(values):
        raise ValueError(f"{len(values)} values, but {len(members)} launches")
    if len(set(members)) < _MIN_BLOCKS:
        return NO_INTERVAL
    clusters, member = np.unique(np.asarray(members), axis=0, return_inverse=True)
    order = np.argsort(values, kind="stable")
    weights = _draw_blocks(clusters[:, 0])[:, member.ravel()[order]]
    return _interval(_weighted_medians(np.asarray(values, dtype=np.float64)[order], weights))


def wilson_interval(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion; (None, None) without trials.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not trials:
        return NO_INTERVAL
    share = successes / trials
    scale = 1 + _Z**2 / trials
    middle = (share + _Z**2 / (2 * trials)) / scale
    half = _Z * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2)) / scale
    low = 0.0 if successes == 0 else middle - half  # the formula gives these two only up to rounding
    high = 1.0 if successes == trials else middle + half
    return low, high


def ratio_interval(base: Sequence[float], contender: Sequence[float]) -> tuple[float, float, float]:
    """Find contender / base with its interval, from one positive value of each independent process.

    Welch's t interval of the difference of mean logarithms; (ratio, 0, inf) where a side has fewer than two processes, which
    leaves everything open. Source: Welch, "The generalization of Student's problem", Biometrika 34 (1947).
    """
    from scipy.stats import t

    logs = [np.log(np.asarray(side, dtype=np.float64)) for side in (base, contender)]
    difference = float(logs[1].mean() - logs[0].mean())
    if min(map(len, logs)) < 2:  # noqa: PLR2004 - one process says nothing of the next
        return math.exp(difference), 0.0, math.inf
    parts = [float(side.var(ddof=1)) / len(side) for side in logs]
    error = math.sqrt(sum(parts))
    if not error:
        return math.exp(difference), math.exp(difference), math.exp(difference)
    freedom = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, logs, strict=True))
    half = float(t.ppf(QUANTILES[1], freedom)) * error
    return math.exp(difference), math.exp(difference - half), math.exp(difference + half)


def mcnemar(lost: int, won: int) -> float:
    """Exact two-sided p that so many examples were lost and so many won by chance; those that both got alike say nothing.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12 (1947).
    """
    from scipy.stats import binomtest

    return float(binomtest(won, lost + won).pvalue) if lost + won else 1.0


def paired_interval(lost: int, won: int, examples: int) -> tuple[float, float]:
    """Find the interval of the change of a share, by resampling examples; both ends 0 where no example changed."""
    drawn = resampled_counts(np.asarray([lost, won, examples - lost - won], dtype=np.int64))
    low, high = np.quantile((drawn[:, 1] - drawn[:, 0]) / examples, QUANTILES)
    return float(low), float(high)


def resampled_counts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Draw as many examples as ``counts`` ``(cells)`` holds, with replacement; ``(RESAMPLES, cells)``."""
    total = int(counts.sum())
    if not total:
        return np.zeros((RESAMPLES, len(counts)), dtype=np.int64)
    return np.random.default_rng(SEED).multinomial(total, counts / total, size=RESAMPLES)


def _draw_blocks(launch_of_block: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How often each block is drawn, ``(RESAMPLES, blocks)``: launches first, then as many blocks as each of them has.

    A launch that is drawn twice has its blocks drawn anew each time, which is one draw of twice as many.
    """
    generator = np.random.default_rng(SEED)
    launches = np.unique(launch_of_block)
    drawn = generator.multinomial(len(launches), np.full(len(launches), 1 / len(launches)), size=RESAMPLES)
    counts = np.zeros((RESAMPLES, len(launch_of_block)), dtype=np.int64)
    for times, launch in zip(drawn.T, launches, strict=True):
        own = np.flatnonzero(launch_of_block == launch)
        counts[:, own] = generator.multinomial(times * len(own), np.full(len(own), 1 / len(own)))
    return counts


def _weighted_medians(ordered: npt.NDArray[np.float64], weights: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Find the median of ascending values for each row of ``weights``, which says how often each value occurs."""
    seen = np.cumsum(weights, axis=1)
    total = seen[:, -1:]
    lower = (seen <= (total - 1) // 2).sum(axis=1)
    upper = (seen <= total // 2).sum(axis=1)
    medians: npt.NDArray[np.float64] = (ordered[lower] + ordered[upper]) / 2
    return medians


def _interval(resampled: npt.NDArray[np.float64]) -> Interval:
    low, high = np.quantile(resampled, QUANTILES)
    return float(low), float(high)
