"""Whether and how two values of a row may be compared: as they are, normalised by a yardstick, or not at all."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from ..analysis.precision import differing_precisions, main_precision
from ..measure.yardsticks import yardstick_readings
from ..runs.metrics import METRICS, STAGE_SHARE, compared_metrics
from .comparability import obstacle, same_processor
from .judging import Terms, rows_of
from .relative import has_control

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runs.measurement import Row
    from ..runs.store import Run
    from .comparability import Difference

_SAME_MIX = 0.005  # of a set's texts
_MENTIONED = 0.02  # drift of the machine from which on a note gives it


def terms_of(
    base: Run, contender: Run, found: tuple[Difference, ...], *, normalise: bool = False
) -> Callable[[Row], Terms]:
    """The terms of each row of two runs that differ in ``found``.

    ``normalise``: times of two CPUs are compared after division by the machines' yardsticks.
    """
    sides = [rows_of(run.measurements) for run in (base, contender)]

    def terms(row: Row) -> Terms:
        variant, metric, _, data = row
        timed = METRICS[metric].kind == "time"
        others = (_other_examples(data, base, contender) if data else "") or (
            _other_precision(variant, base, contender) if timed else ""
        )
        unlike = obstacle(found, metric)
        if normalise and unlike and timed and not others and not obstacle(same_processor(found), metric):
            return _normalised(row, base, contender, unlike)
        if timed and not unlike and not others:
            own = Terms() if has_control(row, *sides) else _drift(row, base, contender)
            mix = _other_mix(variant, base, contender) if metric == "latency" else ""
            return replace(own, note="; ".join(filter(None, (own.note, mix))))
        return Terms(unlike="; ".join(filter(None, (unlike, others))))

    return terms


def _other_examples(name: str, base: Run, contender: Run) -> str:
    before, after = ({one.name: one for one in run.sets}.get(name) for run in (base, contender))
    if before and after and before.sha256 != after.sha256 and (before.unscored or after.unscored):
        scored = ", ".join(f"{one.rows} of {one.rows + one.unscored}" for one in (before, after))
        return f"set {name} has other examples ({scored} texts fitted the time budget; give both runs more)"
    same = before and after and before.sha256 == after.sha256
    return "" if same or before is after else f"set {name} has other examples"


def _other_precision(variant: str, base: Run, contender: Run) -> str:
    """Two number formats in which a variant was executed, as a reason; the runtime chooses the format by the CPU."""
    before, after = base.variants.get(variant), contender.variants.get(variant)
    found = differing_precisions(before, after) if before and after else None
    return f"runs {found[0]} in the base, {found[1]} in the contender" if found else ""


def _other_mix(variant: str, base: Run, contender: Run) -> str:
    """How the share of texts that a cascade's first stages answer has changed, where that is more than a rounding."""
    found = []
    for run in (base, contender):
        measured = [
            one for one in run.measurements if (one.variant, one.metric) == (variant, STAGE_SHARE) and one.values
        ]
        found.append({one.data: 1 - one.values[-1] for one in measured})
    before, after = found
    changed = [name for name in before.keys() & after.keys() if abs(before[name] - after[name]) > _SAME_MIX]
    told = (f"{before[name]:.0%} of {name} in the base, {after[name]:.0%} now" for name in sorted(map(str, changed)))
    return f"the stage mix changed: its first stages answer {', '.join(told)}" if changed else ""


def _normalised(row: Row, base: Run, contender: Run, unlike: str) -> Terms:
    """Terms of a time on two machines; ``unlike`` if one of them lacks the yardstick."""
    yardstick, before, after = _rates(row, base, contender)
    if not before or not after:
        lacking = " and ".join(name for name, rate in (("base", before), ("contender", after)) if not rate)
        return Terms(unlike=f"{unlike}; no {yardstick} in the {lacking}")
    # A yardstick is one matrix product, or one loop; a model and its loading do other work as well, which scales differently.
    factor, least = after / before, compared_metrics()[row[1]].across_machines
    factor = factor if METRICS[row[1]].better == "lower" else 1 / factor
    return Terms(factor=factor, least=least, note=f"normalised by {yardstick} (×{factor:.2f})")


def _drift(row: Row, base: Run, contender: Run) -> Terms:
    """Terms of a time on one machine: a speed change counts only if it exceeds the drift of the machine's yardsticks.

    The processes of a run share the machine's state at that hour, so their spread does not include this drift.
    """
    yardstick, before, after = _rates(row, base, contender)
    if not before or not after:
        return Terms()
    drift = before / after - 1
    towards = drift if METRICS[row[1]].better == "lower" else -drift  # a rate falls where times grow
    note = f"the machine's own {yardstick} took {abs(drift):.1%} {'more' if drift > 0 else 'less'} time"
    return Terms(drift=towards, note=note if abs(drift) > _MENTIONED else "")


def _rates(row: Row, base: Run, contender: Run) -> tuple[str, float, float]:
    """The yardstick for a row: that of its metric, or of the variant's number format; and its rates in both runs, 1/s."""
    variant, metric, *_ = row
    info = contender.variants.get(variant) or base.variants.get(variant)
    kind = compared_metrics()[metric].yardstick or (main_precision(info) if info else "")
    yardstick = f"yardstick_{kind}"
    return yardstick, _rate(base, yardstick), _rate(contender, yardstick)


def _rate(run: Run, yardstick: str) -> float:
    """The median reading; 0 if there is none."""
    reading = yardstick_readings(run).get(yardstick)
    return max(0.0, float(median(reading.values))) if reading else 0.0
