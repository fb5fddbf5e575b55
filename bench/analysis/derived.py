"""Figures that a table derives from others: ratio of processes, cold start, and when a cold start pays back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..runs.measurement import Figure


def instances_ratio(alone: Figure, together: Figure) -> Figure:
    """Throughput of several processes / throughput of one."""
    blank = replace(together, metric="instances_ratio", unit="1", low=None, high=None)
    return replace(blank, value=together.value / alone.value) if together.value and alone.value else blank


def combined(how: Callable[[list[float]], float], figures: Sequence[Figure]) -> Figure:
    """One figure of several of one ledger, which are all there or all missing for one reason."""
    values = [figure.value for figure in figures if figure.value is not None]
    return replace(figures[0], value=how(values)) if values else figures[0]


def cold_start(parts: Sequence[Figure]) -> Figure:
    """Sum of what a fresh process does until its first answer; empty where a part is."""
    empty = next((figure for figure in parts if figure.value is None), None)
    total = None if empty else sum(figure.value or 0.0 for figure in parts)
    return replace(empty or parts[0], metric="cold_start", value=total, low=None, high=None)


def pays_back(own: tuple[Figure, Figure], reference: tuple[Figure, Figure], batch_size: int) -> Figure:
    """Number of texts after which cold start plus steady batches take less time than the reference's.

    ``own`` and ``reference``: cold start and steady batch. Where the sums do not cross, the reason says so.
    """
    cold, steady = own
    blank = replace(cold, metric="pays_back", unit="1", low=None, high=None, workload=None)
    numbers = [figure.value for figure in (cold, steady, *reference)]
    if cold.value is None:
        return blank
    if cold.variant == REFERENCE:
        return replace(blank, value=None, status="not_measured", reason="reference")
    if any(number is None for number in numbers):
        return replace(blank, value=None, status="not_measured", reason=f"needs the times of {REFERENCE}")
    start, each, other_start, other_each = (float(number or 0.0) for number in numbers)
    slower, gain = start - other_start, (other_each - each) / batch_size
    if gain > 0 and slower > 0:
        return replace(blank, value=float(math.ceil(slower / gain)))
    words = "at once" if gain >= 0 and slower <= 0 else "never" if slower >= 0 else f"until {math.floor(slower / gain)}"
    return replace(blank, value=None, status="not_measured", reason=words)
