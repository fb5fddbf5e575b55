"""Labels of a multi-label file: a column of lists or separated strings, or a column of 0 and 1 for each label."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

from ...exporters.errors import DataError
from .label_cells import SEPARATORS, as_list, split
from .label_numbers import class_indices, meanings, own_numbers
from .labels import LabelReader, by_name, infer_names, spelling
from .table_file import listed, short_repr
from .text_rows import Cause, check_column, refuse_label_as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .table_file import TableFile
    from .text_rows import TextRow

_COLUMNS = ("labels", "label")  # the first that a file has is used
_BITS = ("0", "1")
_GIVEN = {"0": False, "1": True, "false": False, "true": True}
_NO_COLUMN = f"no column {' or '.join(map(repr, _COLUMNS))}"
_ADVICE = "name the column that holds the labels with --label-column"


def read_labels(
    table: TableFile, rows: Sequence[TextRow], texts: Sequence[str], names: Sequence[str] | None, column: str | None
) -> tuple[str, ...]:
    """Give each row the sorted indices of its labels, or refuse it; gives the label names by index.

    ``texts``: the text columns. ``names``: None: from the file. ``column``: None: one of the usual ones, else columns of 0 and 1.
    Raises DataError for what concerns the whole file.
    """
    column = column or next((one for one in _COLUMNS if one in table.columns and one not in texts), None)
    if column is None:
        return _read_columns(table, rows, texts, names)
    refuse_label_as_text(table.path, column, texts)
    check_column(table, column, _ADVICE)
    cells = _divided([as_list(cell) for cell in table.column(column)], names or ())
    given = [*chain.from_iterable(cells)]
    if names is None and not given:
        raise DataError(f"{table.path}: no row of column {column!r} has a label, expected one at least; fix the file")
    _refuse_ambiguous(table, names or (), cells)
    places = (((table.path, number), one) for number, cell in enumerate(cells, 1) for one in cell)
    names = tuple(names or infer_names(places))
    reader = LabelReader(names, column, meanings(table.path, names, given))
    for row, cell in zip(rows, cells, strict=True):
        reader.labels(row, cell)
    return names


def _divided(cells: Sequence[list[Any] | str], names: Sequence[str]) -> list[list[Any]]:
    """The labels of each cell; all strings have the same separator."""
    known = {**by_name(names), **own_numbers(names), **class_indices(names)}
    strings = Counter(cell for cell in cells if isinstance(cell, str))
    separator = _separator(strings, known)

    def divided(text: str) -> list[str]:
        return split(text, separator, lambda one: spelling(one) in known) if separator else [text]

    return [divided(cell) if isinstance(cell, str) else cell for cell in cells]


def _refuse_ambiguous(table: TableFile, names: Sequence[str], cells: Sequence[Sequence[Any]]) -> None:
    """Raise DataError where every list is 0 and 1 for a model of two labels: indices of both, or whether each is given."""
    spelled = [[*map(spelling, cell)] for cell in cells]
    if len(names) != len(_BITS) or not spelled or any(sorted(one) != sorted(_BITS) for one in spelled):
        return
    raise DataError(
        f"{table.path}: every row has the labels 0 and 1, which can be the indices of both ({listed(names)}) and whether each is "
        "given; write the names, or give each label a column of 0 and 1"
    )


def _separator(strings: Mapping[str, int], known: Mapping[str, int]) -> str:
    """The separator by which most strings are known labels, the first one of equals; "" where none occurs."""

    def understood(separator: str) -> int:
        parts = {text: split(text, separator, lambda one: spelling(one) in known) for text in strings}
        return sum(strings[text] for text, some in parts.items() if all(spelling(one) in known for one in some))

    occurring = [one for one in SEPARATORS if any(one in text for text in strings)]
    return max(occurring, key=understood, default="")


def _read_columns(
    table: TableFile, rows: Sequence[TextRow], texts: Sequence[str], names: Sequence[str] | None
) -> tuple[str, ...]:
    """The same from a column of 0 and 1, or false and true, for each label."""
    others = [column for column in table.columns if column and column not in texts]
    columns = _named(table, others, names) if names else others
    cells = [table.column(column) for column in columns]
    if not names:
        _refuse_other_cells(table, columns, cells)
    for row, given in zip(rows, zip(*cells, strict=True), strict=True):
        if row.cause is None:
            _set_labels(row, dict(zip(columns, given, strict=True)))
    return tuple(names or columns)


def _named(table: TableFile, columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns of ``names``; raises DataError where one has none."""
    by_spelling = {**{spelling(column): column for column in columns}, **{column: column for column in columns}}
    found = [by_spelling.get(name, by_spelling.get(spelling(name))) for name in names]
    missing = [name for name, column in zip(names, found, strict=True) if column is None]
    if missing:
        raise DataError(
            f"{table.path}: {_NO_COLUMN}, and none for the labels {listed(missing)}, found {listed(table.columns)}; {_ADVICE}, "
            "or give each label a column of 0 and 1"
        )
    return [column for column in found if column is not None]


def _refuse_other_cells(table: TableFile, columns: Sequence[str], cells: Sequence[Sequence[object]]) -> None:
    """Raise DataError unless ``columns`` hold 0 and 1 alone: nothing says which of them are labels."""
    if not columns:
        raise DataError(f"{table.path}: {_NO_COLUMN}, found {listed(table.columns)}; {_ADVICE}")
    for column, some in zip(columns, cells, strict=True):
        other = next((cell for cell in some if cell is not None and spelling(cell) not in _GIVEN), None)
        if other is not None:
            raise DataError(
                f"{table.path}: {_NO_COLUMN}, and {column!r} holds {short_repr(other)}, expected 0 or 1 in every column "
                f"that is no text; {_ADVICE}, or keep texts and columns of 0 and 1 alone"
            )


def _set_labels(row: TextRow, given: Mapping[str, object]) -> None:
    for column, cell in given.items():
        if cell is None:
            row.refuse(Cause.MISSING_CELL, f"no {column!r}")
        elif spelling(cell) not in _GIVEN:
            row.refuse(Cause.UNKNOWN_LABEL, f"{column!r} is {short_repr(cell)}, expected 0 or 1")
        else:
            continue
        return
    row.label = tuple(index for index, cell in enumerate(given.values()) if _GIVEN[spelling(cell)])
