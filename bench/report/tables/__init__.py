"""The tables of a run: a file of this folder is a table, its function ``build`` makes it; the lists name the files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.report.cells import Table
    from bench.runs.store import Run

SHOWN = (  # in the order in which they are printed
    "summary",
    "batch",
    "instances",
    "roofline",
    "weights",
    "cold",
    "sequence",
    "memory",
    "accuracy",
    "fidelity",
    "invariance",
    "policies",
)
ON_DEMAND = (  # printed where ``--table`` names them
    "timing",
    "operators",
    "errors",
    "groups",
    "shift",
)
TABLES = (*SHOWN, *ON_DEMAND)


def build_tables(run: Run, names: Iterable[str]) -> dict[str, list[Table]]:
    """By name of TABLES; a table is a list, empty where the run lacks its figures, or one for each labelled set."""
    from bench.printable import printable
    from bench.report.run_figures import RunFigures

    cells = RunFigures(printable(run))
    return {name: import_module(f"{__name__}.{name}").build(cells) for name in names}
