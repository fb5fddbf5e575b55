"""Whether and how two values of a row may be compared: whether they mean the same, or can be normalised to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.precision import differing_precisions
from bench.compare.comparability import obstacle, same_processor
from bench.compare.judging import Terms
from bench.compare.yardstick import drift, normalised
from bench.runs.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.compare.comparability import Difference
    from bench.runs.measurement import Row
    from bench.runs.store import Run


def terms_of(
    base: Run, contender: Run, found: tuple[Difference, ...], *, normalise: bool = False
) -> Callable[[Row], Terms]:
    """The terms of every row of two runs that differ in ``found``.

    ``normalise``: times of two processors are held against each other by the machines' own yardsticks.
    """

    def terms(row: Row) -> Terms:
        variant, metric, _, data = row
        timed = METRICS[metric].kind == "time"
        others = (_other_examples(data, base, contender) if data else "") or (
            _other_precision(variant, base, contender) if timed else ""
        )
        unlike = obstacle(found, metric)
        if normalise and unlike and timed and not others and not obstacle(same_processor(found), metric):
            return normalised(row, base, contender, unlike)
        if timed and not unlike and not others:
            return drift(row, base, contender)
        return Terms(unlike="; ".join(filter(None, (unlike, others))))

    return terms


def _other_examples(name: str, base: Run, contender: Run) -> str:
    """Whether a labelled set is not the same in both runs, as a reason."""
    before, after = ({one.name: one.sha256 for one in run.sets} for run in (base, contender))
    return "" if before.get(name) == after.get(name) else f"set {name} holds other examples"


def _other_precision(variant: str, base: Run, contender: Run) -> str:
    """Whether a variant was executed in another precision, as a reason; runtimes choose it by the CPU."""
    before, after = base.variants.get(variant), contender.variants.get(variant)
    found = differing_precisions(before, after) if before and after else None
    return f"runs {found[0]} in the base, {found[1]} in the contender" if found else ""
