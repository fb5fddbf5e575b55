"""Number of operators of a forward pass, and their time by kind of work, as figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...exporters.inspection.operators import KINDS, RUNS, seconds_by_kind

if TYPE_CHECKING:
    from ..runs.measurement import Figure
    from ..runs.store import Run

ALL_KINDS = (*KINDS, "other")


def operator_figures(run: Run, place: Figure) -> list[Figure]:
    """Operators and seconds of each kind, at the workload of ``place``."""
    info = run.variants.get(place.variant)
    operators = info.operators if info else {}
    missing = place.empty("not profiled")
    values: dict[tuple[str, str | None], float] = {}
    if operators:
        values = {("operator_time", kind): seconds for kind, seconds in seconds_by_kind(operators).items()}
        values["operators", None] = float(sum(one.count for one in operators.values()))
    keys = [("operators", None), *(("operator_time", kind) for kind in ALL_KINDS)]
    found = []
    for metric, label in keys:
        figure = replace(missing.of_metric(metric), label=label)
        if (metric, label) in values:
            figure = replace(figure, value=values[metric, label], n=RUNS, status="ok", reason="")
        found.append(figure)
    return found
