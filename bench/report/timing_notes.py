"""Notes under tables of times: whether the time budget was enough, and what the control rows say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE
from ..analysis.controls import aa_ratios, null_time, timed_rows
from ..statistics import DUEL_LEVEL
from ..units import format_detectable, format_percent, format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..runs.measurement import Measurement, Workload
    from ..runs.store import Run


def stop_notes(run: Run, workload: Workload | None = None) -> list[str]:
    """Which rows, of one workload or of all, reached the interval that was asked for."""
    rows = [one for one in timed_rows(run, workload) if one.stopped and one.variant in run.plan.variants]
    if not rows:
        return []
    late, slower = ([one for one in rows if one.stopped == why] for why in ("budget", "slower"))
    others = "the others" if slower else "all rows"
    ended = f"time ran out for: {_named(late, rows, workload)}" if late else f"{others} reached that width"
    width, budget = format_percent(run.plan.precision), run.plan.time_budget
    few = f"; {_named(slower, rows, workload)}: slow for their model, so in fewer launches" if slower else ""
    return [f"timed until the 95 % interval is narrower than {width} or {budget:.0f} s are over; {ended}{few}"]


def _named(some: Sequence[Measurement], rows: Sequence[Measurement], workload: Workload | None) -> str:
    """The rows by name where all are of one workload, else their number."""
    if len(some) == len(rows):
        return "all rows"
    return ", ".join(one.variant for one in some) if workload else f"{len(some)} of {len(rows)} rows"


def control_notes(run: Run, batch_size: int | None = None) -> Iterator[str]:
    """The A/A ratio with the change that it could detect, by batch size or for one, and the harness's overhead."""
    ratios = aa_ratios(run, batch_size)
    if ratios:
        changes = ", ".join(
            f"{format_percent(math.expm1(ratio.middle), signed=True)} at batch {size} "
            f"(detectable change: {format_detectable(ratio.detectable(DUEL_LEVEL) - 1)})"
            for size, ratio in ratios.items()
        )
        yield f"A/A: {REFERENCE} timed twice, under two names: {changes}"
    nothing = null_time(run)
    if nothing is not None:
        yield f"null row: a variant that does nothing takes {format_seconds(nothing)}, the harness's overhead per round"
