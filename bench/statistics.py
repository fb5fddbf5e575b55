"""Confidence intervals and tests; intervals are 95 % unless a level is given, and resampling is seeded."""

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
    _Times: TypeAlias = _Numbers | Sequence[Sequence[float]]  # of launches × texts

Interval: TypeAlias = tuple[float, float] | tuple[None, None]
"""Lower and upper end; (None, None) with too few values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval."""

    value: float
    low: float
    high: float


NO_INTERVAL: Interval = (None, None)
RESAMPLES = 2000
SEED = 0
LEVEL = 0.05  # an interval misses the true value in this share of all cases
QUANTILES = (LEVEL / 2, 1 - LEVEL / 2)
DUEL_LEVEL = 0.01  # stricter, because a duel looks at its intervals repeatedly while it adds launches
# Standard deviation of a speed-up's logarithm from run to run, beyond what its launches show: the state of the machine favours one
# runtime or another for many minutes. It grows with the noise of a slice: with one of two cores busy, that is three times as large,
# and the spread between runs as well. With a quarter of it, at least 1.5 %, 95 % intervals of recorded runs of MiniLM hold the mean
# of the others in 87 to 89 of 100 cases, without it in 65; of four launches on a quiet machine in 80 (studies/estimators.json).
_LEAST_SPREAD, _SPREAD_SHARE = 0.015, 0.25
Z = 1.959963984540054  # 97.5 % point of the normal distribution
_MIN_ROWS = 3  # fewer variances have no estimate of their own spread
_ROUNDING = 1e-24  # a sum of squares of logarithms below this is rounding
_LARGEST_LOG = 700.0  # exp() of more overflows
_ALIKE = 1000.0  # prior degrees of freedom from which on all rows have one variance


