"""The highest rate of requests that each variant's server answers with p99 within a limit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.server_figures import RATE
from ...measure.server.highest_rate import BATCHED, LAUNCHES
from ...units import COUNT, MILLISECONDS, PER_SECOND, RATIO, SECONDS, counted
from ..cells import Column

if TYPE_CHECKING:
    from ...runs.measurement import Figure
    from ..cells import Table
    from ..run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run that did not measure it."""
    plan = cells.run.plan
    if not plan.p99_limit or not cells.run.sets:
        return []
    sent = cells.run.sets[0]
    rate = cells.of_set(RATE, sent)
    contents = [
        (Column(head="highest rate", scale=PER_SECOND, interval=True), rate),
        (Column(head="ratio", scale=RATIO), lambda variant: _ratio(rate(variant), rate(REFERENCE))),
        (Column(head="instances", scale=COUNT), cells.of_set("instances", sent)),
        (Column(head="batch", scale=COUNT), cells.of_set("dynamic_batch", sent)),
        (Column(head="p50", scale=MILLISECONDS, group="requests"), cells.of_set("request_p50", sent)),
        (Column(head="p99", scale=MILLISECONDS, group="requests"), cells.of_set("request_p99", sent)),
        (Column(head="goodput", scale=PER_SECOND, group="requests"), cells.of_set("goodput", sent)),
        (
            Column(head="CPU for 1000 requests", short="CPU for\n1000", scale=SECONDS, group="requests"),
            cells.of_set("request_cpu", sent),
        ),
    ]
    limit = f"{plan.p99_limit * 1e3:g} ms"
    notes = [
        f"highest rate: requests a second of one text of {sent.name} each with the 99th percentile within {limit}",
        f"its interval: of {LAUNCHES} launches, whose median it is",
        "requests arrive as a Poisson process; latency counts from the intended time, HTTP and tokenisation included",
        f"ratio: of the highest rate, over {REFERENCE}'s",
        f"instances of the model, which share {counted(plan.threads, 'thread')}; batch: most texts that are computed together",
        f"of one instance and one for each thread, each with and without batches of up to {BATCHED}, that which answers the most",
        "p50, p99, goodput, CPU: of the fastest trial within the limit; goodput: answers a second within it",
    ]
    return [cells.table(f"Server: requests a second with p99 within {limit}", contents, notes)]


def _ratio(own: Figure, reference: Figure) -> Figure:
    blank = replace(own, metric="instances_ratio", unit="1", low=None, high=None)
    if not own.value or not reference.value:
        return blank if own.value is None else blank.empty("the reference has no such rate")
    return replace(blank, value=own.value / reference.value)
