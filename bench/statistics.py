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
_MIN_ROWS = 3  # fewer variances say nothing about how variances are spread
_ALIKE = 1000.0  # degrees of freedom from which on rows count as equally spread
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


def ratio_intervals(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[tuple[float, float, float]]:
    """Find contender / base with its interval for many rows, from one positive value of each independent process.

    A t interval of the difference of mean logarithms. Two or three processes say little about their own spread, so each
    row's variance is moderated by that of all rows, as far as the rows are alike in it. (ratio, 0, inf) where no side of a
    row has two processes. Source: Smyth, "Linear models and empirical Bayes methods", Stat. Appl. Genet. Mol. Biol. 3
    (2004), sections 3 and 6.2.
    """
    from scipy.stats import t

    logs = [tuple(np.log(np.asarray(side, dtype=np.float64)) for side in pair) for pair in pairs]
    freedom = np.array([len(base) + len(contender) - 2 for base, contender in logs], dtype=np.float64)
    squares = np.array([sum(float(((side - side.mean()) ** 2).sum()) for side in pair) for pair in logs])
    variances = np.divide(squares, freedom, out=np.zeros_like(squares), where=freedom > 0)
    prior, prior_freedom = _prior_variance(variances, freedom)
    found = []
    for (base, contender), variance, own in zip(logs, variances, freedom, strict=True):
        difference = float(contender.mean() - base.mean())
        if not own:
            found.append((math.exp(difference), 0.0, math.inf))
            continue
        weight = own / (own + prior_freedom)  # 0 where all rows are alike: prior_freedom is infinite
        error = math.sqrt((weight * variance + (1 - weight) * prior) * (1 / len(base) + 1 / len(contender)))
        half = float(t.ppf(QUANTILES[1], own + prior_freedom)) * error
        found.append((math.exp(difference), math.exp(difference - half), math.exp(difference + half)))
    return found


def _prior_variance(variances: npt.NDArray[np.float64], freedom: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Fit a scaled inverse chi-square to the variances of all rows: its variance and degrees of freedom, both by moments."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    usable = (freedom > 0) & (variances > 0)
    if usable.sum() < _MIN_ROWS:
        return 0.0, 0.0
    half = freedom[usable] / 2
    logs = np.log(variances[usable]) - polygamma(0, half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if excess <= polygamma(1, _ALIKE / 2):
        return float(np.average(variances[usable], weights=half)), math.inf
    prior_half = float(brentq(lambda x: polygamma(1, x) - excess, 1e-6, _ALIKE / 2))
    return math.exp(float(logs.mean()) + float(polygamma(0, prior_half)) - math.log(prior_half)), 2 * prior_half


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
