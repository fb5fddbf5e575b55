"""Retention: accuracy of a variant / accuracy of the reference, with its interval, and whether a bound is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..statistics import Z

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

Verdict: TypeAlias = Literal["holds", "fails", "undecided"]

BOUNDS = (0.99, 0.999)  # shares of the reference's accuracy that MLPerf asks for
_NEAR = 1e-9  # relative distance from the ends of an interval in which a root is searched
_MOST = 1e9  # examples; the search ends there


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Examples by which of two models was right; scaled counts may be fractions."""

    both: float
    lost: float  # right by the reference alone
    won: float  # right by the variant alone
    neither: float

    @property
    def examples(self) -> float:
        """Their number."""
        return self.both + self.lost + self.won + self.neither

    def times(self, factor: float) -> Pairs:
        """Every count times ``factor``."""
        return Pairs(
            both=self.both * factor, lost=self.lost * factor, won=self.won * factor, neither=self.neither * factor
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Accuracy of a variant / accuracy of the reference, with its 95 % interval."""

    value: float
    low: float
    high: float

    def verdict(self, bound: float) -> Verdict:
        """Whether at least ``bound`` is kept, by the interval."""
        if self.low >= bound:
            return "holds"
        return "fails" if self.high < bound else "undecided"


ALL = Retention(value=1.0, low=1.0, high=1.0)  # of the reference itself


def count_pairs(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> Pairs:
    """``before`` and ``after``: whether the reference and the variant were right, ``(examples,)``."""
    return Pairs(
        both=int((before & after).sum()),
        lost=int((before & ~after).sum()),
        won=int((~before & after).sum()),
        neither=int((~before & ~after).sum()),
    )


def retention(pairs: Pairs) -> Retention | None:
    """Retention with its 95 % interval; None where the reference was never right.

    The interval holds the ratios that a score test of the paired ratio does not reject, which is valid for few examples and
    where none changed sides. Source: Nam and Blackwelder, "Analysis of the ratio of marginal probabilities in a
    matched-pair setting", Statistics in Medicine 21 (2002); also Tang, Tang and Chan, ibid. 22 (2003).
    """
    before, after = pairs.both + pairs.lost, pairs.both + pairs.won
    if not before:
        return None
    value = after / before
    low = _root(pairs, Z, 0.0, value) if after else 0.0
    high = _root(pairs, -Z, max(value, _NEAR), _beyond(pairs, max(value, _NEAR)))
    return Retention(value=value, low=low, high=high)


def examples_to_decide(pairs: Pairs, bound: float) -> int | None:
    """Number of examples that would decide whether ``bound`` is kept, if their shares stayed as they are; None: no number would.

    Rounded up to two digits: an estimate for planning, not a stopping rule.
    """

    def decided(factor: float) -> bool:
        known = retention(pairs.times(factor))
        return known is not None and known.verdict(bound) != "undecided"

    factor = smallest_factor(decided, _MOST / pairs.examples)
    return None if factor is None else two_digits(factor * pairs.examples)


def smallest_factor(decided: Callable[[float], bool], most: float) -> float | None:
    """The smallest factor above 1 by which more examples decide; None where none up to ``most`` does."""
    low, high = 1.0, 2.0
    while not decided(high):
        low, high = high, 2 * high
        if high > most:
            return None
    while high / low > 1.001:  # noqa: PLR2004 - finer than the two digits that are given
        middle = math.sqrt(low * high)
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high


def two_digits(number: float) -> int:
    """Rounded up.

    >>> two_digits(12_101), two_digits(7)
    (13000, 7)
    """
    unit = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return math.ceil(number / unit) * unit


def _beyond(pairs: Pairs, value: float) -> float:
    """A ratio that the score test rejects."""
    ratio = 2 * value
    while _score(pairs, ratio) > -Z:
        ratio *= 2
    return ratio


def _root(pairs: Pairs, z: float, low: float, high: float) -> float:
    """The ratio between ``low`` and ``high`` at which the score is ``z``; the score falls as the ratio grows."""
    from scipy.optimize import brentq

    low = low or high * _NEAR
    if _score(pairs, low) <= z:
        return low
    if _score(pairs, high) >= z:
        return high
    return float(brentq(lambda ratio: _score(pairs, ratio) - z, low, high, xtol=1e-12))


def _score(pairs: Pairs, ratio: float) -> float:
    """Standard errors by which the counts exceed those of a true ``ratio``."""
    n = pairs.examples
    above = (pairs.both + pairs.won - ratio * (pairs.both + pairs.lost)) / n
    if not above:
        return 0.0
    lost, won = _shares_under(pairs, ratio)
    variance = ratio * (lost + won) / n
    return above / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, above)


def _shares_under(pairs: Pairs, ratio: float) -> tuple[float, float]:
    """Maximum-likelihood shares of lost and won examples under the constraint that the ratio of accuracies is ``ratio``.

    By Lagrange's multiplier: ``balance`` is the violation of the constraint, and falls as the multiplier grows.
    """
    from scipy.optimize import brentq

    n, both, lost, won = pairs.examples, pairs.both, pairs.lost, pairs.won

    def balance(multiplier: float) -> float:
        kept = both * (1 - ratio) / (n + multiplier * (1 - ratio)) if both else 0.0
        gained = won / (n + multiplier) if won else 0.0
        return kept + gained - (ratio * lost / (n - multiplier * ratio) if lost else 0.0)

    low, high = -n * (1 - _NEAR), n / ratio * (1 - _NEAR)
    if balance(low) <= 0:  # none was won, but the ratio requires some
        left_lost, left_both = lost / (n * (1 + ratio)), both / (n * ratio)
        return left_lost, max(0.0, ratio * left_lost - (1 - ratio) * left_both)
    if balance(high) >= 0:  # none was lost
        left_won, left_both = won * ratio / (n * (1 + ratio)), both * ratio / n
        return max(0.0, ((1 - ratio) * left_both + left_won) / ratio), left_won
    multiplier = float(brentq(balance, low, high, xtol=1e-12 * n))
    return (lost / (n - multiplier * ratio) if lost else 0.0), (won / (n + multiplier) if won else 0.0)
