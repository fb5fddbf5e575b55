"""How much work each machine did in a second, to hold times of two machines against each other."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bench.comparison.judging import Terms
from bench.precision import main_precision
from bench.timing.yardsticks import yardstick_readings

if TYPE_CHECKING:
    from bench.store import Run

_LEAST = 0.1  # a yardstick is one product of matrices: what else a model does need not scale with it


def normalised(variant: str, base: Run, contender: Run, unlike: str) -> Terms:
    """Terms for the times of a variant on two machines, by the yardstick of its precision; ``unlike`` where one has none."""
    info = contender.variants.get(variant) or base.variants.get(variant)
    yardstick = f"yardstick_{main_precision(info)}" if info else "yardstick"
    before, after = _rate(base, yardstick), _rate(contender, yardstick)
    if not before or not after:
        lacking = " and ".join(name for name, rate in (("base", before), ("contender", after)) if not rate)
        return Terms(unlike=f"{unlike}; no {yardstick} in the {lacking}")
    factor = after / before
    return Terms(factor=factor, least=_LEAST, note=f"normalised by {yardstick} (×{factor:.2f})")


def _rate(run: Run, yardstick: str) -> float:
    """The machine's rate, 1/s; 0 where it was not measured."""
    reading = yardstick_readings(run).get(yardstick)
    return max(0.0, float(median(reading.values))) if reading else 0.0
