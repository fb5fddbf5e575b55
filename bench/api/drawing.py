"""The plots of the HTML page as figures of matplotlib."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from ...exporters.errors import UserError, did_you_mean
from ..report.page.models_pareto import models_pareto_plots
from ..report.page.page import page_plots
from ..report.page.plot import drawn, styled

if TYPE_CHECKING:
    from ..runs.store import Run

SHORT = {
    "pareto": "pareto",
    "batch": "latency-by-batch",
    "memory": "memory-heap",
}  # the first plot whose name begins so


class Drawing(Figure):
    """A figure that a notebook shows whether pyplot is used or not."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        with styled():
            self.savefig(stream, format="png", dpi=100)
        return stream.getvalue()


def draw(runs: tuple[Run, ...], name: str) -> Drawing:
    """The plot of that name; raises UserError where the run has none."""
    plots = {one.name: one for one in (page_plots(runs[0]) if len(runs) == 1 else models_pareto_plots(runs))}
    found = next((plot for full, plot in plots.items() if full.startswith(SHORT.get(name, name))), None)
    if name not in (*SHORT, *plots) or found is None:
        near = did_you_mean(name, [*SHORT, *plots]) if name not in SHORT else ""
        one = "; those of one model are in run.of(NAME)" * (len(runs) > 1)
        raise UserError(f"plot {name!r}: not in {runs[0].path}; {near}it has: {', '.join(plots) or 'no plot'}{one}")
    with styled():
        return drawn(found, Drawing)
