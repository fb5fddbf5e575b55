"""Cold start: the time of a fresh process until its first answer, and when faster inference pays it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.derived import cold_start, pays_back
from ...analysis.figures import average, timed_lengths
from ...units import COUNT, MILLISECONDS, SECONDS, counted
from ..cells import Column
from ..timing_notes import control_notes

if TYPE_CHECKING:
    from ...runs.measurement import Figure
    from ..cells import Content, Table
    from ..run_figures import RunFigures

_STAGES = {"import": "import_time", "read": "read_time", "load": "load_time"}


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run saved before this was measured."""
    run = cells.run
    if not any(one.metric == "first_inference" for one in run.measurements) or REFERENCE not in run.plan.variants:
        return []
    size = min(run.plan.batch_sizes)
    notes = [
        "import: of the runtime; read: bytes of the artifact; load: from these bytes, now in memory, to a predictor",
        f"first and steady batch: {counted(size, 'text')} of {timed_lengths(run)}; each in fresh processes, {average(run)}",
        "cold start: import + read + load + first batch",
        f"pays back: texts after which cold start and steady batches together take less time than those of {REFERENCE}",
        *control_notes(run, size),
    ]
    return [cells.table("Cold start", _contents(cells, size), notes)]


def _contents(cells: RunFigures, size: int) -> list[Content]:
    stages = {head: cells.at(metric) for head, metric in _STAGES.items()}
    first, steady = cells.at_batch("first_inference", size), cells.at_batch("latency", size)

    def cold(variant: str) -> Figure:
        return cold_start([*(of_stage(variant) for of_stage in stages.values()), first(variant)])

    def paid(variant: str) -> Figure:
        return pays_back((cold(variant), steady(variant)), (cold(REFERENCE), steady(REFERENCE)), size)

    return [
        *((Column(head=head, scale=SECONDS, group="cold"), of_stage) for head, of_stage in stages.items()),
        (Column(head="first batch", short="first\nbatch", scale=MILLISECONDS, group="cold"), first),
        (Column(head="steady batch", short="steady\nbatch", scale=MILLISECONDS, group="cold"), steady),
        (Column(head="cold start", short="cold\nstart", scale=SECONDS, group="sum"), cold),
        (Column(head="pays back after texts", short="pays back\nafter texts", scale=COUNT, group="sum"), paid),
    ]
