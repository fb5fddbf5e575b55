"""Figures of a variant's server under load: its highest rate, and what it was like there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..runs.metrics import OF_A_TRIAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..runs.measurement import Figure, Measurement
    from ..runs.store import Run

RATE = "rate_at_p99"
_AT_THE_RATE = ("request_p50", "request_p99", "goodput", "request_cpu")


def server_figures(
    run: Run, look: Callable[[str], Measurement], rate: Figure, blank: Callable[[Measurement], Figure]
) -> Iterator[Figure]:
    """Nothing for a run that did not measure it; ``look`` finds a measurement of the variant by metric.

    ``rate``: the figure of RATE. The others are of the fastest trial whose p99 was within the limit.
    """
    if not run.plan.p99_limit:
        return
    yield rate
    setup = {"instances": rate.workload.instances, "dynamic_batch": rate.workload.batch_size} if rate.workload else {}
    for metric in ("instances", "dynamic_batch"):
        empty = replace(rate.of_metric(metric), low=None, high=None)
        yield replace(empty, value=float(setup[metric]), n=1) if setup else empty
    best = _best_trial(run.plan.p99_limit, look)
    for metric in _AT_THE_RATE:
        empty = blank(look(RATE)).of_metric(metric)
        values = look(metric).values
        if best is not None and values:
            yield replace(empty, value=values[best], n=1)
        elif empty.status == "ok":
            yield empty.empty("no rate was slow enough")
        else:
            yield empty


def _best_trial(limit: float, look: Callable[[str], Measurement]) -> int | None:
    """The place of the trial with the highest rate whose p99 is within the limit."""
    within = [place for place, p99 in enumerate(look("request_p99").values) if p99 <= limit]
    rates = look("request_rate").values
    return max(within, key=lambda place: rates[place], default=None)


def setup_of(run: Run, variant: str) -> dict[str, int] | None:
    """Instances, threads of each and largest batch with which the variant's rate was measured; None if it was not."""
    of_rate = (one.workload for one in run.measurements if (one.variant, one.metric) == (variant, RATE) and one.values)
    found = next(of_rate, None)
    if found is None:
        return None
    return {"instances": found.instances, "threads": found.threads, "max_batch": found.batch_size}


def trials_of(run: Run) -> dict[str, list[dict[str, float]]]:
    """The trials of each variant whose server was measured, by rate, each by the names of OF_A_TRIAL."""
    columns: dict[str, dict[str, tuple[float, ...]]] = {}
    for one in run.measurements:
        if one.metric in OF_A_TRIAL and one.values:
            columns.setdefault(one.variant, {})[one.metric] = one.values
    return {
        variant: [dict(zip(own, row, strict=True)) for row in zip(*own.values(), strict=True)]
        for variant, own in columns.items()
    }
