"""Mean, percentiles and CPU time of one timed row, and whether it kept its thread budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..statistics import NO_INTERVAL, quantile_interval

if TYPE_CHECKING:
    from ..runs.measurement import Figure, Measurement

_PERCENTILES = {"latency_p90": 90, "latency_p95": 95, "latency_p99": 99}
_ENOUGH = {"latency_p99": 300}  # values: of fewer, the 99th percentile is little more than the largest
_TOLERANCE = 1.05  # times the budget: CPU time and wall time come from two clocks
_TEXTS = 1000


def timing_figures(row: Measurement, latency: Figure) -> list[Figure]:
    """Mean, percentiles, largest value, and CPU time of 1,000 texts; without values where ``latency`` has none."""
    values = np.asarray(row.values) if latency.value is not None else np.zeros(0)
    ends = {metric: quantile_interval(row.values, rank / 100) for metric, rank in _PERCENTILES.items() if len(values)}
    found = {"latency_mean": values.mean() if len(values) else None}
    found |= {metric: np.percentile(values, rank) if len(values) else None for metric, rank in _PERCENTILES.items()}
    found |= {"latency_max": values.max() if len(values) else None}
    figures = [
        _derived(metric, None if value is None else float(value), latency, ends.get(metric, NO_INTERVAL))
        for metric, value in found.items()
    ]
    return [*map(_if_enough, figures), _cpu_time(row, latency)]


def over_budget(row: Measurement, elsewhere: float = 0.0, cores: float | None = None) -> str:
    """Problem of a row whose process used more CPU time than its threads allow; empty without one.

    ``elsewhere``: CPU-seconds per second that it used when it had more cores than its budget. ``cores``: of the machine; a
    higher value is an error of the clock, since the kernel books CPU time at its ticks and a round may be shorter than one.
    """
    if not row.cpu_seconds or not row.workload or row.status != "ok":
        return ""
    used = max(elsewhere, sum(row.cpu_seconds) / sum(row.values))
    return budget_problem(min(used, cores or used), row.workload.threads)


def budget_problem(used: float, threads: int) -> str:
    """Why ``used`` CPU-seconds per second are too many for ``threads`` threads; empty where they are not."""
    if used <= threads * _TOLERANCE:
        return ""
    return f"takes {used:.2f} CPU-seconds a second, its budget is {threads} thread{'s' * (threads != 1)}"


def _if_enough(figure: Figure) -> Figure:
    least = _ENOUGH.get(figure.metric, 0)
    if figure.value is None or figure.n >= least:
        return figure
    return replace(figure, value=None, low=None, high=None, status="not_measured", reason=f"fewer than {least} values")


def _cpu_time(row: Measurement, latency: Figure) -> Figure:
    if latency.value is not None and not row.cpu_seconds:
        blank = replace(_derived("cpu_time", None, latency), status="not_measured", reason="not counted")
        return replace(blank, n=0)
    texts = len(row.values) * (row.workload.batch_size if row.workload else 1)
    return _derived("cpu_time", sum(row.cpu_seconds) / texts * _TEXTS if texts else None, latency)


def _derived(
    metric: str, value: float | None, latency: Figure, ends: tuple[float | None, float | None] = NO_INTERVAL
) -> Figure:
    return replace(latency, metric=metric, value=value, low=ends[0], high=ends[1])
