"""Rows of a table as texts: which can be used, and why the others cannot."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from ...exporters.errors import DataError
from ...exporters.texts import Pair
from ..units import counted
from .pairs import PairColumns, find_pair, half_pair, refuse_joined
from .table_file import listed, separator_hint, short_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ...exporters.labels import Label
    from ...exporters.texts import Text
    from .table_file import TableFile

    Place = tuple[Path, int]  # a file, and the number of a row in it, from 1

BadRows = Literal["refuse", "drop"]

_TEXT_COLUMNS = (("title", "content"), ("title", "text"), ("text",), ("content",))  # the first that a file has is used


class Columns(Protocol):
    """A table with known columns."""

    @property
    def path(self) -> Path:
        """Path of the file."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""


class Cause(StrEnum):
    """Why a row cannot be used, as a countable noun, in the order of messages."""

    DUPLICATE = "duplicate row"
    CONTRADICTION = "contradictory row"
    NO_TEXT = "row without text"
    MISSING_CELL = "row with a missing cell"
    NOT_TEXT = "row with a cell that is not text"
    UNKNOWN_LABEL = "row with an unknown label"
    NO_NUMBER = "row with a label that is no number"


@dataclass(slots=True, kw_only=True)
class TextRow:
    """One row of a file; ``cause`` is None if it can be used."""

    path: Path
    number: int  # from 1, header not counted
    text: Text = ""  # text cells joined by one space, or a pair of them
    label: Label = 0
    cause: Cause | None = None
    found: str = ""
    advice: str = ""

    def refuse(self, cause: Cause, found: str, advice: str = "fix it") -> None:
        """Mark the row as unusable: why, what was found, and what to do."""
        self.cause, self.found, self.advice = cause, found, advice


def read_rows(table: TableFile, columns: Sequence[str]) -> list[TextRow]:
    """Join the text cells of every row."""
    cells = zip(*map(table.column, columns), strict=True)
    return [text_row(table.path, number, columns, row) for number, row in enumerate(cells, 1)]


def find_text_columns(table: Columns, text_columns: Sequence[str] | None) -> tuple[str, ...]:
    """The named text columns, or those of a pair, or the usual ones; raises DataError if the table lacks them."""
    if not text_columns:
        return _found_pair(table) or _usual_text_columns(table)
    if isinstance(text_columns, PairColumns):
        for column in text_columns:
            check_column(table, column, "name the columns of both texts with --pair-columns")
        return text_columns
    for column in text_columns:
        check_column(table, column, "name the text columns with --text-columns")
    refuse_joined(table.path, text_columns)
    return tuple(text_columns)


def text_row(path: Path, number: int, columns: Sequence[str], cells: Sequence[object]) -> TextRow:
    """Row ``number`` of ``path``, with its text or the cause why it has none."""
    row = TextRow(path=path, number=number)
    _set_text(row, dict(zip(columns, cells, strict=True)), pair=isinstance(columns, PairColumns))
    return row


def check_column(table: Columns, column: str, advice: str) -> None:
    """Raise DataError if the table has no such column."""
    if column in table.columns:
        return
    names = {name.lower(): name for name in table.columns}
    close = difflib.get_close_matches(column.lower(), names, n=1)
    hint = f" (did you mean {short_repr(names[close[0]])}?)" if close else separator_hint(table.path)
    raise DataError(f"{table.path}: no column {column!r}{hint}, found {listed(table.columns)}; {advice}")


def refuse_label_as_text(path: Path, label_column: str, text_columns: Sequence[str]) -> None:
    """Raise DataError if the label column is a text column: a model would learn only the label."""
    if label_column in text_columns:
        flag = "--pair-columns" if isinstance(text_columns, PairColumns) else "--text-columns"
        raise DataError(f"{path}: column {label_column!r} holds the classes; name other columns with {flag}")


def refuse_repeats(rows: Iterable[TextRow], told: Callable[[Label], str] = str) -> None:
    """Refuse all but the first row of a text, and every row of a text that is labelled in two ways; ``told``: a label in words."""
    groups: dict[Text, list[TextRow]] = {}
    for row in rows:
        if row.cause is None:
            groups.setdefault(row.text, []).append(row)
    for first, *others in groups.values():
        other = next((row for row in others if row.label != first.label), None)
        if other is None:
            for row in others:
                row.refuse(Cause.DUPLICATE, f"repeats {_place(first, row.path)}", "remove it")
            continue
        for row in (first, *others):
            opposite = other if row.label == first.label else first
            found = f"labelled {told(row.label)}, but {told(opposite.label)} in"
            found = f"the same text is {found} {_place(opposite, row.path)}"
            row.refuse(Cause.CONTRADICTION, found, "keep only the right one")


