"""Tells what moved in all rows of two runs from what moved in one: a cause that all share is no variant's."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from ..runs.metrics import metrics_of
from ..units import counted, format_percent
from .judging import CHANGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .judging import Change

_FEWEST = 5  # rows: of fewer, the median is mostly one of them
_MENTIONED = 0.01  # a common change from which on it is reported
_MOST = 0.8  # of the rows must have moved in its direction


def told_apart(changes: Sequence[Change]) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """The changes, those that a row shares with all others marked as such, and a note for each metric that has a common change.

    Verdicts stay: a commit that slows every variant has made each of them slower.
    """
    common = {metric: shift for metric in metrics_of("time") if (shift := _common(_of(metric, changes)))}
    notes = tuple(_note(metric, len(_of(metric, changes)), shift) for metric, shift in common.items())
    return tuple(_marked(one, common[one.metric]) if one.metric in common else one for one in changes), notes


def _note(metric: str, rows: int, shift: float) -> str:
    moved = format_percent(math.expm1(shift), signed=True)
    return f"{metric.replace('_', ' ')}: {counted(rows, 'row')} moved by {moved} together, by a cause that they share"


def _of(metric: str, changes: Iterable[Change]) -> list[Change]:
    return [one for one in changes if one.metric == metric and one.change is not None and one.low is not None]


def _common(changes: Sequence[Change]) -> float:
    """Logarithm of the change that the rows have in common; 0 where there is none."""
    logs = [math.log1p(one.change) for one in changes if one.change is not None]
    shift = median(logs) if len(logs) >= _FEWEST else 0.0
    along = sum(log * shift > 0 for log in logs)
    return shift if abs(shift) >= _MENTIONED and along >= _MOST * len(logs) else 0.0


def _marked(one: Change, shift: float) -> Change:
    """The change with a reason, if all of it is the common one."""
    if one.verdict not in CHANGED or one.low is None or one.high is None:
        return one
    shared = math.log1p(one.low) <= shift <= math.log1p(one.high)
    reason = "; ".join(filter(None, (one.reason, "as most other rows did"))) if shared else one.reason
    return replace(one, reason=reason)
