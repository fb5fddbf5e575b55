"""The table of one process of all threads against as many processes of one thread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.analysis.figures import SERVED
from bench.report.cells import Column
from bench.units import PER_SECOND, RATIO, counted, format_instances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.report.cells import ByVariant, Content
    from bench.runs.measurement import Figure, Workload
    from bench.runs.store import Run


def instances_title(workloads: Sequence[Workload]) -> str:
    """What was computed."""
    return f"One process against several, batches of {workloads[0].batch_size} × {workloads[0].sequence_length} tokens"


def instances_contents(workloads: Sequence[Workload], at: Callable[[Workload], ByVariant]) -> list[Content]:
    """Texts per second either way, and how many times as many the several processes get done."""
    alone, together = at(workloads[0]), at(workloads[-1])

    def ratio(variant: str) -> Figure:
        base, figure = alone(variant), together(variant)
        blank = replace(figure, metric="instances_ratio", unit="1", low=None, high=None)
        return replace(blank, value=figure.value / base.value) if figure.value and base.value else blank

    return [
        (_column(workloads[0]), alone),
        (_column(workloads[-1]), together),
        (Column(head="ratio", scale=RATIO, group="served"), ratio),
    ]


def instances_notes(run: Run, workloads: Sequence[Workload]) -> list[str]:
    """What the columns mean, and which way is faster for which variants."""
    blocks = max((len(one.values) for one in run.measurements if one.metric == SERVED), default=0)
    size, length = workloads[0].batch_size, workloads[0].sequence_length
    return [
        f"texts per second, median of {counted(blocks, 'block')}; batches of {size} texts of {length} tokens",
        "several processes compute at the same time, each with the model in its own memory",
        "faster: the slowest block of the one beats the fastest of the other",
        *_winners(run, workloads),
    ]


def _winners(run: Run, workloads: Sequence[Workload]) -> Iterator[str]:
    """Name the faster way where its slowest block is faster than the fastest of the other."""
    values = {
        (one.variant, one.workload): one.values for one in run.measurements if one.metric == SERVED and one.values
    }
    sides = workloads[0], workloads[-1]
    faster: dict[str, list[str]] = {_way(sides[0]): [], _way(sides[1]): [], "": []}
    for variant in run.plan.variants:
        if all((variant, side) in values for side in sides):
            alone, together = (values[variant, side] for side in sides)
            ways = [_way(sides[0])] * (min(alone) > max(together)) + [_way(sides[1])] * (min(together) > max(alone))
            faster[ways[0] if ways else ""].append(variant)
    for way, variants in faster.items():
        if variants:
            yield f"{f'faster with {way}' if way else 'neither is faster'}: {', '.join(variants)}"


def _way(workload: Workload) -> str:
    return format_instances(workload.instances, workload.threads)


def _column(workload: Workload) -> Column:
    return Column(head=_way(workload), short=_way(workload).replace(" of ", "\n"), scale=PER_SECOND, group="served")
