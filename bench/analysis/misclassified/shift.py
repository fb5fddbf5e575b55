"""How much accuracy changes from one labelled set to another one, and how sure that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.statistics import Estimate

if TYPE_CHECKING:
    from bench.analysis.misclassified.groups import Group


def shift(before: Group, after: Group) -> Estimate | None:
    """What accuracy changes by from ``before`` to ``after``, two sets without a common text; None where one has no texts.

    Source: Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
    Statistics in Medicine 17 (1998), method 10.
    """
    was, now = _known(before), _known(after)
    if was is None or now is None:
        return None
    value = now.value - was.value
    return Estimate(
        value=value,
        low=value - math.hypot(now.value - now.low, was.high - was.value),
        high=value + math.hypot(now.high - now.value, was.value - was.low),
    )


def _known(group: Group) -> Estimate | None:
    low, high = group.interval
    if group.accuracy is None or low is None or high is None:
        return None
    return Estimate(value=group.accuracy, low=low, high=high)
