"""Cascades in lines of text: what their first stages answer, and what the worst case costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.cascades.names import is_cascade, stages_of
from ..analysis.figures import latency_workload
from ..runs.metrics import STAGE_SHARE, WORST
from ..units import format_percent

if TYPE_CHECKING:
    from .run_figures import RunFigures


def cascade_lines(cells: RunFigures) -> list[str]:
    """A line for each cascade that was measured."""
    return [
        _line(cells, name)
        for name in cells.run.plan.variants
        if is_cascade(name) and not cells.run.variants[name].failed
    ]


def _line(cells: RunFigures, name: str) -> str:
    *early, last = (stage.name for stage in stages_of(name))
    told = []
    for labelled in cells.run.sets:
        shares = [cells.of_set(STAGE_SHARE, labelled, stage)(name).value for stage in early]
        known = [share for share in shares if share is not None]
        if known:
            told.append(f"{format_percent(sum(known))} of {labelled.name}")
    at = latency_workload(cells.run, min(cells.run.plan.batch_sizes))
    worst = cells.at(f"{WORST}ratio", at)(name).value
    answers = (
        f"{' and '.join(early)} {'answers' if len(early) == 1 else 'answer'} {', '.join(told) or 'an unknown share'}"
    )
    case = f"; a text that every stage computes takes {worst:.2f} times {last}'s time" if worst else ""
    return f"{name}: {answers}{case}"
