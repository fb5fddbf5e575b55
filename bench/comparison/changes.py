"""Two saved runs, paired row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.comparison.comparability import Difference, differences, facts_of, obstacle
from bench.comparison.judging import Change, Row, Terms, judge_rows, rows_of
from bench.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.comparison.thresholds import Thresholds
    from bench.predictions import Right
    from bench.store import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sides, compared."""

    base: str  # what people call it: the name of a file
    contender: str
    differences: tuple[Difference, ...] = ()
    changes: tuple[Change, ...]  # by metric, workload and variant


def compare_runs(base: Run, contender: Run, thresholds: Thresholds, right: tuple[Right, Right]) -> Comparison:
    """Pair the rows of two runs and judge each; ``right`` says of both which examples each variant got right."""
    found = differences(facts_of(base), facts_of(contender))
    before, after = _rows(base), _rows(contender)
    after.update(_failed_rows(contender, before))

    def terms(row: Row) -> Terms:
        return Terms(unlike=obstacle(found, row[1]) or _other_examples(row[3], base, contender))

    return Comparison(
        base=base.path.name,
        contender=contender.path.name,
        differences=found,
        changes=judge_rows(before, after, thresholds, terms, right),
    )


def _rows(run: Run) -> dict[Row, Measurement]:
    """The compared rows of a run, variants in the order of its plan."""
    planned = {name: index for index, name in enumerate(run.plan.variants)}
    return rows_of(sorted(run.measurements, key=lambda one: planned.get(one.variant, len(planned))))


def _failed_rows(run: Run, before: Mapping[Row, Measurement]) -> dict[Row, Measurement]:
    """The rows of variants that failed as a whole: those that the base has of them, or one where it has none."""
    rows = {}
    for name, info in run.variants.items():
        if info.failed and name in run.plan.variants:
            lost: list[Row] = [row for row in before if row[0] == name] or [(name, "latency", None, None)]
            for row in lost:
                rows[row] = Measurement(variant=name, metric=row[1], status="failed", reason=info.failed)
    return rows


def _other_examples(name: str | None, base: Run, contender: Run) -> str:
    """Whether a labelled set is not the same in both runs, as a reason."""
    before, after = ({one.name: one.sha256 for one in run.sets} for run in (base, contender))
    return "" if name is None or before.get(name) == after.get(name) else f"set {name} holds other examples"
