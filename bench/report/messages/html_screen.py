"""The first screen of a run as a fragment of HTML: its table has all rows, and there is no next command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..formats.fragment import fragment
from . import first_screen, models_screen
from .screen import decided, strips, table_notes, with_brief_names

if TYPE_CHECKING:
    from ...runs.store import Run


def html_screen(runs: tuple[Run, ...]) -> str:
    """What was measured, the table, and the decision; of one model or several."""
    if len(runs) == 1:
        measured, rows = first_screen.what_to_show(runs[0])
    else:
        failed, told, rows = models_screen.what_to_show(runs)
        measured = [*told, *failed]
    rows = with_brief_names(rows)
    candidates = rows.selection.candidates
    columns = strips(rows, candidates)
    heads = [" ".join(one.head).replace("- ", "-") for one in columns]  # "speed- up" was cut for a terminal
    after = [*table_notes(rows, candidates, columns[0]), *decided(rows)]
    return fragment(measured, heads, [*zip(*(one.cells for one in columns), strict=True)], after)
