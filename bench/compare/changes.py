"""Compare two saved runs, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.compare.comparability import Difference, differences_of
from bench.compare.judging import Change, judge_rows, rows_of
from bench.compare.relative import NOTE, has_control
from bench.compare.terms import terms_of
from bench.compare.together import told_apart
from bench.measure.controls import CONTROLS
from bench.runs.measurement import Measurement, Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.compare.thresholds import Thresholds
    from bench.runs.predictions import Right
    from bench.runs.store import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sides and their rows, judged."""

    base: str  # name of its file
    contender: str
    notes: tuple[str, ...] = ()  # how both sides were measured, one sentence each
    differences: tuple[Difference, ...] = ()
    changes: tuple[Change, ...]  # by metric, workload and variant


def compare_runs(
    base: Run, contender: Run, thresholds: Thresholds, right: tuple[Right, Right], *, normalise: bool = False
) -> Comparison:
    """Pair the rows of two runs and judge each; ``right``: whether each example was classified correctly, for both runs.

    ``normalise``: times of two CPUs are compared after division by the machines' yardsticks.
    """
    found = differences_of(base, contender)
    before = rows_in(base)
    after = rows_in(contender, before)
    judged = judge_rows((before, after), thresholds, terms_of(base, contender, found, normalise=normalise), right)
    changes, notes = told_apart(judged)
    if any(has_control(row, before, after) for row in before):
        notes = (NOTE, *notes)
    return Comparison(
        base=base.path.name, contender=contender.path.name, notes=notes, differences=found, changes=changes
    )


def rows_in(run: Run, before: Iterable[Row] | None = None) -> dict[Row, Measurement]:
    """The compared rows of a run without its controls, variants in the order of its plan.

    ``before``: rows of another run; those of a variant that failed as a whole in this run are added as failed rows.
    """
    planned = {name: index for index, name in enumerate(run.plan.variants)}
    measured = [one for one in run.measurements if one.variant not in CONTROLS]
    rows = rows_of(sorted(measured, key=lambda one: planned.get(one.variant, len(planned))))
    return rows if before is None else {**rows, **_failed_rows(run, before)}


def _failed_rows(run: Run, before: Iterable[Row]) -> dict[Row, Measurement]:
    """Rows of variants that failed as a whole: their rows in ``before``, or one row of latency."""
    rows = {}
    for name, info in run.variants.items():
        if info.failed and name in run.plan.variants:
            lost: list[Row] = [row for row in before if row[0] == name] or [(name, "latency", None, None)]
            for row in lost:
                rows[row] = Measurement(variant=name, metric=row[1], status="failed", reason=info.failed)
    return rows
