"""Latency, where several lengths were timed, and peak memory by sequence length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.figures import latency_workload, shorter_workloads
from ...analysis.speed_ups import speed_ups_at
from ...units import MEGABYTES, MILLISECONDS, RATIO, counted
from ..cells import Column
from ..timing_notes import stop_notes
from .memory import memory_problems

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...runs.measurement import Figure, Workload
    from ..cells import Content, Table
    from ..run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """Latency where shorter lengths were timed as well, and memory for every run."""
    return [*_latency(cells), *_memory(cells)]


def _latency(cells: RunFigures) -> list[Table]:
    shorter, plan = shorter_workloads(cells.run), cells.run.plan
    if not shorter:
        return []
    contents: list[Content] = []
    for workload in (*shorter, latency_workload(cells.run, min(plan.batch_sizes))):
        length = workload.sequence_length
        time = Column(head=f"latency {length} tokens", short=f"{length}", scale=MILLISECONDS, group="latency (ms)")
        ratio = Column(
            head=f"speed-up {length} tokens", short=f"speed-\nup {length}", scale=RATIO, group="speed-up", interval=True
        )
        contents += [(time, cells.at("latency", workload)), (ratio, _speed_ups(cells, workload))]
    notes = [f"speed-up: over {REFERENCE}, with its 95 % interval", *stop_notes(cells.run)]
    of = f"{counted(min(plan.batch_sizes), 'text')} at a time, {counted(plan.threads, 'thread')}"
    return [cells.table(f"Latency by sequence length in tokens, {of}", contents, notes)]


def _speed_ups(cells: RunFigures, workload: Workload) -> Callable[[str], Figure]:
    found = speed_ups_at(cells.run, workload)
    return lambda variant: found[variant]


def _memory(cells: RunFigures) -> list[Table]:
    plan = cells.run.plan
    contents: list[Content] = []
    for metric, kind in (("peak_memory", "heap"), ("peak_resident", "resident")):
        for length in plan.sequence_lengths:
            head, short = f"{kind} {length} tokens", f"{kind}\n{length}"
            column = Column(head=head, short=short, scale=MEGABYTES, group=kind)
            contents.append((column, cells.at_length(metric, length)))
    notes = [
        "heap: allocated by the program, by memray: what is held after loading, plus the peak that batches add",
        "resident: peak resident set size of the process during batches, interpreter and libraries included",
        "the two differ: allocators keep freed memory, and weights may be mapped from their file",
        *memory_problems(cells.run),
    ]
    title = f"Peak memory by sequence length in tokens, batch of {plan.memory_batch_size}"
    return [cells.table(title, contents, notes)]
