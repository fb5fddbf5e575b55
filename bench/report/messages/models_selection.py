"""A selection over one model or several as text; of several, also whose accuracy is the reference, and how the models differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...analysis.models.failed import measured_models
from ...printable import printable
from ..formats.terminal import wrapped
from ..models_notes import accuracy_notes, difference_notes, failure_notes
from .selection import render_selection

if TYPE_CHECKING:
    from ...analysis.selection import Selection
    from ...runs.store import Run


def render_selection_of(runs: tuple[Run, ...], selection: Selection) -> str:
    """Of several models their accuracies and which failed, then the same as for one: a row for each pair of model and variant."""
    if len(runs) == 1:
        return render_selection(selection)
    every = printable(runs)
    runs = measured_models(every)
    told = wrapped([*accuracy_notes(runs), *difference_notes(runs), *failure_notes(every)])
    return f"{told}\n\n{render_selection(printable(selection))}"
