"""The table of what a forward pass spends its time on, by kind of work, as each runtime's own profiler saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bench.analysis.operator_figures import ALL_KINDS
from bench.report.cells import Column
from bench.units import COUNT, MILLISECONDS
from exporters.inspection.operators import RUNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.report.cells import ByVariant, Content
    from bench.runs.measurement import Workload
    from bench.runs.store import Run

    _Lookup: TypeAlias = Callable[[str, str | None], ByVariant]  # of a metric and a label

_SHORT = {
    "normalisation": "normali-\nsation",
    "elementwise": "element-\nwise",
    "quantisation": "quanti-\nsation",
    "operators": "opera-\ntors",
}
_NAMED = 4  # types of operators of a variant that are named


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
            for kind in ALL_KINDS
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
