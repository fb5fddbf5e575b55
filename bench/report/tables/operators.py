"""Time of a forward pass by kind of operator, by each runtime's own profiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.inspection.operators import RUNS
from ...analysis.figures import profiled_workload
from ...analysis.operator_figures import ALL_KINDS
from ...units import COUNT, MILLISECONDS
from ..cells import Column

if TYPE_CHECKING:
    from ...runs.store import Run
    from ..cells import Table
    from ..run_figures import RunFigures

_SHORT = {"normalisation": "normali-\nsation", "elementwise": "element-\nwise", "quantisation": "quanti-\nsation"}
_NAMED = 4  # types of operators of a variant that are named


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run saved before variants were profiled."""
    run = cells.run
    if not any(info.operators for info in run.variants.values()):
        return []
    count = Column(head="operators", short="opera-\ntors", scale=COUNT, group="operators")
    profiled = profiled_workload(run)
    contents = [(count, cells.at("operators", profiled))]
    for kind in ALL_KINDS:
        column = Column(head=kind, short=_SHORT.get(kind, ""), scale=MILLISECONDS, group="operators")
        contents.append((column, cells.at("operator_time", profiled, kind)))
    title = f"Time by kind of operator, batch of 1 × {max(run.plan.sequence_lengths)} tokens"
    return [cells.table(title, contents, _notes(run))]


def _notes(run: Run) -> list[str]:
    return [
        f"by the runtime's own profiler, which slows down what it times: fastest of {RUNS} passes; latency is in other tables",
        "a fused operator counts as the kind that does most of its work: a matrix product with its GELU as a product",
        *(f"{name}: {_largest(run, name)}" for name in run.plan.variants if _largest(run, name)),
    ]


def _largest(run: Run, name: str) -> str:
    operators = run.variants[name].operators if name in run.variants else {}
    ranked = sorted(operators.items(), key=lambda item: -item[1].seconds)[:_NAMED]
    return ", ".join(
        f"{operator} {one.count} × {1e3 * one.seconds / max(one.count, 1):.3g} ms" for operator, one in ranked
    )