def usable_rows(rows: list[TextRow], bad_rows: BadRows) -> tuple[list[TextRow], tuple[str, ...]]:
    """Rows that can be used, and counts of the others by cause; DataError for the first bad row, or if none is left."""
    dropped = dropped_counts(Counter(row.cause for row in rows))
    usable = [row for row in rows if row.cause is None]
    if dropped and bad_rows == "refuse":
        raise refusal(next(row for row in rows if row.cause), dropped)
    if not usable:
        raise DataError(f"{rows[0].path}: no row can be used ({', '.join(dropped)}); fix the file")
    return usable, dropped


def dropped_counts(counts: Mapping[Cause | None, int]) -> tuple[str, ...]:
    """What is left out, by cause: ``2 duplicate rows``."""
    return tuple(counted(counts[cause], cause) for cause in Cause if counts.get(cause))


def refusal(row: TextRow, dropped: Sequence[str]) -> DataError:
    """The error for the first bad row of a file."""
    such = "every copy" if row.cause is Cause.CONTRADICTION else "such rows"
    return DataError(
        f"{row.path}: row {row.number}: {row.found}; {row.advice}, or pass --drop-bad-rows to leave {such} out "
        f"(in all: {', '.join(dropped)})"
    )


def _found_pair(table: Columns) -> PairColumns | None:
    """The columns of a pair's texts by their usual names; raises DataError where there is another text as well."""
    pair = find_pair(table.columns)
    other = next((one for one in _TEXT_COLUMNS if pair and {*one} <= {*table.columns} and not {*one} & {*pair}), ())
    if pair and other:
        raise DataError(
            f"{table.path}: columns {listed(pair)} are the two texts of a pair, and {listed(other)} a text; name those that the "
            f"model reads: --pair-columns {','.join(pair)}, or --text-columns {','.join(other)}"
        )
    return pair


def _usual_text_columns(table: Columns) -> tuple[str, ...]:
    for columns in _TEXT_COLUMNS:
        if set(columns) <= set(table.columns):
            return columns
    *first, last = (" + ".join(map(repr, columns)) for columns in _TEXT_COLUMNS)
    expected = f"{', '.join(first)} or {last}"
    found, advice = f"found {listed(table.columns)}{separator_hint(table.path)}", "name yours with --text-columns"
    by_case = {name.lower(): name for name in table.columns}
    close = next((columns for columns in _TEXT_COLUMNS if set(columns) <= by_case.keys()), ())
    if close:
        meant = [by_case[column] for column in close]
        found += f" (did you mean {' + '.join(map(repr, meant))}?)"
        advice = f"name {'it' if len(meant) == 1 else 'them'} with --text-columns {','.join(meant)}"
    if not close and (alone := half_pair(table.columns)):
        advice += f"; {short_repr(alone)} is one text of a pair: name the columns of both with --pair-columns A,B"
    raise DataError(f"{table.path}: no text column, expected {expected}, {found}; {advice}")


def _set_text(row: TextRow, cells: dict[str, object], *, pair: bool) -> None:
    """Join the text cells of a row, by column, or mark it as unusable; both texts of a pair are needed."""
    missing = [column for column, cell in cells.items() if cell is None]
    for column, cell in cells.items():
        if cell is not None and not isinstance(cell, str):
            row.refuse(Cause.NOT_TEXT, f"{column!r} is {short_repr(cell)}, not text")
            return
    if pair:
        empty = [column for column, cell in cells.items() if cell is None or not str(cell).strip()]
        row.text = Pair(*map(str, cells.values()))
        if empty:
            row.refuse(Cause.NO_TEXT, f"no text in {listed(empty)}, one of a pair")
        return
    row.text = " ".join(str(cell) for cell in cells.values() if cell is not None)
    if not row.text.strip():
        row.refuse(Cause.NO_TEXT, f"no text in {listed(cells)}")
    elif missing:
        row.refuse(Cause.MISSING_CELL, f"no {listed(missing)}", _missing_text_advice(list(cells), missing))


def _missing_text_advice(columns: list[str], missing: list[str]) -> str:
    if columns[-1] in missing:  # a title alone is not an article
        return "fix it"
    there = [column for column in columns if column not in missing]
    alone = "that column alone" if len(there) == 1 else "those columns alone"
    return f"fix it, pass --text-columns {','.join(there)} to use {alone}"


def _place(row: TextRow, here: Path) -> str:
    return f"row {row.number}" if row.path == here else f"row {row.number} of {row.path}"
