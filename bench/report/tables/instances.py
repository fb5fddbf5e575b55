"""Throughput of one process with all threads against several processes with one thread each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...analysis.derived import instances_ratio
from ...analysis.figures import SERVED, served_workloads
from ...units import PER_SECOND, RATIO, counted, format_instances
from ..cells import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...runs.measurement import Workload
    from ...runs.store import Run
    from ..cells import Table
    from ..run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run that did not measure it."""
    workloads = served_workloads(cells.run)
    if not workloads:
        return []
    alone, together = (cells.at(SERVED, workload) for workload in (workloads[0], workloads[-1]))
    contents = [
        (_column(workloads[0]), alone),
        (_column(workloads[-1]), together),
        (
            Column(head="ratio", scale=RATIO, group="served"),
            lambda variant: instances_ratio(alone(variant), together(variant)),
        ),
    ]
    size, length = workloads[0].batch_size, workloads[0].sequence_length
    title = f"One process against several, batches of {size} × {length} tokens"
    return [cells.table(title, contents, _notes(cells.run, workloads))]


def _notes(run: Run, workloads: Sequence[Workload]) -> list[str]:
    blocks = max((len(one.values) for one in run.measurements if one.metric == SERVED), default=0)
    size, length = workloads[0].batch_size, workloads[0].sequence_length
    return [
        f"texts per second, median of {counted(blocks, 'block')}; batches of {size} texts of {length} tokens",
        "several processes compute at the same time, each with a model of its own in memory",
        "faster: its slowest block is faster than the fastest block of the other",
        *_faster(run, workloads[0], workloads[-1]),
    ]


def _faster(run: Run, alone: Workload, together: Workload) -> Iterator[str]:
    rates = {(one.variant, one.workload): one.values for one in run.measurements if one.metric == SERVED and one.values}
    groups: dict[str, list[str]] = {f"faster with {_processes(side)}": [] for side in (alone, together)}
    groups["neither is faster"] = []
    for variant in run.plan.variants:
        if (variant, alone) in rates and (variant, together) in rates:
            one, several = rates[variant, alone], rates[variant, together]
            place = 0 if min(one) > max(several) else 1 if min(several) > max(one) else 2
            list(groups.values())[place].append(variant)
    for words, variants in groups.items():
        if variants:
            yield f"{words}: {', '.join(variants)}"


def _processes(workload: Workload) -> str:
    return format_instances(workload.instances, workload.threads)


def _column(workload: Workload) -> Column:
    head = _processes(workload)
    return Column(head=head, short=head.replace(" of ", "\n"), scale=PER_SECOND, group="served")
