"""The table of what a forward pass spends its time on, by kind of work, as each runtime's own profiler saw it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from bench.measurement import METRICS
from bench.report.cells import Column
from bench.units import COUNT, MILLISECONDS
from exporters.operators import KINDS, RUNS, seconds_by_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.measurement import Figure, Workload
    from bench.report.cells import ByVariant, Content
    from bench.saved.store import Run

    _Lookup: TypeAlias = Callable[[str, str | None], ByVariant]  # of a metric and a label

_ALL_KINDS = (*KINDS, "other")
_SHORT = {
    "normalisation": "normali-\nsation",
    "elementwise": "element-\nwise",
    "quantisation": "quanti-\nsation",
    "operators": "opera-\ntors",
}
_NAMED = 4  # types of operators of a variant that are named


def operator_figures(run: Run, place: Figure) -> list[Figure]:
    """How many operators a variant runs, and the seconds of each kind of them, at the place of ``place``."""
    info = run.variants.get(place.variant)
    operators = info.operators if info else {}
    missing = replace(place, value=None, low=None, high=None, n=0, status="not_measured", reason="not profiled")
    values: dict[tuple[str, str | None], float] = {}
    if operators:
        values = {("operator_time", kind): seconds for kind, seconds in seconds_by_kind(operators).items()}
        values["operators", None] = float(sum(one.count for one in operators.values()))
    keys = [("operators", None), *(("operator_time", kind) for kind in _ALL_KINDS)]
    found = []
    for metric, label in keys:
        figure = replace(missing, metric=metric, unit=METRICS[metric].unit, label=label)
        if (metric, label) in values:
            figure = replace(figure, value=values[metric, label], n=RUNS, status="ok", reason="")
        found.append(figure)
    return found


def operators_contents(at: _Lookup) -> list[Content]:
    """The number of operators, then milliseconds by kind."""
    count = Column(head="operators", short=_SHORT["operators"], scale=COUNT, group="operators")
    return [
        (count, at("operators", None)),
        *(
            (
                Column(head=kind, short=_SHORT.get(kind, ""), scale=MILLISECONDS, group="operators"),
                at("operator_time", kind),
            )
            for kind in _ALL_KINDS
        ),
    ]


def operators_title(workload: Workload) -> str:
    """Which batch the table is about."""
    return f"Time by kind of work, batch of {workload.batch_size} × {workload.sequence_length} tokens"


def operators_notes(run: Run) -> list[str]:
    """What the columns mean, and what takes most in each variant."""
    return [
        f"by the runtime's own profiler, which slows what it sees: the quickest of {RUNS} passes; latency is in other tables",
        "a fused operator counts where most of its work is: a product with its GELU as a product",
        *(f"{name}: {_largest(run, name)}" for name in run.plan.variants if _largest(run, name)),
    ]


def _largest(run: Run, name: str) -> str:
    operators = run.variants[name].operators if name in run.variants else {}
    ranked = sorted(operators.items(), key=lambda item: -item[1].seconds)[:_NAMED]
    return ", ".join(
        f"{operator} {one.count} × {1e3 * one.seconds / max(one.count, 1):.3g} ms" for operator, one in ranked
    )
