"""Doubtful latencies of two saved runs, measured again: base and contender in turn, in one run."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from ...exporters.cascades.names import is_cascade
from ..runs.measurement import Workload
from ..units import counted
from .duel.measure import Setting, duel
from .duel.sides import two_sides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..pipeline.options import Options
    from ..runs.store import Run
    from .changes import Comparison
    from .judging import Change

_WIDTH, _BUDGET_S = 0.01, 120.0  # of each ratio's interval; of all of them


def doubtful(comparison: Comparison) -> list[Change]:
    """Latencies that became worse, or that may be worse by more than their threshold.

    Not those of cascades: a duel times texts of one length, and how long a cascade takes depends on the text.
    """
    return [
        one
        for one in comparison.changes
        if one.metric == "latency"
        and one.workload
        and not is_cascade(one.variant)
        and (one.verdict == "worse" or _undecided(one))
    ]


def _undecided(one: Change) -> bool:
    return one.verdict == "no detectable change" and one.high is not None and one.high > (one.threshold or 0.0)


def confirm(
    comparison: Comparison,
    contender: Run,
    sides: tuple[str, str],
    options: Options,
    pythons: tuple[str, str] | None = None,
) -> Comparison:
    """The comparison, with each doubtful latency as a duel of ``sides`` finds it.

    ``sides``: for each run what a duel takes: an artifact, a folder of artifacts, a checkpoint, or with ``options.checkpoint`` a
    git revision; ``pythons``: interpreters that run them instead of this one. Raises UserError where they lack a variant.
    """
    rows = doubtful(comparison)
    if not rows:
        return replace(comparison, notes=(*comparison.notes, "measured again: nothing, since no latency is doubtful"))
    plan = contender.plan
    usual = round(median(plan.text_lengths)) if plan.text_lengths else None
    shapes = sorted({_shape(one, usual) for one in rows})
    workloads = [
        Workload(batch_size=size, sequence_length=length, padding="full", threads=plan.threads)
        for size, length in shapes
    ]
    setting = Setting(workloads=tuple(workloads), target_width=_WIDTH, budget_s=_BUDGET_S, memory=False)
    with two_sides(sides, options, tuple(dict.fromkeys(one.variant for one in rows)), pythons) as pair:
        found = duel(*pair, setting)
    again = {(one.variant, _shape(one)): one for one in found.changes if one.metric == "latency"}
    packages = f"; their environments differ in {', '.join(map(str, found.differences))}" if found.differences else ""
    note = (
        f"measured again: {counted(len(rows), 'doubtful row')} of latency, base and contender in turn, "
        f"texts of {_lengths(shapes)}; base and contender are those of the saved runs{packages}"
    )
    return replace(
        comparison,
        notes=(*comparison.notes, note),
        changes=tuple(
            _confirmed(one, again[one.variant, _shape(one, usual)]) if one in rows else one
            for one in comparison.changes
        ),
    )


def _lengths(shapes: Sequence[tuple[int, int]]) -> str:
    *others, last = sorted({length for _, length in shapes})
    return f"{', '.join(map(str, others))} and {counted(last, 'token')}" if others else counted(last, "token")


def _confirmed(doubt: Change, found: Change) -> Change:
    """The row of the saved runs, with change, interval and verdict of the duel."""
    reason = "; ".join(filter(None, ("measured again", found.reason)))
    return replace(found, workload=doubt.workload, base=doubt.base, contender=doubt.contender, reason=reason)


def _shape(one: Change, length: int | None = None) -> tuple[int, int]:
    """Batch size, and tokens unless the texts have a ``length`` of their own."""
    assert one.workload is not None
    return one.workload.batch_size, length or one.workload.sequence_length
