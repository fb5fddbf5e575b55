"""The change of accuracy from one labelled set to another, with its interval."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from ...statistics import Estimate
from .groups import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...runs.measurement import Figure
    from ...runs.store import Run

SHIFT = "accuracy_shift"


def shift(before: Group, after: Group) -> Estimate | None:
    """Change of accuracy from ``before`` to ``after``, two sets without a common text; None where one has no texts.

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


def shift_figures(run: Run, found: Sequence[Figure]) -> list[Figure]:
    """From each set to each that comes after it, by variant, from ``found``, the run's figures."""
    if run.checkpoint.task == "score":
        return []
    accuracies = {(one.variant, one.data): one for one in found if one.metric == "accuracy"}
    return [
        _shifted(accuracies[variant, before.name], accuracies[variant, after.name])
        for variant in run.plan.variants
        for before, after in combinations(run.sets, 2)
    ]


def _shifted(before: Figure, after: Figure) -> Figure:
    figure = replace(after.of_metric(SHIFT), label=before.data)
    unknown = next((one for one in (before, after) if one.value is None), None)
    if unknown:
        return figure.empty(unknown.reason, unknown.status)
    found = shift(_counts(before), _counts(after))
    if found is None:
        return figure.empty("no examples")
    return replace(figure, value=found.value, low=found.low, high=found.high, n=before.n + after.n)


def _counts(accuracy: Figure) -> Group:
    return Group(texts=accuracy.n, right=round((accuracy.value or 0) * accuracy.n))
