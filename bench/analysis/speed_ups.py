"""Speed-up of each variant over the reference, from slices that were timed next to each other, with its 95 % interval."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.analysis.controls import timed_rows
from bench.analysis.figures import figures, latency_workload
from bench.runs.measurement import launch_ratios, slice_noise
from bench.runs.store import once_a_run
from bench.statistics import LEVEL, paired_ratios
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from bench.runs.measurement import Figure
    from bench.runs.store import Run
    from bench.statistics import LogRatio


@once_a_run
def speed_ups(run: Run) -> dict[tuple[str, int], Figure]:
    """By variant and batch size: latency of the reference / latency.

    In each block both timed the same text within a second; a launch has the ratio of ``launch_ratios``, a run their mean. Without
    blocks that were timed so, as in older runs, it is the ratio of the medians and has no interval.
    """
    sizes = {latency_workload(run, size): size for size in run.plan.batch_sizes}
    latencies = {
        (one.variant, sizes[one.workload]): one
        for one in figures(run)
        if one.metric == "latency" and one.workload in sizes
    }
    paired = {key: ratio for size in sizes.values() for key, ratio in _paired(run, size).items()}
    return {
        (variant, size): _speed_up(one, latencies.get((REFERENCE, size)), paired.get((variant, size)))
        for (variant, size), one in latencies.items()
    }


def _paired(run: Run, size: int) -> dict[tuple[str, int], LogRatio]:
    rows = {one.variant: one for one in timed_rows(run, latency_workload(run, size)) if one.beside}
    reference = rows.get(REFERENCE)
    others = [name for name in rows if name != REFERENCE] if reference else []
    found = [launch_ratios(rows[name], reference) for name in others] if reference else []
    known = [(name, logs) for name, logs in zip(others, found, strict=True) if logs]
    ratios = paired_ratios([logs for _, logs in known], [name for name, _ in known])
    return {
        (name, size): ratio.between_runs(slice_noise(rows[name], reference))
        for (name, _), ratio in zip(known, ratios, strict=True)
        if reference
    }


def _speed_up(latency: Figure, reference: Figure | None, paired: LogRatio | None) -> Figure:
    blank = replace(latency, metric="speed_up", unit="1", low=None, high=None)
    if latency.value is None:
        return blank
    if reference is None or reference.value is None or not latency.value:
        return replace(blank, value=None, n=0, status="not_measured", reason=f"needs the latency of {REFERENCE}")
    if paired is None:
        return replace(blank, value=reference.value / latency.value)
    value, low, high = paired.interval(LEVEL)
    found = replace(blank, value=value)
    return replace(found, low=low, high=high) if math.isfinite(paired.error) else found
