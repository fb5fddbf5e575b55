"""Labels of a file of scores: one finite number for each text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .labels import is_missing
from .table_file import short_repr
from .text_rows import Cause, check_column, refuse_label_as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .table_file import TableFile
    from .text_rows import TextRow

_COLUMNS = ("label", "score")  # the first that a file has is used
_ADVICE = "name the column that holds the scores with --label-column"


def read_scores(
    table: TableFile, rows: Sequence[TextRow], texts: Sequence[str], names: Sequence[str] | None, column: str | None
) -> tuple[str, ...]:
    """Give each row the number of its cell, or refuse it; gives the name of the one output.

    ``texts``: the text columns. ``names``: None: the name is that of the column. ``column``: None: one of the usual ones. Raises
    DataError where there is none.
    """
    found = (one for one in _COLUMNS if one in table.columns and one not in texts)
    column = column or next(found, _COLUMNS[0])
    refuse_label_as_text(table.path, column, texts)
    check_column(table, column, _ADVICE)
    cells = table.column(column)
    scores = [*map(_score, cells)]
    advice = "fix it" if any(score is not None for score in scores) else f"{_ADVICE}, fix it"
    for row, cell, score in zip(rows, cells, scores, strict=True):
        if row.cause:
            continue
        if is_missing(cell):
            row.refuse(Cause.MISSING_CELL, f"no {column!r}")
        elif score is None:
            row.refuse(Cause.NO_NUMBER, f"label {short_repr(cell)} is no number", advice)
        elif not math.isfinite(score):
            row.refuse(Cause.NO_NUMBER, f"label {short_repr(cell)} is no finite number")
        else:
            row.label = score
    return tuple(names or (column,))


def _score(cell: object) -> float | None:
    """The number in a cell, None where it is none; Python's own reading would take "1_5" and true for numbers."""
    if isinstance(cell, bool) or "_" in str(cell):
        return None
    try:
        return float(str(cell))
    except ValueError:
        return None
