"""The tables of a run: a file of this folder is a table, its function ``build`` makes it; the lists name the files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...runs.store import Run
    from ..cells import Table

SHOWN = (  # in the order in which they are printed
    "summary",
    "batch",
    "cascades",
    "instances",
    "server",
    "roofline",
    "weights",
    "cold",
    "sequence",
    "memory",
    "accuracy",
    "fidelity",
    "invariance",
    "policies",
    "long-texts",
)
ON_DEMAND = (  # printed where ``--table`` names them
    "timing",
    "operators",
    "errors",
    "groups",
    "shift",
)
OF_SEVERAL = ("models",)  # of a run of several models, before the tables of each
TABLES = (*SHOWN, *ON_DEMAND, *OF_SEVERAL)


def build_tables(run: Run, names: Iterable[str]) -> dict[str, list[Table]]:
    """By name of TABLES; a table is a list, empty where the run lacks its figures, or one for each labelled set.

    Tables of OF_SEVERAL are empty: ``build_models`` makes them of several runs.
    """
    from ...printable import printable
    from ..run_figures import RunFigures

    cells = RunFigures(printable(run))
    return {name: [] if name in OF_SEVERAL else _module(name).build(cells) for name in names}


def build_models(runs: tuple[Run, ...], names: Iterable[str]) -> dict[str, list[Table]]:
    """Those of OF_SEVERAL among ``names``, each a list, of the runs of several models."""
    from ...printable import printable

    runs = printable(runs)
    return {name: _module(name).build(runs) for name in names if name in OF_SEVERAL}


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name.replace('-', '_')}")
