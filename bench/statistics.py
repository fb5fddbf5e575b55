"""Intervals: what the values at hand leave open; all are 95 % intervals and all resampling is seeded."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    _Numbers: TypeAlias = npt.NDArray[np.float64]

Interval: TypeAlias = tuple[float, float] | tuple[None, None]
"""Lower and upper end, or (None, None) where the values are too few to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval."""

    value: float
    low: float
    high: float


NO_INTERVAL: Interval = (None, None)
RESAMPLES = 2000
SEED = 0
LEVEL = 0.05  # an interval misses in so many of all cases
QUANTILES = (LEVEL / 2, 1 - LEVEL / 2)
DUEL_LEVEL = 0.01  # a duel may add launches until it knows enough: that leaves room for it
Z = 1.959963984540054  # 97.5 % point of the normal distribution
_MIN_ROWS = 3  # fewer variances say nothing about how variances are spread
_ROUNDING = 1e-24  # sum of squares of logarithms
_LARGEST_LOG = 700.0  # of a float
_ALIKE = 1000.0  # degrees of freedom from which on rows count as equally spread


@lru_cache(maxsize=4096)  # scipy computes an exact p along with it, 2 ms each; a report asks for the same shares again
def wilson_interval(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion; (None, None) without trials."""
    from scipy.stats import binomtest

    if not trials:
        return NO_INTERVAL
    found = binomtest(successes, trials).proportion_ci(confidence_level=1 - LEVEL, method="wilson")
    return float(found.low), float(found.high)


def prediction_interval(values: Sequence[float], step: float = 0.0) -> tuple[float, float]:
    """Find the interval in which one more value lies, of as many as are normally spread like these; two values or more.

    ``step``: the least by which two values can differ, as 1 / n for a share of n. What is rounded to it is spread by
    step / √12 at least (Sheppard), though all values be alike.
    Source: Hahn and Meeker, "Statistical Intervals", Wiley (1991), section 4.7.
    """
    from scipy.stats import t

    count, mean = len(values), statistics.fmean(values)
    spread = max(statistics.stdev(values), step / math.sqrt(12))
    reach = float(t.ppf(QUANTILES[1], count - 1)) * spread * math.sqrt(1 + 1 / count)
    return mean - reach, mean + reach


def quantile_interval(values: Sequence[float], share: float) -> tuple[float, float | None]:
    """Find the interval of the quantile that lies above ``share`` of all positive values, of which ``values`` are some.

    By the ranks that it has in such samples, whatever the law of the values. Where they are too few for both ends: as if their
    logarithms were normal, the upper end also as if they were exponential above the least, since times have such tails; never
    short of the largest. The upper end of a single value is None: it is open. Source: Hahn and Meeker, "Statistical Intervals",
    Wiley (1991), sections 5.2, 4.4 and 7.
    """
    from scipy.stats import binom, chi2, nct

    ordered, count = np.sort(np.asarray(values, dtype=np.float64)), len(values)
    below, above = (int(rank) for rank in binom.ppf(QUANTILES, count, share))
    if below > 0 and above < count:
        return float(ordered[below - 1]), float(ordered[above])
    if count < 2:  # noqa: PLR2004 - one value has no spread
        return 0.0, None
    least, largest, logs = float(ordered[0]), float(ordered[-1]), np.log(ordered)
    shift = statistics.NormalDist().inv_cdf(share) * math.sqrt(count)
    low, high = nct.ppf(QUANTILES, count - 1, shift) / math.sqrt(count) * logs.std(ddof=1) + logs.mean()
    slowest = (
        2 * float((ordered - least).sum()) / float(chi2.ppf(QUANTILES[0], 2 * count - 2))
    )  # scale of an exponential
    tail = least - slowest * math.log(1 - share)
    return min(_power(float(low)), largest), max(_power(float(high)), tail, largest)


@dataclass(frozen=True, slots=True)
class LogRatio:
    """A ratio of two times as its logarithm, and how well it is known."""

    middle: float
    error: float  # standard error of ``middle``; inf where too few processes leave it open
    freedom: float  # degrees of freedom of ``error``

    def interval(self, level: float) -> tuple[float, float, float]:
        """The ratio, with the interval that misses it in a share of ``level`` of all cases."""
        half = self._reach(level)
        return _power(self.middle), _power(self.middle - half), _power(self.middle + half)

    def p(self) -> float:
        """Two-sided p that a true ratio of 1 gives one so far from it."""
        from scipy.stats import t

        if not self.middle or math.isinf(self.error):
            return 1.0
        return float(2 * t.sf(abs(self.middle) / self.error, self.freedom)) if self.error else 0.0

    def times(self, factor: float) -> LogRatio:
        """The ratio, multiplied by what is known exactly."""
        return replace(self, middle=self.middle + math.log(factor))

    def detectable(self, level: float) -> float:
        """The smallest ratio above 1 that could have been told from 1."""
        return _power(self._reach(level))

    def _reach(self, level: float) -> float:
        from scipy.stats import t

        return float(t.ppf(1 - level / 2, self.freedom)) * self.error if math.isfinite(self.error) else math.inf


def interval_factors(rows: Sequence[Sequence[float]], processes: Sequence[object] = ()) -> list[float]:
    """How far each row's time is known: an interval reaches from time / factor to time × factor.

    One positive value of each independent process in a row, its median: rounds of one process depend on each other. A t
    interval of the mean logarithm, moderated as in ``ratios``; resampling two or three processes would never reach
    beyond them. inf for a row of one process.
    """
    logs = [np.log(np.asarray(row, dtype=np.float64)) for row in rows]
    variances, freedom = _moderated([[row] for row in logs], processes)
    known = zip(logs, variances, freedom, strict=True)
    errors = [LogRatio(0.0, _error(variance, (row,)), free) for row, variance, free in known]
    return [one.detectable(LEVEL) for one in errors]


