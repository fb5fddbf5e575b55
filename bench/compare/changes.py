"""Compare the saved runs of two files, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ..measure.controls import CONTROLS
from ..runs.measurement import Measurement, Row
from ..runs.rows import row_name
from .comparability import Difference, differences_of, of_models
from .judging import FAIR, Change, Terms, judge_rows, rows_of
from .relative import has_control, ratio_note
from .terms import terms_of
from .together import told_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..runs.predictions import Right
    from ..runs.store import Run
    from .matching import Matched
    from .thresholds import Thresholds

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sides and their rows, judged."""

    base: str  # name of its file
    contender: str
    notes: tuple[str, ...] = ()  # how both sides were measured, one sentence each
    differences: tuple[Difference, ...] = ()
    changes: tuple[Change, ...]  # by metric, workload and variant
    unmatched: tuple[str, ...] = ()  # models that one side lacks


def compare_runs(matched: Sequence[Matched], thresholds: Thresholds, *, normalise: bool = False) -> Comparison:
    """Pair the rows of each model's two runs, and judge them.

    ``normalise``: times of two CPUs are compared after division by the machines' yardsticks.
    """
    before, after = _named(matched, _before), _named(matched, _after)
    terms = _named(matched, lambda one: _terms(one, normalise=normalise))
    right = _right(matched, 0), _right(matched, 1)
    changes, notes = told_apart(judge_rows((before, after), thresholds, lambda row: terms.get(row, FAIR), right))
    if any(has_control(row, before, after) for row in before):
        notes = (ratio_note(several=len(matched) > 1), *notes)
    both = [(one.model, one.base, one.contender) for one in matched if one.base and one.contender]
    return Comparison(
        base=next(one.base.path.name for one in matched if one.base),
        contender=next(one.contender.path.name for one in matched if one.contender),
        notes=notes,
        differences=of_models({model: differences_of(base, contender) for model, base, contender in both}),
        changes=changes,
        unmatched=tuple(one.model for one in matched if not (one.base and one.contender)),
    )


def _named(matched: Iterable[Matched], read: Callable[[Matched], dict[Row, T]]) -> dict[Row, T]:
    """What ``read`` gives for the rows of each model, by rows called after model and variant."""
    return {(row_name(one.model, row[0]), *row[1:]): value for one in matched for row, value in read(one).items()}


def _before(one: Matched) -> dict[Row, Measurement]:
    return rows_in(one.base) if one.base else {}


def _after(one: Matched) -> dict[Row, Measurement]:
    return rows_in(one.contender, _before(one)) if one.contender else {}


def _terms(one: Matched, *, normalise: bool) -> dict[Row, Terms]:
    """The terms of the model's rows; none where one side lacks it."""
    if not one.base or not one.contender:
        return {}
    terms = terms_of(one.base, one.contender, differences_of(one.base, one.contender), normalise=normalise)
    return {row: terms(row) for row in {**_before(one), **_after(one)}}


def _right(matched: Iterable[Matched], side: int) -> Right:
    return {
        (data, row_name(one.model, variant)): right
        for one in matched
        for (data, variant), right in one.right[side].items()
    }


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
