"""Figures and changes as tidy tables."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...exporters.variant import REFERENCE
from ..analysis.speed_ups import speed_ups
from ..report.render import figure_object, figure_objects
from ..runs.measurement import Workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..compare.judging import Change
    from ..runs.store import Run

_PLACE = ("variant", "metric", *(one.name for one in fields(Workload)), "data", "label")

_KINDS: dict[str, Any] = {
    **dict.fromkeys(("batch_size", "sequence_length", "threads", "instances", "n"), "Int64"),
    **dict.fromkeys(("value", "low", "high", "base", "contender", "change", "threshold", "detectable"), "float64"),
}


def figures_frame(runs: tuple[Run, ...]) -> pd.DataFrame:
    """The figures of `deploybench report --format json`, and every speed-up."""
    found = figure_objects(runs)
    if len(runs) == 1:  # of several models they are among the figures
        over = {"label": f"over {REFERENCE}"}
        found = [*found, *({**figure_object(one), **over} for one in speed_ups(runs[0]).values())]
        found = [{"model": runs[0].checkpoint.name, **one} for one in found]
    return _frame(found, ("model", *_PLACE))


def changes_frame(changes: Iterable[Change]) -> pd.DataFrame:
    """One row for each pair of measurements."""
    return _frame(map(asdict, changes), tuple(name for name in _PLACE if name != "label"))


def _frame(rows: Iterable[Mapping[str, Any]], first: tuple[str, ...]) -> pd.DataFrame:
    """The columns of ``first``, then the others; the fields of a workload are columns."""
    flat = [{**row, **(row["workload"] or {})} for row in rows]
    others = [name for name in dict.fromkeys(key for row in flat for key in row) if name not in {*first, "workload"}]
    frame = pd.DataFrame(flat, columns=[*first, *others])
    return frame.astype({name: kind for name, kind in _KINDS.items() if name in frame})
