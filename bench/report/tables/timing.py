"""Distribution of the times of a batch, and its CPU time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...analysis.controls import timed_rows
from ...analysis.figures import average, latency_workload
from ...units import MILLISECONDS, SECONDS, counted
from ..cells import Column
from ..timing_notes import control_notes, stop_notes

if TYPE_CHECKING:
    from ...runs.measurement import Workload
    from ...runs.store import Run
    from ..cells import Table
    from ..run_figures import RunFigures

_TIMES = {
    "mean": "latency_mean",
    "p90": "latency_p90",
    "p95": "latency_p95",
    "p99": "latency_p99",
    "max": "latency_max",
}


def build(cells: RunFigures) -> list[Table]:
    """One for each batch size."""
    return [_table(cells, size) for size in cells.run.plan.batch_sizes]


def _table(cells: RunFigures, size: int) -> Table:
    run, workload = cells.run, latency_workload(cells.run, size)
    own = average(run)  # what a latency is
    times = {own: "latency", **{head: metric for head, metric in _TIMES.items() if head != own}}
    contents = [
        (
            Column(head=head, scale=MILLISECONDS, group="time", interval=metric == "latency"),
            cells.at_batch(metric, size),
        )
        for head, metric in times.items()
    ]
    cpu = Column(head="CPU time per 1000 texts", short="CPU per\n1000 texts", scale=SECONDS, group="CPU")
    contents.append((cpu, cells.at_batch("cpu_time", size)))
    title = f"Times of a batch of {size} × {workload.sequence_length} tokens, {counted(run.plan.threads, 'thread')}"
    return cells.table(title, contents, [*_notes(run, workload), *control_notes(run)])


def _notes(run: Run, workload: Workload) -> list[str]:
    rows = [one for one in timed_rows(run, workload) if one.variant in run.plan.variants]
    if not rows:
        return []
    values, processes = ({len(one.values) for one in rows}, {len(set(one.launches)) for one in rows})
    return [
        f"values per row: {_span(values)}; processes per row: {_span(processes)}",
        *stop_notes(run, workload),
    ]


def _span(numbers: set[int]) -> str:
    return f"{min(numbers)}" if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)}"
