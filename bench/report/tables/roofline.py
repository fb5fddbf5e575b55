"""Achieved operations per second by batch size, and their share of the machine's yardsticks."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from ...analysis.figures import timed_lengths
from ...measure.yardsticks import yardstick_readings
from ...units import GIGA_OPERATIONS, SHARE, counted, format_rate
from ..cells import Column
from ..timing_notes import control_notes

if TYPE_CHECKING:
    from ...runs.store import Run
    from ..cells import Content, Table
    from ..run_figures import RunFigures

_YARDSTICKS = {
    "yardstick_fp32": ("fp32", "op/s"),
    "yardstick_bf16": ("bf16", "op/s"),
    "yardstick_int8": ("int8", "op/s"),
    "yardstick_copy": ("memory copy", "B/s"),
    "yardstick_python": ("passes of a Python loop", "/s"),
}


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run saved before operations were counted."""
    run = cells.run
    if not run.operations:
        return []
    contents: list[Content] = []
    for metric, head, scale in (("achieved", "achieved", GIGA_OPERATIONS), ("yardstick_share", "share", SHARE)):
        for size in run.plan.batch_sizes:
            column = Column(head=f"{head} batch {size}", short=f"{head}\nbatch {size}", scale=scale, group=metric)
            contents.append((column, cells.at_batch(metric, size)))
    at = f"{timed_lengths(run)}, {counted(run.plan.threads, 'thread')}"
    return [cells.table(f"Operations per second by batch size, {at}", contents, [*_notes(run), *control_notes(run)])]


def _notes(run: Run) -> list[str]:
    readings = yardstick_readings(run)
    texts = [
        f"{label} {format_rate(median(readings[metric].values), unit)}"
        for metric, (label, unit) in _YARDSTICKS.items()
        if metric in readings
    ]
    count = counted(max((len(one.values) for one in readings.values()), default=0), "reading")
    return [
        "achieved: operations of the matrix products of a batch (2 per multiply-add) / latency",
        "share: achieved / the yardstick of the number format in which most of them run",
        f"yardsticks of the machine, median of {count}: {', '.join(texts) or 'none'}",
    ]
