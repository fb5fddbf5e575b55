"""Figures of the ways to read long texts: accuracy, its change over what is read otherwise, and what each way costs."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from ..runs.metrics import READ, WAYS, read_metric
from ..statistics import NO_INTERVAL, paired_interval, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..runs.measurement import Figure, Measurement
    from ..runs.store import CheckpointInfo

CHANGE = "accuracy_change"


def usual_way(checkpoint: CheckpointInfo) -> str:
    """What is read of a long text without windows."""
    return "tail" if checkpoint.truncation_side == "left" else "head"


def long_text_figures(
    checkpoint: CheckpointInfo, look: Callable[[str], Measurement], blank: Callable[[Measurement], Figure]
) -> Iterator[Figure]:
    """Of one labelled set; ``look`` finds a measurement by its metric, ``blank`` makes a figure of it without a value.

    Spearman's correlation has no interval, and neither has its change.
    """
    usual = look(read_metric(usual_way(checkpoint), "accuracy"))
    for way in WAYS:
        for what in READ:
            measurement = look(read_metric(way, what))
            figure = blank(measurement)
            if measurement.values:
                values = measurement.values
                low, high = NO_INTERVAL
                if what == "accuracy" and checkpoint.task != "score":
                    low, high = wilson_interval(round(sum(values)), len(values))
                figure = replace(figure, value=fmean(values), low=low, high=high, n=len(values))
            yield figure
            if what == "accuracy":
                changed = figure.of_metric(read_metric(way, CHANGE))
                if figure.value is not None and usual.values:
                    changed = _changed(changed, usual.values, measurement.values)
                yield changed if usual.values else changed.empty(usual.reason)


def _changed(figure: Figure, before: tuple[float, ...], after: tuple[float, ...]) -> Figure:
    """The change of the mean; of texts, with the interval of paired shares."""
    found = replace(figure, value=fmean(after) - fmean(before), low=None, high=None)
    if before is after or len(after) == 1:  # the usual way itself, or one correlation
        return found
    lost = sum(one > other for one, other in zip(before, after, strict=True))
    won = sum(one < other for one, other in zip(before, after, strict=True))
    low, high = paired_interval(lost, won, len(after))
    return replace(found, low=low, high=high)