@lru_cache(maxsize=4096)  # scipy computes an exact p along with it, 2 ms each; a report asks for the same shares again
def wilson_interval(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion; (None, None) without trials."""
    from scipy.stats import binomtest

    if not trials:
        return NO_INTERVAL
    found = binomtest(successes, trials).proportion_ci(confidence_level=1 - LEVEL, method="wilson")
    return float(found.low), float(found.high)


def highest_share(successes: float, trials: float) -> float:
    """Exact upper end of a proportion's interval (Clopper and Pearson); 1 without trials. Scaled counts may be fractions."""
    from scipy.stats import beta

    return 1.0 if successes >= trials else float(beta.ppf(QUANTILES[1], successes + 1, trials - successes))


def prediction_interval(values: Sequence[float], step: float = 0.0) -> tuple[float, float]:
    """Prediction interval of one more value from the same normal distribution; needs two values or more.

    ``step``: the smallest possible difference of two values, as 1 / n for a share of n. The standard deviation is taken as
    step / √12 at least (Sheppard), even if all values are equal.
    Source: Hahn and Meeker, "Statistical Intervals", Wiley (1991), section 4.7.
    """
    from scipy.stats import t

    count, mean = len(values), statistics.fmean(values)
    spread = max(statistics.stdev(values), step / math.sqrt(12))
    reach = float(t.ppf(QUANTILES[1], count - 1)) * spread * math.sqrt(1 + 1 / count)
    return mean - reach, mean + reach


def quantile_interval(values: Sequence[float], share: float) -> tuple[float, float | None]:
    """Confidence interval of the ``share`` quantile of the distribution that the positive ``values`` are a sample of.

    Distribution-free, by order statistics, if there are enough values for both ends. Otherwise from a lognormal
    distribution; the upper end is then at least that of an exponential distribution above the minimum, because times have
    such tails, and at least the maximum. The upper end of a single value is None. Source: Hahn and Meeker, "Statistical
    Intervals", Wiley (1991), sections 5.2, 4.4 and 7.
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
    """A ratio of two times: its logarithm with a standard error."""

    middle: float
    error: float  # standard error of ``middle``; inf with too few processes
    freedom: float  # degrees of freedom of ``error``

    def interval(self, level: float) -> tuple[float, float, float]:
        """The ratio, and its confidence interval at 1 - ``level``."""
        half = self._reach(level)
        return _power(self.middle), _power(self.middle - half), _power(self.middle + half)

    def p(self) -> float:
        """Two-sided p value of the t test that the true ratio is 1."""
        from scipy.stats import t

        if not self.middle or math.isinf(self.error):
            return 1.0
        return float(2 * t.sf(abs(self.middle) / self.error, self.freedom)) if self.error else 0.0

    def times(self, factor: float) -> LogRatio:
        """The ratio, multiplied by an exact ``factor``."""
        return replace(self, middle=self.middle + math.log(factor))

    def between_runs(self, *noises: float) -> LogRatio:
        """The ratio with the spread of one run, or of several, from the ``slice_noise`` of each."""
        return self.widened(math.hypot(*map(run_spread, noises)))

    def widened(self, spread: float) -> LogRatio:
        """The ratio with a further independent error of its logarithm, of standard deviation ``spread``."""
        return replace(self, error=math.hypot(self.error, spread))

    def detectable(self, level: float) -> float:
        """The smallest ratio above 1 that is significantly different from 1."""
        return _power(self._reach(level))

    def _reach(self, level: float) -> float:
        from scipy.stats import t

        return float(t.ppf(1 - level / 2, self.freedom)) * self.error if math.isfinite(self.error) else math.inf


def run_spread(noise: float) -> float:
    """Standard deviation between runs of the logarithm of a ratio, from the noise of one of its slices."""
    return max(_LEAST_SPREAD, _SPREAD_SHARE * noise)


def interval_factors(rows: Sequence[Sequence[float]], processes: Sequence[object] = ()) -> list[float]:
    """Factor of each row's interval, which reaches from time / factor to time × factor; inf for a row of one process.

    A row has one positive value per independent process, its median, because rounds of one process depend on each other.
    A t interval of the mean logarithm with moderated variance, as in ``ratios``; the bootstrap of two or three processes
    would never reach beyond them.
    """
    logs = [np.log(np.asarray(row, dtype=np.float64)) for row in rows]
    variances, freedom = _moderated([[row] for row in logs], processes)
    known = zip(logs, variances, freedom, strict=True)
    errors = [LogRatio(0.0, _error(variance, (row,)), free) for row, variance, free in known]
    return [one.detectable(LEVEL) for one in errors]


def ratios(
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]], processes: Sequence[object] = ()
) -> list[LogRatio]:
    """Contender / base of many rows, from one positive value per independent process: the difference of mean logarithms.

    Two or three processes give a poor estimate of their variance, so it is shrunk towards that of all rows (moderated t).
    Rows with the same label in ``processes`` are of the same processes, and count once in the degrees of freedom. Source:
    Smyth, "Linear models and empirical Bayes methods", Stat. Appl. Genet. Mol. Biol. 3 (2004), sections 3 and 6.2; the
    degrees of freedom are limited to those of all rows, as in his limma.
    """
    logs = [tuple(np.log(np.asarray(side, dtype=np.float64)) for side in pair) for pair in pairs]
    known = zip(logs, *_moderated(logs, processes), strict=True)
    return [
        LogRatio(float(contender.mean() - base.mean()), _error(variance, (base, contender)), free)
        for (base, contender), variance, free in known
    ]


def paired_ratios(rows: Sequence[Sequence[float]], processes: Sequence[object] = ()) -> list[LogRatio]:
    """Contender / base of many rows, from one log ratio per launch of both sides; moderated as in ``ratios``.

    What slows a whole launch slows both sides and cancels in its ratio.
    """
    logs = [np.asarray(row, dtype=np.float64) for row in rows]
    known = zip(logs, *_moderated([[row] for row in logs], processes), strict=True)
    return [LogRatio(float(row.mean()), _error(variance, (row,)), free) for row, variance, free in known]


def ratios_of_means(pairs: Sequence[tuple[_Times, _Times]], processes: Sequence[object] = ()) -> list[LogRatio]:
    """Mean of the contender / mean of the base of many pairs ``(base, contender)``, each the times of launches × texts.

    Both sides timed the same texts in the same launches. The error is that of ``paired_ratios`` over launches, and that of the
    texts, which are a sample: the standard error of a ratio of means (delta method), to which a bootstrap over texts comes as well.
    """
    times = [tuple(np.asarray(side, dtype=np.float64) for side in pair) for pair in pairs]
    logs = [np.log(contender.mean(axis=1) / base.mean(axis=1)).tolist() for base, contender in times]
    return [one.widened(_text_error(*sides)) for one, sides in zip(paired_ratios(logs, processes), times, strict=True)]


def _text_error(base: _Numbers, contender: _Numbers) -> float:
    """Standard error over texts of the log of the ratio of the means, of times ``(launches, texts)``."""
    shares = [np.median(side, axis=0) / np.median(side, axis=0).mean() for side in (base, contender)]
    departures = shares[1] - shares[0]
    count = len(departures)
    return float(departures.std(ddof=1) / math.sqrt(count)) if count > 1 else math.inf


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
    """E to the ``log``; limited to what a float can hold, since two processes may leave a huge interval."""
    return math.exp(log if math.isinf(log) else max(-_LARGEST_LOG, min(_LARGEST_LOG, log)))


def process_variances(rows: Sequence[Sequence[Sequence[float]]]) -> list[float]:
    """Moderated variance of a process's logarithm within its run, for each row of runs of positive values; 0 if unknown."""
    variances, _ = _moderated([[np.log(np.asarray(run, dtype=np.float64)) for run in row] for row in rows], ())
    return [float(variance) for variance in variances]


def _moderated(rows: Sequence[Sequence[_Numbers]], processes: Sequence[object]) -> tuple[_Numbers, _Numbers]:
    """Variance within the groups of each row, shrunk towards that of all rows, and its degrees of freedom.

    ``processes``: a label per row, equal for rows of the same processes; empty: each row has its own.
    """
    freedom = np.array([sum(len(group) - 1 for group in row) for row in rows], dtype=np.float64)
    squares = np.array([sum(float(((group - group.mean()) ** 2).sum()) for group in row) for row in rows])
    squares[squares < _ROUNDING] = 0.0  # equal values: the rest is rounding
    variances = np.divide(squares, freedom, out=np.zeros_like(squares), where=freedom > 0)
    prior, prior_freedom = _prior_variance(variances, freedom)
    independent: dict[object, float] = {}
    for label, own_freedom in zip(processes or range(len(rows)), freedom, strict=True):
        independent[label] = max(independent.get(label, 0.0), float(own_freedom))
    most = sum(independent.values())
    if math.isinf(prior_freedom):  # all rows have one variance
        return np.full(len(rows), prior), np.full(len(rows), most)
    total = freedom + prior_freedom
    own = np.divide(freedom, total, out=np.zeros_like(total), where=total > 0)
    return own * variances + (1 - own) * prior, np.minimum(total, most)


def _prior_variance(variances: _Numbers, freedom: _Numbers) -> tuple[float, float]:
    """Scaled inverse chi-square fitted to the variances of all rows by moments: its variance and degrees of freedom."""
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
    """Exact two-sided p value of McNemar's test, from the numbers of examples that changed sides.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12 (1947).
    """
    from scipy.stats import binomtest

    return float(binomtest(won, lost + won).pvalue) if lost + won else 1.0


def paired_interval(lost: float, won: float, examples: float) -> tuple[float, float]:
    """Tango's score interval of the change of a share between paired examples; scaled counts may be fractions.

    It has a width even if no example changed sides, unlike the bootstrap. Source: Tango, "Equivalence test and confidence
    interval for the difference in proportions for the paired-sample design", Statistics in Medicine 17 (1998).
    """
    from scipy.optimize import brentq

    if not examples:
        return -1.0, 1.0

    def score(change: float) -> float:
        """Score statistic of the counts under a true ``change``."""
        above = won - lost - examples * change
        half = 2 * examples - won + lost
        linear, constant = -lost - won + half * change, lost * change * (1 - change)
        share = (math.sqrt(max(0.0, linear**2 + 8 * examples * constant)) - linear) / (
            4 * examples
        )  # maximum-likelihood share of lost examples
        variance = examples * (2 * share + change * (1 - change))
        return above / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, above) if above else 0.0

    value = (won - lost) / examples
    low = -1.0 if score(-1.0) <= Z else float(brentq(lambda change: score(change) - Z, -1.0, value, xtol=1e-12))
    high = 1.0 if score(1.0) >= -Z else float(brentq(lambda change: score(change) + Z, value, 1.0, xtol=1e-12))
    return low, high


