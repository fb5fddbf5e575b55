"""Intervals: what the values at hand leave open; all are 95 % intervals and all resampling is seeded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    _Numbers: TypeAlias = npt.NDArray[np.float64]

Interval: TypeAlias = tuple[float, float] | tuple[None, None]
"""Lower and upper end, or (None, None) where the values are too few to say."""

NO_INTERVAL: Interval = (None, None)
RESAMPLES = 2000
SEED = 0
QUANTILES = (0.025, 0.975)
DUEL_QUANTILE = 0.995  # a duel may add launches until it knows enough; a 99 % interval leaves room for that
_Z = 1.959963984540054  # 97.5 % point of the normal distribution
_MIN_ROWS = 3  # fewer variances say nothing about how variances are spread
_ROUNDING = 1e-24  # sum of squares of logarithms
_LARGEST_LOG = 700.0  # of a float
_ALIKE = 1000.0  # degrees of freedom from which on rows count as equally spread


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


def interval_factors(rows: Sequence[Sequence[float]]) -> list[float]:
    """How far each row's time is known: an interval reaches from time / factor to time × factor.

    One positive value of each independent process in a row, its median: rounds of one process depend on each other. A t
    interval of the mean logarithm, moderated as in ``ratio_intervals``; resampling two or three processes would never
    reach beyond them. inf for a row of one process.
    """
    from scipy.stats import t

    logs = [np.log(np.asarray(row, dtype=np.float64)) for row in rows]
    variances, freedom = _moderated([[row] for row in logs])
    return [
        _power(float(t.ppf(QUANTILES[1], free)) * math.sqrt(variance / len(row))) if len(row) > 1 else math.inf
        for row, variance, free in zip(logs, variances, freedom, strict=True)
    ]


def ratio_intervals(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[tuple[float, float, float]]:
    """Find contender / base with its interval for many rows, from one positive value of each independent process.

    A t interval of the difference of mean logarithms. Two or three processes say little about their own spread, so each
    row's variance is moderated by that of all rows, as far as the rows are alike in it. (ratio, 0, inf) where no side of a
    row has two processes. Source: Smyth, "Linear models and empirical Bayes methods", Stat. Appl. Genet. Mol. Biol. 3
    (2004), sections 3 and 6.2.
    """
    from scipy.stats import t

    logs = [tuple(np.log(np.asarray(side, dtype=np.float64)) for side in pair) for pair in pairs]
    found = []
    for (base, contender), variance, free in zip(logs, *_moderated(logs), strict=True):
        difference = float(contender.mean() - base.mean())
        if len(base) + len(contender) < 3:  # noqa: PLR2004 - one process a side has no spread
            found.append((_power(difference), 0.0, math.inf))
            continue
        half = float(t.ppf(QUANTILES[1], free)) * math.sqrt(variance * (1 / len(base) + 1 / len(contender)))
        found.append((_power(difference), _power(difference - half), _power(difference + half)))
    return found


def paired_intervals(rows: Sequence[Sequence[float]]) -> list[tuple[float, float, float]]:
    """Find contender / base with its 99 % interval for many rows, from one log ratio of each launch of both sides.

    What slows a whole launch slows both sides of it and is no part of its ratio. Moderated as in ``ratio_intervals``;
    (ratio, 0, inf) for a row of one launch.
    """
    from scipy.stats import t

    logs = [np.asarray(row, dtype=np.float64) for row in rows]
    found = []
    for row, variance, free in zip(logs, *_moderated([[row] for row in logs]), strict=True):
        middle = float(row.mean())
        half = float(t.ppf(DUEL_QUANTILE, free)) * math.sqrt(variance / len(row)) if len(row) > 1 else math.inf
        found.append((_power(middle), _power(middle - half), _power(middle + half)))
    return found


def _power(log: float) -> float:
    """E to the ``log``; two wild processes may leave more open than a float can say."""
    return math.exp(log if math.isinf(log) else max(-_LARGEST_LOG, min(_LARGEST_LOG, log)))


def process_variances(rows: Sequence[Sequence[Sequence[float]]]) -> list[float]:
    """Variance of a process's logarithm within a run, for each row of runs of positive values; moderated; 0 where unknown."""
    variances, _ = _moderated([[np.log(np.asarray(run, dtype=np.float64)) for run in row] for row in rows])
    return [float(variance) for variance in variances]


def _moderated(rows: Sequence[Sequence[_Numbers]]) -> tuple[_Numbers, _Numbers]:
    """Variance within the groups of each row, drawn towards that of all rows, and its degrees of freedom."""
    freedom = np.array([sum(len(group) - 1 for group in row) for row in rows], dtype=np.float64)
    squares = np.array([sum(float(((group - group.mean()) ** 2).sum()) for group in row) for row in rows])
    squares[squares < _ROUNDING] = 0.0  # equal values: what is left of them is no variance
    variances = np.divide(squares, freedom, out=np.zeros_like(squares), where=freedom > 0)
    prior, prior_freedom = _prior_variance(variances, freedom)
    if math.isinf(prior_freedom):  # all rows are alike
        return np.full(len(rows), prior), np.full(len(rows), math.inf)
    total = freedom + prior_freedom
    own = np.divide(freedom, total, out=np.zeros_like(total), where=total > 0)
    return own * variances + (1 - own) * prior, total


def _prior_variance(variances: _Numbers, freedom: _Numbers) -> tuple[float, float]:
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
