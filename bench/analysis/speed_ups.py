"""Speed-up of each variant over the reference, from slices that were timed next to each other, with its 95 % interval."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE
from ..runs.measurement import common_seconds, launch_ratios, slice_noise
from ..runs.store import once_a_run
from ..statistics import LEVEL, paired_ratios, ratios_of_means
from .controls import timed_rows
from .figures import figures, latency_workload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..runs.measurement import Figure, Measurement, Workload
    from ..runs.store import Run
    from ..statistics import LogRatio


@once_a_run
def speed_ups(run: Run) -> dict[tuple[str, int], Figure]:
    """By variant and batch size: latency of the reference / latency.

    In each block both timed the same text within a second; a launch has the ratio of ``launch_ratios``, a run their mean. Without
    blocks that were timed so, as in older runs, it is the ratio of the medians and has no interval. Where the plan has a cascade,
    whose time depends on the text, it is the ratio of the means over all texts.
    """
    found: dict[tuple[str, int], Figure] = {}
    for size in run.plan.batch_sizes:
        over = speed_ups_at(run, latency_workload(run, size))
        found.update({(variant, size): one for variant, one in over.items()})
    return found


def speed_ups_at(run: Run, workload: Workload) -> dict[str, Figure]:
    """By variant: those at one workload."""
    latencies = {one.variant: one for one in figures(run) if (one.metric, one.workload) == ("latency", workload)}
    rows = {one.variant: one for one in timed_rows(run, workload)}
    return speed_ups_over(REFERENCE, latencies, rows, text_means=run.plan.text_means)


def speed_ups_over(
    base: str, latencies: Mapping[str, Figure], rows: Mapping[str, Measurement], *, text_means: bool = False
) -> dict[str, Figure]:
    """Latency of ``base`` / each of ``latencies``, by name; paired where ``rows`` holds its slices and those of ``base``.

    ``text_means``: the ratio of the means over all texts, not the mean of each text's ratio.
    """
    timed = {name: one for name, one in rows.items() if one.beside}
    others = [name for name in timed if name != base and base in timed]
    if text_means:
        times = {name: common_seconds(timed[name], timed[base]) for name in others}
        known_times = {name: (own, over) for name, (own, over) in times.items() if own and own[0]}
        paired = dict(zip(known_times, ratios_of_means([*known_times.values()], [*known_times]), strict=True))
    else:
        logs = {name: launch_ratios(timed[name], timed[base]) for name in others}
        known = {name: found for name, found in logs.items() if found}
        paired = dict(zip(known, paired_ratios([*known.values()], [*known]), strict=True))
    ratios = {name: one.between_runs(slice_noise(timed[name], timed[base])) for name, one in paired.items()}
    return {name: _speed_up(one, (base, latencies.get(base)), ratios.get(name)) for name, one in latencies.items()}


def _speed_up(latency: Figure, over: tuple[str, Figure | None], paired: LogRatio | None) -> Figure:
    base, reference = over
    blank = replace(latency, metric="speed_up", unit="1", low=None, high=None)
    if latency.value is None:
        return blank
    if reference is None or reference.value is None or not latency.value:
        return replace(blank, value=None, n=0, status="not_measured", reason=f"needs the latency of {base}")
    if paired is None:
        return replace(blank, value=reference.value / latency.value)
    value, low, high = paired.interval(LEVEL)
    found = replace(blank, value=value)
    return replace(found, low=low, high=high) if math.isfinite(paired.error) else found
