"""A table of texts for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cells import text_frame

if TYPE_CHECKING:
    from ..cells import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Heads and rows; the first cell of a row is its name."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    taken: int | None = None  # the row of the variant to take
    words: bool = False  # cells are words, left-aligned; else numbers, right-aligned


def grid_of(table: Table, best: str) -> Grid:
    """The table with the cells of every other format."""
    frame = text_frame(table)
    names = list(table.rows)
    return Grid(
        title=table.title,
        heads=tuple(frame.columns),
        rows=tuple(frame.itertuples(index=False, name=None)),
        notes=table.notes,
        taken=names.index(best) if best in names else None,
    )
