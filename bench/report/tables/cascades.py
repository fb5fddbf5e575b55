"""Cascades: which stage answers how many texts of each set, and what a text costs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ....exporters.cascades.names import is_cascade, stages_of
from ...analysis.figures import latency_workload, timed_lengths
from ...runs.metrics import STAGE_SHARE, WORST
from ...units import MILLISECONDS, RATIO, SHARE
from ..cells import Column

if TYPE_CHECKING:
    from ...runs.measurement import Figure
    from ...runs.store import SetInfo
    from ..cells import Content, Table
    from ..run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run without cascades."""
    run = cells.run
    names = [name for name in run.plan.variants if is_cascade(name)]
    if not names:
        return []
    shares: list[Content] = [
        (
            Column(
                head=f"{labelled.name}: stage {stage + 1}",
                short=f"stage\n{stage + 1}",
                scale=SHARE,
                group=labelled.name,
            ),
            partial(_share, cells, labelled, stage),
        )
        for labelled in run.sets
        for stage in range(max(len(stages_of(name)) for name in names) - 1)
    ]
    workload = latency_workload(run, min(run.plan.batch_sizes))
    times: list[Content] = [
        (Column(head=head, scale=MILLISECONDS, group="one batch"), cells.at(metric, workload))
        for head, metric in (
            ("mean", "latency"),
            ("p50", "latency_p50"),
            ("p95", "latency_p95"),
            ("p99", "latency_p99"),
        )
    ]
    worst: list[Content] = [
        (Column(head="mean", scale=MILLISECONDS, group="worst case"), cells.at(f"{WORST}latency", workload)),
        (Column(head="p95", scale=MILLISECONDS, group="worst case"), cells.at(f"{WORST}latency_p95", workload)),
        (
            Column(head="over last", short="over\nlast", scale=RATIO, group="worst case", interval=True),
            cells.at(f"{WORST}ratio", workload),
        ),
    ]
    notes = [
        "stages: share of a set's texts that they answer; the last one answers the others",
        f"times: of {timed_lengths(run)}",
        "worst case: the same texts, each computed by every stage; over last: its mean over that of the last stage alone",
    ]
    return [cells.table("Cascades", [*shares, *times, *worst], notes, names)]


def _share(cells: RunFigures, labelled: SetInfo, stage: int, variant: str) -> Figure:
    stages = stages_of(variant)
    found = cells.of_set(STAGE_SHARE, labelled, stages[min(stage, len(stages) - 1)].name)(variant)
    return found if stage < len(stages) - 1 else found.empty("fewer stages")