def ratios(
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]], processes: Sequence[object] = ()
) -> list[LogRatio]:
    """Find contender / base for many rows, from one positive value of each independent process.

    The difference of mean logarithms. Two or three processes say little about their own spread, so each row's variance is
    moderated by that of all rows, as far as the rows are alike in it. Rows for which ``processes`` has the same label
    are of the same processes: they know no more of the spread than one of them. Source: Smyth, "Linear models and
    empirical Bayes methods", Stat. Appl. Genet. Mol. Biol. 3 (2004), sections 3 and 6.2; the freedom is held to that of
    all rows, as in his limma.
    """
    logs = [tuple(np.log(np.asarray(side, dtype=np.float64)) for side in pair) for pair in pairs]
    known = zip(logs, *_moderated(logs, processes), strict=True)
    return [
        LogRatio(float(contender.mean() - base.mean()), _error(variance, (base, contender)), free)
        for (base, contender), variance, free in known
    ]


def paired_ratios(rows: Sequence[Sequence[float]], processes: Sequence[object] = ()) -> list[LogRatio]:
    """Find contender / base for many rows, from one log ratio of each launch of both sides; moderated as in ``ratios``.

    What slows a whole launch slows both sides of it and is no part of its ratio.
    """
    logs = [np.asarray(row, dtype=np.float64) for row in rows]
    known = zip(logs, *_moderated([[row] for row in logs], processes), strict=True)
    return [LogRatio(float(row.mean()), _error(variance, (row,)), free) for row, variance, free in known]


def discoveries(p_values: Sequence[float], level: float) -> list[bool]:
    """Which of many differences count, with a false discovery rate of at most ``level`` (Benjamini and Hochberg)."""
    from scipy.stats import false_discovery_control

    return [bool(p <= level) for p in false_discovery_control(p_values)] if p_values else []


def _error(variance: float, groups: Sequence[_Numbers]) -> float:
    """Standard error of a difference of means, or of one mean; inf where no group has two values."""
    if max(map(len, groups)) < 2:  # noqa: PLR2004 - one value has no spread
        return math.inf
    return math.sqrt(variance * sum(1 / len(group) for group in groups))


def _power(log: float) -> float:
    """E to the ``log``; two wild processes may leave more open than a float can say."""
    return math.exp(log if math.isinf(log) else max(-_LARGEST_LOG, min(_LARGEST_LOG, log)))


def process_variances(rows: Sequence[Sequence[Sequence[float]]]) -> list[float]:
    """Variance of a process's logarithm within a run, for each row of runs of positive values; moderated; 0 where unknown."""
    variances, _ = _moderated([[np.log(np.asarray(run, dtype=np.float64)) for run in row] for row in rows], ())
    return [float(variance) for variance in variances]


def _moderated(rows: Sequence[Sequence[_Numbers]], processes: Sequence[object]) -> tuple[_Numbers, _Numbers]:
    """Variance within the groups of each row, drawn towards that of all rows, and its degrees of freedom.

    ``processes``: a label for each row, the same for rows of the same processes; empty: each row has its own.
    """
    freedom = np.array([sum(len(group) - 1 for group in row) for row in rows], dtype=np.float64)
    squares = np.array([sum(float(((group - group.mean()) ** 2).sum()) for group in row) for row in rows])
    squares[squares < _ROUNDING] = 0.0  # equal values: what is left of them is no variance
    variances = np.divide(squares, freedom, out=np.zeros_like(squares), where=freedom > 0)
    prior, prior_freedom = _prior_variance(variances, freedom)
    independent: dict[object, float] = {}
    for label, own_freedom in zip(processes or range(len(rows)), freedom, strict=True):
        independent[label] = max(independent.get(label, 0.0), float(own_freedom))
    most = sum(independent.values())
    if math.isinf(prior_freedom):  # all rows are alike
        return np.full(len(rows), prior), np.full(len(rows), most)
    total = freedom + prior_freedom
    own = np.divide(freedom, total, out=np.zeros_like(total), where=total > 0)
    return own * variances + (1 - own) * prior, np.minimum(total, most)


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
    """Find the interval of the change of a share: all changes that a score test of paired examples does not refuse.

    Where no example changed sides it has a width, too, which resampling would not give it. Source: Tango, "Equivalence test
    and confidence interval for the difference in proportions for the paired-sample design", Statistics in Medicine 17 (1998).
    """
    from scipy.optimize import brentq

    if not examples:
        return -1.0, 1.0

    def score(change: float) -> float:
        """How many standard errors the counts are above those that a true ``change`` would give."""
        above = won - lost - examples * change
        half = 2 * examples - won + lost
        linear, constant = -lost - won + half * change, lost * change * (1 - change)
        share = (math.sqrt(max(0.0, linear**2 + 8 * examples * constant)) - linear) / (
            4 * examples
        )  # the likeliest, of lost examples
        variance = examples * (2 * share + change * (1 - change))
        return above / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, above) if above else 0.0

    value = (won - lost) / examples
    low = -1.0 if score(-1.0) <= Z else float(brentq(lambda change: score(change) - Z, -1.0, value, xtol=1e-12))
    high = 1.0 if score(1.0) >= -Z else float(brentq(lambda change: score(change) + Z, value, 1.0, xtol=1e-12))
    return low, high


def resampled_counts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Draw as many examples as ``counts`` ``(cells)`` holds, with replacement; ``(RESAMPLES, cells)``."""
    total = int(counts.sum())
    if not total:
        return np.zeros((RESAMPLES, len(counts)), dtype=np.int64)
    return np.random.default_rng(SEED).multinomial(total, counts / total, size=RESAMPLES)
