"""Figures of cascades: which share of the texts each stage answers, and what a text costs that every stage computes."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from ...exporters.cascades.names import is_cascade, stages_of, worst_case
from ..runs.measurement import common_seconds, per_text
from ..runs.metrics import WORST
from ..statistics import LEVEL, NO_INTERVAL, quantile_interval, ratios_of_means
from .controls import timed_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runs.measurement import Figure, Measurement
    from ..runs.store import Run

_P95 = 0.95


def stage_figures(shares: Measurement, blank: Callable[[Measurement], Figure]) -> list[Figure]:
    """The share of a set's texts that each stage answers; nothing for a variant that is no cascade."""
    if not is_cascade(shares.variant):
        return []
    names = [stage.name for stage in stages_of(shares.variant)]
    values = shares.values or (None,) * len(names)
    return [
        replace(blank(shares), workload=None, value=share, n=len(shares.values) and 1, label=name)
        for name, share in zip(names, values, strict=True)
    ]


def worst_figures(run: Run, latency: Figure) -> list[Figure]:
    """Mean and 95th percentile of the worst case of a cascade, whose ``latency`` is given, and the mean over its last stage's."""
    name = latency.variant
    blanks = [
        replace(latency.of_metric(f"{WORST}{metric}"), low=None, high=None)
        for metric in ("latency", "latency_p95", "ratio")
    ]
    assert latency.workload is not None, "is of a batch"
    rows = {one.variant: one for one in timed_rows(run, latency.workload)}
    worst, last = rows.get(worst_case(name)), rows.get(stages_of(name)[-1].name)
    if worst is None:
        failed = [one.reason for one in run.measurements if one.variant == worst_case(name) and one.reason]
        return [one.empty(next(iter(failed), latency.reason or "not run")) for one in blanks]
    mean, p95, ratio = blanks
    times = per_text(worst).values
    low, high = quantile_interval(times, _P95)
    found = [
        replace(mean, value=fmean(times), n=len(times), status="ok", reason=""),
        replace(
            p95, value=float(np.percentile(times, 100 * _P95)), low=low, high=high, n=len(times), status="ok", reason=""
        ),
    ]
    if last is None:
        return [*found, ratio.empty("its last stage was not timed alone")]
    own, alone = common_seconds(worst, last)
    if not own or not own[0]:
        return [*found, ratio.empty("its last stage was not timed beside it")]
    over = ratios_of_means([(alone, own)])[0]
    value, *ends = over.interval(LEVEL)
    least, most = ends if math.isfinite(over.error) else NO_INTERVAL
    return [*found, replace(ratio, value=value, low=least, high=most, n=len(own), status="ok", reason="")]
