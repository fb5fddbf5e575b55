"""How much work each machine did in a second, to hold times of two machines against each other."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bench.analysis.precision import main_precision
from bench.compare.judging import Terms
from bench.measure.yardsticks import yardstick_readings
from bench.runs.metrics import compared_metrics

if TYPE_CHECKING:
    from bench.runs.measurement import Row
    from bench.runs.store import Run

_WORTH_SAYING = 0.02


def normalised(row: Row, base: Run, contender: Run, unlike: str) -> Terms:
    """Terms for a time on two machines, by the yardstick that says most of it; ``unlike`` where one has none."""
    yardstick, before, after = _rates(row, base, contender)
    if not before or not after:
        lacking = " and ".join(name for name, rate in (("base", before), ("contender", after)) if not rate)
        return Terms(unlike=f"{unlike}; no {yardstick} in the {lacking}")
    # A yardstick is one product of matrices, or one loop: what else a model, or its loading, does need not scale with it.
    factor, least = after / before, compared_metrics()[row[1]].across_machines
    return Terms(factor=factor, least=least, note=f"normalised by {yardstick} (×{factor:.2f})")


def drift(row: Row, base: Run, contender: Run) -> Terms:
    """Terms for a time on one machine on two occasions: what changed as the machine did, and no more, is no change.

    Processes of one run share its hour, its clock and its neighbours, so their spread says nothing of another hour's.
    """
    yardstick, before, after = _rates(row, base, contender)
    if not before or not after:
        return Terms()
    drift = before / after - 1
    note = f"the machine's own {yardstick} took {abs(drift):.1%} {'more' if drift > 0 else 'less'} time"
    return Terms(drift=drift, note=note if abs(drift) > _WORTH_SAYING else "")


def _rates(row: Row, base: Run, contender: Run) -> tuple[str, float, float]:
    """The yardstick of a variant's precision, of loading that of the interpreter, and what it read in both runs."""
    variant, metric, *_ = row
    info = contender.variants.get(variant) or base.variants.get(variant)
    kind = compared_metrics()[metric].yardstick or (main_precision(info) if info else "")
    yardstick = f"yardstick_{kind}"
    return yardstick, _rate(base, yardstick), _rate(contender, yardstick)


def _rate(run: Run, yardstick: str) -> float:
    """The machine's rate, 1/s; 0 where it was not measured."""
    reading = yardstick_readings(run).get(yardstick)
    return max(0.0, float(median(reading.values))) if reading else 0.0
