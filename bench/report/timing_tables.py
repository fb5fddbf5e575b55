"""The tables of how times are spread and of what a fresh process takes, and what the controls say of all times."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from bench.measure.controls import AGAIN, NULL
from bench.report.cells import Column
from bench.runs.measurement import Figure, launch_ratios
from bench.statistics import DUEL_LEVEL, paired_ratios
from bench.units import COUNT, MILLISECONDS, SECONDS, format_seconds
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.report.cells import ByVariant, Content
    from bench.runs.measurement import Measurement, Workload
    from bench.runs.store import Run

    _Lookup: TypeAlias = Callable[[str, "Workload | None"], ByVariant]  # of a metric and a workload

_SPREAD = {
    "median": "latency",
    "mean": "latency_mean",
    "p90": "latency_p90",
    "p95": "latency_p95",
    "p99": "latency_p99",
    "max": "latency_max",
}
_COLD = {"import": "import_time", "read": "read_time", "load": "load_time"}


def timing_contents(at: _Lookup, workload: Workload) -> list[Content]:
    """How one batch's times are spread, and the CPU time behind them."""
    columns = [
        (Column(head=head, scale=MILLISECONDS, group="time", interval=head == "median"), at(metric, workload))
        for head, metric in _SPREAD.items()
    ]
    cpu = Column(head="CPU time per 1000 texts", short="CPU per\n1000 texts", scale=SECONDS, group="CPU")
    return [*columns, (cpu, at("cpu_time", workload))]


def timing_notes(run: Run, workload: Workload) -> list[str]:
    """How many values there are, and which rows are known as well as was asked."""
    rows = [one for one in _timed(run, workload) if one.variant in run.plan.variants]
    if not rows:
        return []
    counts = {(len(one.values), len(set(one.launches))) for one in rows}
    notes = [f"values: {_between([n for n, _ in counts])} of {_between([n for _, n in counts])} processes for each row"]
    return [*notes, *stop_notes(run, workload)]


def stop_notes(run: Run, workload: Workload | None = None) -> list[str]:
    """Whether the rows, those of one workload or all, were timed until they were known as well as was asked."""
    rows = [one for one in _timed(run, workload) if one.stopped and one.variant in run.plan.variants]
    if not rows:
        return []
    late = [one for one in rows if one.stopped == "budget"]
    asked, budget = run.plan.precision, run.plan.time_budget
    some = ", ".join(one.variant for one in late) if workload else f"{len(late)} of {len(rows)} rows"
    what = some if len(late) < len(rows) else "all rows"
    return [
        f"timed until the 95 % interval is narrower than {asked:.1%}, or {budget:.0f} s are over; "
        + (f"over before: {what}" if late else "all rows are known so well")
    ]


def control_notes(run: Run, batch_size: int | None = None) -> Iterator[str]:
    """What the reference under its second name and the variant that does nothing say of a table of times.

    ``batch_size``: the only one in the table.
    """
    pairs: dict[int, tuple[Measurement, Measurement]] = {}
    rows = {(one.variant, one.workload): one for one in _timed(run)}
    for (name, workload), one in rows.items():
        again = rows.get((AGAIN, workload))
        if name == REFERENCE and again and workload and batch_size in (None, workload.batch_size):
            pairs[workload.batch_size] = (one, again)
    ratios = paired_ratios([launch_ratios(*pair) for pair in pairs.values()], [AGAIN] * len(pairs))
    known = {size: ratio for size, ratio in zip(pairs, ratios, strict=True) if math.isfinite(ratio.error)}
    if known:
        told = ", ".join(
            f"{math.expm1(ratio.middle):+.1%} at batch {size} "
            f"(a change of {_seen(ratio.detectable(DUEL_LEVEL) - 1)} could be seen)"
            for size, ratio in known.items()
        )
        yield f"A/A: {REFERENCE} timed twice, under two names: {told}"
    nothing = [value for (name, _), one in rows.items() if name == NULL for value in one.values]
    if nothing:
        yield f"null row: a variant that does nothing takes {format_seconds(median(nothing))}, the harness's part of a round"


def _seen(change: float) -> str:
    return f"{change:.1%}" if change < 1 else "over 100%"


def cold_contents(at: _Lookup, smallest: Workload) -> list[Content]:
    """What a fresh process takes until it answers, and from how many texts on that is won back."""
    columns = [(Column(head=head, scale=SECONDS, group="cold"), at(metric, None)) for head, metric in _COLD.items()]
    first, steady = at("first_inference", smallest), at("latency", smallest)

    def cold(variant: str) -> Figure:
        return _sum([*(at(metric, None)(variant) for metric in _COLD.values()), first(variant)])

    def pays_back(variant: str) -> Figure:
        return _pays_back((cold(variant), steady(variant)), (cold(REFERENCE), steady(REFERENCE)), smallest.batch_size)

    return [
        *columns,
        (Column(head="first batch", short="first\nbatch", scale=MILLISECONDS, group="cold"), first),
        (Column(head="steady batch", short="steady\nbatch", scale=MILLISECONDS, group="cold"), steady),
        (Column(head="cold start", short="cold\nstart", scale=SECONDS, group="sum"), cold),
        (Column(head="pays back after texts", short="pays back\nafter texts", scale=COUNT, group="sum"), pays_back),
    ]


def cold_notes(workload: Workload) -> list[str]:
    """What the columns mean."""
    return [
        "import: of the runtime; read: the artifact's bytes; load: those bytes, by then in memory, made into a predictor",
        f"first and steady batch: {workload.batch_size} × {workload.sequence_length} tokens; each in fresh processes, median",
        f"cold start: import + read + load + first batch; pays back: cold start and steady batches together beat {REFERENCE}'s",
    ]


def _pays_back(own: tuple[Figure, Figure], reference: tuple[Figure, Figure], batch_size: int) -> Figure:
    """The number of texts at which the sums of cold start and steady time cross, or in words where they do not."""
    cold, steady = own
    blank = replace(cold, metric="pays_back", unit="1", low=None, high=None, workload=None)
    numbers = [figure.value for figure in (cold, steady, *reference)]
    if cold.value is None:
        return blank
    if cold.variant == REFERENCE:
        return replace(blank, value=None, status="not_measured", reason="reference")
    if any(number is None for number in numbers):
        return replace(blank, value=None, status="not_measured", reason=f"needs the times of {REFERENCE}")
    start, each, other_start, other_each = (float(number or 0.0) for number in numbers)
    dearer, gain = start - other_start, (other_each - each) / batch_size
    if gain > 0 and dearer > 0:
        return replace(blank, value=float(math.ceil(dearer / gain)))
    words = "at once" if gain >= 0 and dearer <= 0 else "never" if dearer >= 0 else f"until {math.floor(dearer / gain)}"
    return replace(blank, value=None, status="not_measured", reason=words)


def _sum(figures: list[Figure]) -> Figure:
    empty = next((figure for figure in figures if figure.value is None), None)
    total = None if empty else sum(figure.value or 0.0 for figure in figures)
    return replace(empty or figures[0], metric="cold_start", value=total, low=None, high=None)


def _timed(run: Run, workload: Workload | None = None) -> list[Measurement]:
    return [
        one
        for one in run.measurements
        if one.metric == "latency" and one.status == "ok" and (workload is None or one.workload == workload)
    ]


def _between(numbers: list[int]) -> str:
    return f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"
