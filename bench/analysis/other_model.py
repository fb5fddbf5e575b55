"""Another model that would do instead of the checkpoint: as accurate, or nearly, and faster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE
from .accuracy_loss import judge_drop
from .speed_ups import speed_ups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..runs.measurement import Figure
    from ..runs.store import Run
    from .accuracy_loss import Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherModel:
    """A variant that was trained anew, beside the reference."""

    variant: str
    accuracy: dict[str, tuple[float, float]]  # its own and the reference's, by labelled set
    speed_up: float  # over the reference, at the smallest batch


def other_models(
    run: Run, every: Sequence[Figure], drops: Mapping[str, Sequence[Drop]], max_drop: float
) -> tuple[OtherModel, ...]:
    """Those that are certain to be faster, and certain to lose at most ``max_drop`` or measured as more accurate.

    ``every``: the figures of the run that have a value. ``drops``: what each variant loses.
    """
    accuracies = {
        (one.variant, one.data): one.value for one in every if one.metric == "accuracy" and one.value is not None
    }
    found = []
    for name in run.plan.variants:
        would_do = bool(drops[name]) and all(
            one.share < 0 or judge_drop(one, max_drop).standing == "in" for one in drops[name]
        )
        ratio = speed_ups(run)[name, min(run.plan.batch_sizes)]
        faster = (ratio.value if ratio.low is None else ratio.low) or 0.0
        own = {
            one.name: (accuracies[name, one.name], accuracies[REFERENCE, one.name])
            for one in run.sets
            if {(name, one.name), (REFERENCE, one.name)} <= accuracies.keys()
        }
        if run.variants[name].another_model and would_do and own and ratio.value and faster > 1:
            found.append(OtherModel(variant=name, accuracy=own, speed_up=ratio.value))
    return tuple(found)
