"""Peak memory by sequence length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.cells import Column
from bench.report.tables.memory import memory_problems
from bench.units import MEGABYTES

if TYPE_CHECKING:
    from bench.report.cells import Content, Table
    from bench.report.run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """One, for every run."""
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