def resampled_counts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Bootstrap of the examples in ``counts`` ``(cells)``: counts of RESAMPLES resamples, ``(RESAMPLES, cells)``."""
    total = int(counts.sum())
    if not total:
        return np.zeros((RESAMPLES, len(counts)), dtype=np.int64)
    return np.random.default_rng(SEED).multinomial(total, counts / total, size=RESAMPLES)


@lru_cache(maxsize=2)
def resampled_examples(examples: int) -> npt.NDArray[np.int16]:
    """Weights of examples, ``(1 + RESAMPLES, examples)``: 1 each, then how often each is in a bootstrap sample; read-only."""
    equal = np.full(examples, 1 / examples)
    drawn = np.random.default_rng(SEED).multinomial(examples, equal, size=RESAMPLES).astype(np.int16)
    weights = np.concatenate([np.ones((1, examples), dtype=np.int16), drawn])
    weights.flags.writeable = False
    return weights


def bootstrapped(figures: _Numbers) -> Estimate | None:
    """The first of ``figures``, which is of the examples, with the percentile interval of the others; None where it is undefined.

    An end is the value itself where too few resamples have one.
    """
    if not len(figures) or np.isnan(figures[0]):
        return None
    known = figures[1:][~np.isnan(figures[1:])]
    low, high = np.quantile(known, QUANTILES) if len(known) else (figures[0], figures[0])
    return Estimate(value=float(figures[0]), low=float(low), high=float(high))
