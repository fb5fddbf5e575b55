"""How much accuracy changes from one labelled set to another one, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.errors.groups import Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Accuracy on one set less that on another, with its 95 % interval."""

    value: float
    low: float
    high: float


def shift(before: Group, after: Group) -> Shift | None:
    """What accuracy changes by from ``before`` to ``after``, two sets without a common text; None where one has no texts.

    Source: Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
    Statistics in Medicine 17 (1998), method 10.
    """
    was, now = _known(before), _known(after)
    if was is None or now is None:
        return None
    value = now.value - was.value
    return Shift(
        value=value,
        low=value - math.hypot(now.value - now.low, was.high - was.value),
        high=value + math.hypot(now.high - now.value, was.value - was.low),
    )


def _known(group: Group) -> Shift | None:
    """Its accuracy, as a shift from 0."""
    low, high = group.interval
    if group.accuracy is None or low is None or high is None:
        return None
    return Shift(value=group.accuracy, low=low, high=high)
