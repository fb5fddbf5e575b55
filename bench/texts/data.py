"""Reads labelled texts for accuracy and unlabelled ones for calibration; unusable rows are refused, or dropped and counted.

The text of a row is ``title + " " + content`` (or whatever its text columns are, joined by one space).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.errors import DataError
from ...exporters.texts import row_hash, sha256_texts
from ..units import counted
from .label_numbers import meanings
from .labels import LABEL_COLUMN, REAL_FAKE, LabelReader, infer_names
from .pairs import caution_joined
from .real_fake import real_fake_indices
from .table_file import read_table
from .text_rows import check_column, find_text_columns, read_rows, refuse_label_as_text, refuse_repeats, usable_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...exporters.head import Label, Task
    from ...exporters.texts import Text
    from .text_rows import BadRows, Place, TextRow

_MAX_SHOWN = 10  # classes listed in one line
_NUMBERED = re.compile(r"\d")  # "428 LABEL_0" and "428 1 star" do not read well


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Texts and their classes, in file order."""

    name: str
    texts: tuple[Text, ...]
    labels: tuple[Label, ...]  # of each text
    label_names: tuple[str, ...]  # by class index; of scores the one output
    dropped: tuple[str, ...]  # "2 duplicate rows"
    places: tuple[Place, ...] = field(default=(), compare=False)  # of each text; empty for texts of no file
    unscored: int = 0  # further texts, for which a run has no time
    task: Task = "single-label"
    queries: tuple[str, ...] = ()  # score: hash of the query that each text answers; empty: texts answer none

    @property
    def pairs(self) -> bool:
        """Whether its texts are pairs."""
        return bool(self.texts) and not isinstance(self.texts[0], str)

    @property
    def row_hashes(self) -> tuple[str, ...]:
        """Of each text: they identify texts in a saved run, which holds none."""
        return tuple(map(row_hash, self.texts))

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of all texts and labels in their order."""
        return sha256_texts(self.texts, self.labels)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of texts of each class, by class index."""
        counts = Counter(self.labels)
        return tuple(counts[index] for index in range(len(self.label_names)))

    @property
    def summary(self) -> str:
        """One line: ``268 articles (171 real, 97 fake); left out: 2 duplicate rows``."""
        line = counted(len(self.texts), "pair" if self.pairs else "article")
        if len(self.label_names) > _MAX_SHOWN:
            line += f" in {len(self.label_names)} classes"
        else:
            names = (f"of class {name}" if _NUMBERED.search(name) else name for name in self.label_names)
            line += f" ({', '.join(f'{count} {name}' for count, name in zip(self.counts, names, strict=True))})"
        beyond = (f"{counted(self.unscored, 'row')} beyond the time budget",) * bool(self.unscored)
        return _summary(line, (*self.dropped, *beyond))


def _summary(line: str, dropped: Sequence[str]) -> str:
    return f"{line}; left out: {', '.join(dropped)}" if dropped else line


def parse_external(argument: str) -> tuple[str, Path]:
    """Name and path from ``[NAME=]FILE``; a file name with ``=`` is written ``./a=b.csv``."""
    name, equals, file = argument.partition("=")
    if not equals or "/" in name:
        return Path(argument).stem, Path(argument)
    if not name.strip() or not file:
        raise DataError(f"{argument!r} is not [NAME=]FILE; write a name and a file, or a file alone")
    return name.strip(), Path(file)


def read_labelled_file(  # noqa: PLR0913 - how a file is read, by name
    path: Path,
    *,
    name: str | None = None,
    label_names: Sequence[str] | None = None,
    text_columns: Sequence[str] | None = None,
    label_column: str | None = None,
    real_label: str | None = None,
    bad_rows: BadRows = "refuse",
) -> LabelledSet:
    """Read texts and classes from one file; raises DataError for the first problem.

    ``label_names`` are the checkpoint's, by class index; None: from the file. ``label_column``: None is "label". ``real_label`` is
    the checkpoint's name of the class that the file calls real; the other one is then fake.
    """
    table = read_table(path)
    used = find_text_columns(table, text_columns)
    rows = read_rows(table, used)
    column = label_column or LABEL_COLUMN
    refuse_label_as_text(path, column, used)
    check_column(table, column, "name the column that holds the classes with --label-column")
    cells = table.column(column)
    names = tuple(label_names or infer_names(((path, number), cell) for number, cell in enumerate(cells, 1)))
    reader = LabelReader(names, column, {**_words(names, real_label), **meanings(path, names, cells)})
    for row, cell in zip(rows, cells, strict=True):
        reader.label(row, cell)
    caution_joined(path, used, names)
    return _labelled_set(name or path.stem, rows, names, bad_rows)


def _words(names: Sequence[str], real_label: str | None) -> dict[str, int]:
    """Class indices of the words real and fake, if ``real_label`` says which class is real."""
    return {} if real_label is None else dict(zip(REAL_FAKE, real_fake_indices(names, real_label), strict=True))


def read_real_fake(  # noqa: PLR0913 - how files are read, by name
    real: Path,
    fake: Path,
    *,
    label_names: Sequence[str] | None = None,
    text_columns: Sequence[str] | None = None,
    real_label: str | None = None,
    bad_rows: BadRows = "refuse",
) -> LabelledSet:
    """Read the set "external" from two files without labels; a text may be in one of them only.

    ``label_names`` or ``real_label``, which is one of them, decide which class is real; raises DataError if neither does.
    """
    names = tuple(label_names or REAL_FAKE)
    rows = []
    for path, label in zip((real, fake), real_fake_indices(names, real_label), strict=True):
        table = read_table(path)
        used = find_text_columns(table, text_columns)
        for row in read_rows(table, used):
            row.label = label
            rows.append(row)
        caution_joined(path, used, names)
    return _labelled_set("external", rows, names, bad_rows)


def read_texts(
    path: Path,
    *,
    label_names: Sequence[str] = (),
    text_columns: Sequence[str] | None = None,
    bad_rows: BadRows = "refuse",
) -> tuple[tuple[Text, ...], str]:
    """Read the texts of one file without labels, and a line about them: ``9 texts; left out: 1 duplicate row``.

    ``label_names`` are those of the checkpoint.
    """
    table = read_table(path)
    used = find_text_columns(table, text_columns)
    rows = read_rows(table, used)
    caution_joined(path, used, label_names)
    refuse_repeats(rows, ())
    rows, dropped = usable_rows(rows, bad_rows)
    return tuple(row.text for row in rows), _summary(counted(len(rows), "text"), dropped)


def _labelled_set(name: str, rows: list[TextRow], names: tuple[str, ...], bad_rows: BadRows) -> LabelledSet:
    refuse_repeats(rows, names)
    rows, dropped = usable_rows(rows, bad_rows)
    texts, labels = tuple(row.text for row in rows), tuple(row.label for row in rows)
    places = tuple((row.path, row.number) for row in rows)
    return LabelledSet(name=name, texts=texts, labels=labels, label_names=names, dropped=dropped, places=places)


def read_column(places: Sequence[Place], column: str) -> list[object]:
    """Cells of ``column`` at ``places``, None for a missing one; raises DataError if a file lacks the column."""
    cells = {}
    for path in {path for path, _ in places}:
        table = read_table(path)
        check_column(table, column, "name one of these with --by")
        cells[path] = table.column(column)
    return [cells[path][number - 1] for path, number in places]
