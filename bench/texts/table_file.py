"""Reads tables: CSV, TSV, JSON Lines and Parquet; what is wrong with a file is one line."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import reprlib
from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...exporters.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

_SHORT = reprlib.Repr()
_SHORT.maxstring = 60  # characters
_MAX_LISTED = 20  # values in a message; a file without a header may have thousands of "columns"
_PARQUET_ROWS = 256  # decoded at a time
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_CELL_LIMIT = 2**31 - 1  # characters; the default of csv, 131,072, is less than a long article


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """A table whose columns are known; each iteration reads its rows from the file, one by one."""

    path: Path
    columns: tuple[str, ...]
    read: Callable[[Sequence[str]], Iterator[Sequence[Any]]]

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Cells of ``columns``, row by row; None for a missing cell (empty, null or NaN). Raises DataError while reading."""
        with _readable(self.path):
            for cells in self.read(columns):
                yield tuple(None if _is_missing(cell) else cell for cell in cells)

    def column(self, name: str) -> list[Any]:
        """Cells of one column, in file order."""
        return [cell for (cell,) in self.rows([name])]


def open_table(path: Path) -> TableFile:
    """Find the columns of the table in ``path``, whose suffix gives the format; raises DataError if it is not a table."""
    with _readable(path):
        table = _reader(path)(path)
    for name, count in Counter(table.columns).items():
        if name and count > 1:  # columns without a name are indices written by a spreadsheet or pandas
            raise DataError(f"{path}: {count} columns are named {short_repr(name)}; rename all but one")
    return table


def read_table(path: Path) -> TableFile:
    """``open_table``, and read all rows once; raises DataError for a bad row, and for a table without rows."""
    table = open_table(path)
    if not sum(1 for _ in table.rows(())):
        raise no_rows(path)
    return table


def no_rows(path: Path) -> DataError:
    """The error for a table without rows."""
    return DataError(f"{path}: no rows; give a file with at least one row")


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise DataError(_non_utf8_message(path)) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check the path and its rights") from error


def short_repr(value: object) -> str:
    """The repr of a value for a message: one line, shortened in the middle."""
    return _SHORT.repr(value)


def listed(values: Iterable[object]) -> str:
    """Values for a message, comma-separated and shortened, at most 20."""
    shown = [short_repr(value) for value in values]
    if not shown:
        return "none"
    return ", ".join(shown if len(shown) <= _MAX_LISTED else [*shown[:_MAX_LISTED], "…"])


def separator_hint(path: Path) -> str:
    """A hint for an error message if the first line has another separator than the suffix says, else an empty string."""
    ours = _SEPARATORS.get(path.suffix.lower())
    if ours is None:
        return ""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        header = lines.readline()
    other = next((one for one in (";", "\t", "|", ",") if one in header), None)
    if other is None or ours in header:
        return ""
    return f" (is it separated by {other!r}? save it with {'commas' if ours == ',' else 'tabs'})"


def _reader(path: Path) -> Callable[[Path], TableFile]:
    if path.is_dir():
        raise DataError(f"{path}: a folder, not a file; name one file in it")
    if not path.exists():
        raise DataError(f"{path}: no such file; check the path")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: suffix {path.suffix!r} is not read; save it as {SUFFIXES}")
    if not path.stat().st_size:
        raise _empty(path)
    return reader


def _open_delimited(path: Path, *, delimiter: str) -> TableFile:
    def records() -> Iterator[list[str]]:
        with _wide_cells(), path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _records(path, csv.reader(lines, delimiter=delimiter, strict=True))

    header = next(records(), None)
    if header is None:
        raise _empty(path)
    columns = tuple(name.strip() for name in header)

    def read(names: Sequence[str]) -> Iterator[list[str]]:
        places = [columns.index(name) for name in names]
        for record in islice(records(), 1, None):
            yield [record[place] for place in places]

    return TableFile(path=path, columns=columns, read=read)


