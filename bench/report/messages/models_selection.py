"""A selection over several models as text: whose accuracy is the reference, how the models differ, and which pair to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploybench.bench.analysis.models.failed import measured_models
from deploybench.bench.printable import printable
from deploybench.bench.report.formats.terminal import wrapped
from deploybench.bench.report.messages.selection import render_selection
from deploybench.bench.report.models_notes import accuracy_notes, difference_notes, failure_notes

if TYPE_CHECKING:
    from deploybench.bench.analysis.selection import Selection
    from deploybench.bench.runs.store import Run


def render_models_selection(runs: tuple[Run, ...], selection: Selection) -> str:
    """The models' accuracies and which failed, then the same as for one model: a row for each pair of model and variant."""
    every = printable(runs)
    runs = measured_models(every)
    told = wrapped([*accuracy_notes(runs), *difference_notes(runs), *failure_notes(every)])
    return f"{told}\n\n{render_selection(printable(selection))}"
