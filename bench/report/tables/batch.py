"""Latency and throughput by batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...analysis.figures import average, timed_lengths
from ...units import MILLISECONDS, PER_SECOND, counted
from ..cells import Column
from ..timing_notes import control_notes, stop_notes

if TYPE_CHECKING:
    from ..cells import Content, Table
    from ..run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """One, for every run."""
    plan = cells.run.plan
    contents: list[Content] = []
    for metric, short, scale in (
        ("latency", "latency", MILLISECONDS),
        ("throughput", "through-\nput", PER_SECOND),
    ):
        for size in plan.batch_sizes:
            column = Column(
                head=f"{metric} batch {size}",
                short=f"{short}\nbatch {size}",
                scale=scale,
                group=metric,
                interval=metric == "latency",
            )
            contents.append((column, cells.at_batch(metric, size)))
    mean = average(cells.run)
    notes = [
        f"latency: {mean} time of one batch; ±: to the farther end of the 95 % interval, from the {mean}s of the processes",
        "throughput: texts per second, batch size / latency",
        *stop_notes(cells.run),
        *control_notes(cells.run),
    ]
    at = f"{timed_lengths(cells.run)}, {counted(plan.threads, 'thread')}"
    return [cells.table(f"Latency and throughput by batch size, {at}", contents, notes)]
