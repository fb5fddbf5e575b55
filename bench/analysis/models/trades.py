"""What the best variant of each model saves against the reference, and what it pays for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..selection import deciding_figure
from .selection import best_of_each, pair_figures, pair_speed_ups

if TYPE_CHECKING:
    from ...runs.store import Run
    from ..accuracy_loss import Drop
    from ..selection import Selection

_COSTS = {"memory": "peak_memory", "size": "artifact_size"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One pair of model and variant against the reference of a selection."""

    pair: str
    ratios: dict[
        str, float
    ]  # "latency", "memory" and "size": of the pair / of the reference; without those not measured
    drop: Drop | None  # of accuracy; None: unknown


def trades(runs: tuple[Run, ...], selection: Selection) -> dict[str, Trade]:
    """By model, in the order given: its pair that comes first in the ranking."""
    found = {one.variant: one for one in selection.candidates}
    return {
        model: Trade(pair=pair, ratios=_ratios(runs, pair, selection.reference), drop=found[pair].drop)
        for model, pair in best_of_each(runs, selection).items()
    }


def _ratios(runs: tuple[Run, ...], pair: str, reference: str) -> dict[str, float]:
    every = [one for one in pair_figures(runs) if one.value is not None]
    speed_ups, smallest = pair_speed_ups(runs), min(runs[0].plan.batch_sizes)
    values = {"latency": (speed_ups[reference, smallest].value, speed_ups[pair, smallest].value)}  # of paired slices
    for cost, metric in _COSTS.items():
        ours, theirs = (deciding_figure(every, name, metric) for name in (pair, reference))
        values[cost] = (ours.value if ours else None, theirs.value if theirs else None)
    return {cost: ours / theirs for cost, (ours, theirs) in values.items() if ours is not None and theirs}