def _records(path: Path, reader: Any) -> Iterator[list[str]]:
    """Header and rows of a csv.reader, all of one length; blank lines are skipped."""
    num_cells = 0
    while True:
        line = reader.line_num + 1  # where the record begins: an open quote may end many lines further down
        try:
            record = next(reader, None)
        except csv.Error as error:
            advice = "fix the line (a quote inside a quoted cell is written twice)"
            hint = separator_hint(path)
            raise DataError(f"{path}: line {line}: unbalanced quotes ({error}){hint}; {advice}") from None
        if record is None:
            return
        num_cells = num_cells or len(record)
        if record and len(record) != num_cells:
            raise DataError(
                f"{path}: line {line}: {len(record)} cells where the header has {num_cells}{separator_hint(path)}; fix the line "
                "(a cell that holds the separator or a line break is quoted)"
            )
        if record:
            yield record


@contextlib.contextmanager
def _wide_cells() -> Iterator[None]:
    limit = csv.field_size_limit(_CELL_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(limit)  # the limit is global in the process


def _open_json_lines(path: Path) -> TableFile:
    def records() -> Iterator[dict[str, Any]]:
        with path.open(encoding="utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _json_record(path, number, line)

    columns: dict[str, None] = {}  # writers may leave nulls out: lines differ in their keys
    empty = True
    for record in records():
        columns.update(dict.fromkeys(record))
        empty = False
    if empty:
        raise _empty(path)

    def read(names: Sequence[str]) -> Iterator[list[Any]]:
        for record in records():
            yield [record.get(name) for name in names]

    return TableFile(path=path, columns=tuple(columns), read=read)


def _json_record(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line.rstrip())
        if "\\u" in line:
            json.dumps(record, ensure_ascii=False).encode()  # "\ud800" is valid JSON, but no tokenizer can encode it
    except json.JSONDecodeError as error:
        found = f"bad JSON at column {error.colno} ({error.msg.removesuffix(' starting at')})"
    except UnicodeEncodeError as error:
        found = f"unpaired surrogate ({error.object[error.start : error.end]!r})"
    except (ValueError, RecursionError) as error:
        found = f"bad JSON ({error})"
    else:
        if isinstance(record, dict):
            return record
        found = f"{short_repr(record)} is no JSON object"
    raise DataError(f"{path}: line {number}: {found}; fix the line (one JSON object per line)")


def _open_parquet(path: Path) -> TableFile:
    from pyarrow.parquet import ParquetFile

    # pyarrow's read_table would make columns of folders named "a=1" in the path.
    with _parquet_errors(path), ParquetFile(path) as file:
        columns = tuple(file.schema_arrow.names)

    def read(names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        # With pre_buffer a whole row group would be in memory.
        with _parquet_errors(path), ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            if not names:
                yield from ((),) * file.metadata.num_rows
                return
            for batch in file.iter_batches(_PARQUET_ROWS, columns=list(names)):
                yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)

    return TableFile(path=path, columns=columns, read=read)


@contextlib.contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:  # damaged pages and strings raise builtin exceptions
        found = str(error).partition("\n")[0].rstrip(". ")
        raise DataError(f"{path}: not a whole Parquet file ({found}); write it again") from error


def _is_missing(cell: object) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def _empty(path: Path) -> DataError:
    return DataError(f"{path}: empty file; give a file with at least one row")


def _non_utf8_message(path: Path) -> str:
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:  # an incremental decoder does not know the position in the file
        line = content.count(b"\n", 0, error.start) + 1
        found = content[error.start : error.end]
        return f"{path}: byte {error.start} (line {line}) is not UTF-8 ({found!r}); save the file as UTF-8"
    return f"{path}: changed while it was being read; try again"


_READERS: dict[str, Callable[[Path], TableFile]] = {
    **{suffix: partial(_open_delimited, delimiter=separator) for suffix, separator in _SEPARATORS.items()},
    ".jsonl": _open_json_lines,
    ".ndjson": _open_json_lines,
    ".json-lines": _open_json_lines,
    ".parquet": _open_parquet,
}
*_FIRST, _LAST = _READERS
SUFFIXES = f"{', '.join(_FIRST)} or {_LAST}"
"""Of the files that are read, for a message."""
