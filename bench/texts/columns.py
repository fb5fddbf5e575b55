"""What else a file says of its texts: the cells of any column, beside a set that was read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.texts.table_file import read_table
from bench.texts.text_rows import check_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.texts.text_rows import Place


def read_column(places: Sequence[Place], column: str) -> list[object]:
    """Cells of ``column`` at ``places``, None where one is missing; raises DataError for a file without the column."""
    cells = {}
    for path in {path for path, _ in places}:
        table = read_table(path)
        check_column(table, column, "name one of these with --by")
        cells[path] = table.column(column)
    return [cells[path][number - 1] for path, number in places]
