"""The rows of the files to prepare, read from disk on each iteration: texts are never all in memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, cast

from ....exporters.errors import DataError
from ..labels import LABEL_COLUMN, REAL_FAKE, LabelReader, infer_names
from ..table_file import open_table
from ..text_rows import check_column, find_text_columns, refuse_label_as_text, text_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..table_file import TableFile
    from ..text_rows import TextRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files named on the command line."""

    labelled: tuple[Path, ...] = ()
    real: Path | None = None  # texts that are all real
    fake: Path | None = None  # texts that are all fake; given if and only if ``real`` is
    test: Path | None = None  # a test set that is kept as it is

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them, in the order in which they are read."""
        return tuple(path for path in (*self.labelled, self.real, self.fake, self.test) if path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One of the files."""

    table: TableFile
    rows: int
    label: int | None  # class of every row; None: read from the label column
    test: bool  # a test set that was given


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its text and class, or why it has none, and its other cells."""

    text_row: TextRow
    texts: tuple[object, ...]  # by text column
    others: tuple[object, ...]  # by other column; None where the file lacks it
    test: bool

    @property
    def label(self) -> int:
        """Index of its class."""
        return cast("int", self.text_row.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All rows of all files, in order."""

    sources: tuple[Source, ...]
    label_names: tuple[str, ...]
    label_column: str
    text_columns: tuple[str, ...]
    other_columns: tuple[str, ...]  # of any file

    def __len__(self) -> int:
        return sum(source.rows for source in self.sources)

    def __iter__(self) -> Iterator[Row]:
        reader = LabelReader(self.label_names, self.label_column)
        for source in self.sources:
            yield from self._of(source, reader)

    def _of(self, source: Source, reader: LabelReader) -> Iterator[Row]:
        here = [column for column in self.other_columns if column in source.table.columns]
        labels = [] if source.label is not None else [self.label_column]
        width = len(self.text_columns)
        for number, cells in enumerate(source.table.rows([*self.text_columns, *here, *labels]), 1):
            texts = cells[:width]
            row = text_row(source.table.path, number, self.text_columns, texts)
            if source.label is None:
                reader.label(row, cells[-1])
            else:
                row.label = source.label
            known = dict(zip(here, cells[width:], strict=False))
            others = tuple(known.get(column) for column in self.other_columns)
            yield Row(text_row=row, texts=texts, others=others, test=source.test)


def open_rows(files: Files, text_columns: Sequence[str] = (), label_column: str | None = None) -> Rows:
    """Find columns and classes of all files; DataError for what cannot be prepared together."""
    column = label_column or LABEL_COLUMN
    labelled = [*files.labelled, *([files.test] if files.test else [])]
    pair = [path for path in (files.real, files.fake) if path]
    for place, path in enumerate(files.paths):
        if path in files.paths[:place]:
            raise DataError(f"{path}: named twice; name it once")
    tables = {path: open_table(path) for path in files.paths}
    used = _text_columns(list(tables.values()), text_columns)
    for path in labelled:
        refuse_label_as_text(path, column, used)
    cells = {path: _labels(tables[path], column) for path in labelled}
    places = chain.from_iterable(
        (((path, number), cell) for number, cell in enumerate(cells[path], 1)) for path in labelled
    )
    names = REAL_FAKE if pair else infer_names(places)
    sources = [
        Source(
            table=table,
            rows=len(cells[path]) if path in cells else sum(1 for _ in table.rows(())),
            label=None if path in cells else pair.index(path),
            test=path == files.test,
        )
        for path, table in tables.items()
    ]
    for source in sources:
        if not source.rows:
            raise DataError(f"{source.table.path}: no rows; give a file with at least one row")
    others = dict.fromkeys(name for table in tables.values() for name in table.columns if name)
    _refuse_second_label(sources, others, column)
    return Rows(
        sources=tuple(sources),
        label_names=names,
        label_column=column,
        text_columns=used,
        other_columns=tuple(name for name in others if name not in (*used, column)),
    )


def _text_columns(tables: Sequence[TableFile], asked: Sequence[str]) -> tuple[str, ...]:
    """The columns that make up a text; they must be the same in every file, because one file is written."""
    found = [find_text_columns(table, tuple(asked) or None) for table in tables]
    for table, columns in zip(tables, found, strict=True):
        if columns != found[0]:
            first, here = (" + ".join(map(repr, one)) for one in (found[0], columns))
            raise DataError(
                f"{table.path}: its texts are {here}, those of {tables[0].path} {first}; "
                "rename the columns, or name those of all files with --text-columns"
            )
    return found[0]


def _labels(table: TableFile, column: str) -> list[object]:
    check_column(table, column, "name the column that holds the classes with --label-column")
    return table.column(column)


def _refuse_second_label(sources: Sequence[Source], others: dict[str, None], column: str) -> None:
    """Raise DataError if a file has another column LABEL_COLUMN: that is the class column of the written files."""
    labelled = any(source.label is None for source in sources)
    if LABEL_COLUMN in others and (column != LABEL_COLUMN or not labelled):
        used = f"the classes are in {column!r}" if labelled else "--real and --fake say the class of each file"
        raise DataError(
            f"{sources[0].table.path}: has a column {LABEL_COLUMN!r}, and {used}; rename that column, or remove it"
        )
