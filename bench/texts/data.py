"""Labelled texts for accuracy, plain ones for calibration; rows that cannot be used are refused, or counted and said.

The text of a row is ``title + " " + content`` (or whatever its text columns are, joined by one space). Labels are class
indices, 0 real and 1 fake unless a file or checkpoint says otherwise.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.texts.table_file import listed, read_table, short_repr
from bench.texts.text_rows import Cause, check_column, read_rows, refuse_repeats, usable_rows
from bench.units import counted
from exporters.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.texts.text_rows import BadRows, Place, TextRow

REAL_FAKE = ("real", "fake")
_UNINFORMATIVE = ("LABEL_0", "LABEL_1")  # what transformers writes for a checkpoint that was saved without label names
_LABEL = "label"
_INDEX = re.compile(r"0*(\d{1,9})(\.0+)?", re.ASCII)  # "1", and 1.0 as pandas writes integers beside a missing cell
_MAX_SHOWN = 10  # classes that a line lists one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Texts and their classes, in file order; ``summary`` is the line that is printed about them."""

    name: str
    texts: tuple[str, ...]
    labels: tuple[int, ...]  # class index of each text
    label_names: tuple[str, ...]  # by class index
    dropped: tuple[str, ...]  # "2 duplicate rows"; empty when nothing was left out
    places: tuple[Place, ...] = field(default=(), compare=False)  # of each text; empty for texts of no file

    @property
    def row_hashes(self) -> tuple[str, ...]:
        """First 16 hexadecimal digits of the SHA-256 of each text: names a row where its text may not go."""
        return tuple(hashlib.sha256(text.encode()).hexdigest()[:16] for text in self.texts)

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of all texts and labels in their order."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels, strict=True):
            content = text.encode()
            digest.update(f"{label} {len(content)}\n".encode() + content)  # the length keeps neighbours apart
        return digest.hexdigest()

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of texts of each class, by class index."""
        counts = Counter(self.labels)
        return tuple(counts[index] for index in range(len(self.label_names)))

    @property
    def summary(self) -> str:
        """One line: ``268 articles (171 real, 97 fake); left out: 2 duplicate rows``."""
        line = counted(len(self.texts), "article")
        if len(self.label_names) > _MAX_SHOWN:
            line += f" in {len(self.label_names)} classes"
        else:
            names = (f"of class {name}" if name.isdecimal() else name for name in self.label_names)
            line += f" ({', '.join(f'{count} {name}' for count, name in zip(self.counts, names, strict=True))})"
        return _summary(line, self.dropped)


def _summary(line: str, dropped: Sequence[str]) -> str:
    return f"{line}; left out: {', '.join(dropped)}" if dropped else line


def display_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Label names as they are shown and matched: LABEL_0, LABEL_1 say nothing and become real, fake."""
    return REAL_FAKE if tuple(labels) == _UNINFORMATIVE else tuple(labels)


def parse_external(argument: str) -> tuple[str, Path]:
    """Name and path from ``[NAME=]FILE``; a file that has ``=`` in its own name is written ``./a=b.csv``."""
    name, equals, file = argument.partition("=")
    if not equals or "/" in name:
        return Path(argument).stem, Path(argument)
    if not name.strip() or not file:
        raise DataError(f"{argument!r} is not [NAME=]FILE; write a name and a file, or a file alone")
    return name.strip(), Path(file)


def read_labelled_file(
    path: Path,
    *,
    name: str | None = None,
    label_names: Sequence[str] | None = None,
    text_columns: Sequence[str] | None = None,
    bad_rows: BadRows = "refuse",
) -> LabelledSet:
    """Read texts and classes from one file with a ``label`` column; DataError for the first thing that cannot be used.

    ``label_names`` are the checkpoint's, by class index; None takes them from the file.
    """
    table = read_table(path)
    rows = read_rows(table, text_columns)
    check_column(table, _LABEL, "rename the column that holds the classes to 'label'")
    cells = table.column(_LABEL)
    names = tuple(label_names or _inferred_names(path, cells))
    _label_rows(rows, cells, names)
    return _labelled_set(name or path.stem, rows, display_labels(names), bad_rows)


def read_real_fake(
    real: Path,
    fake: Path,
    *,
    label_names: Sequence[str] | None = None,
    text_columns: Sequence[str] | None = None,
    bad_rows: BadRows = "refuse",
) -> LabelledSet:
    """Read the set "external" from two files without labels; a text may be in one of them only.

    Rows of ``real`` are class 0 and rows of ``fake`` class 1, unless the label names put "fake" first.
    """
    names = display_labels(label_names or REAL_FAKE)
    rows = []
    for path, label in zip((real, fake), _real_fake_indices(names), strict=True):
        for row in read_rows(read_table(path), text_columns):
            row.label = label
            rows.append(row)
    return _labelled_set("external", rows, names, bad_rows)


def read_texts(
    path: Path, *, text_columns: Sequence[str] | None = None, bad_rows: BadRows = "refuse"
) -> tuple[tuple[str, ...], str]:
    """Read the texts of one file, whatever their labels; with them the line to print: ``9 texts; left out: 1 duplicate row``."""
    rows = read_rows(read_table(path), text_columns)
    refuse_repeats(rows, ())
    rows, dropped = usable_rows(rows, bad_rows)
    return tuple(row.text for row in rows), _summary(counted(len(rows), "text"), dropped)


def _labelled_set(name: str, rows: list[TextRow], names: tuple[str, ...], bad_rows: BadRows) -> LabelledSet:
    refuse_repeats(rows, names)
    rows, dropped = usable_rows(rows, bad_rows)
    texts, labels = tuple(row.text for row in rows), tuple(row.label for row in rows)
    places = tuple((row.path, row.number) for row in rows)
    return LabelledSet(name=name, texts=texts, labels=labels, label_names=names, dropped=dropped, places=places)


def _label_rows(rows: Sequence[TextRow], cells: Sequence[object], names: tuple[str, ...]) -> None:
    spellings = _spellings(names)
    shown = [f"{name} ({index})" for index, name in enumerate(display_labels(names))]
    expected = ", ".join(shown if len(shown) <= _MAX_SHOWN else [*shown[:_MAX_SHOWN], "…"])
    for row, cell in zip(rows, cells, strict=True):
        if row.cause:
            continue
        if cell is None:
            row.refuse(Cause.MISSING_CELL, f"no {_LABEL!r}")
        elif _spelling(cell) in spellings:
            row.label = spellings[_spelling(cell)]
        else:
            row.refuse(Cause.UNKNOWN_LABEL, f"label {short_repr(cell)} is none of {expected}")


def _spelling(cell: object) -> str:
    """Write a label cell or name in the one form in which they are compared: 1.0 as "1", " Fake" as "fake"."""
    text = str(cell).strip().casefold()
    index = _INDEX.fullmatch(text)
    return index[1] if index else text


def _spellings(names: Sequence[str]) -> dict[str, int]:
    """Class index by spelling: of the names, and of the indices unless a name is itself a number (ratings 1 to 5)."""
    shared = Counter(map(_spelling, names))
    spellings = {_spelling(name): index for index, name in enumerate(names) if shared[_spelling(name)] == 1}
    spellings |= {name: index for index, name in enumerate(REAL_FAKE) if display_labels(names) == REAL_FAKE}
    if not any(map(_INDEX.fullmatch, spellings)):
        spellings |= {str(index): index for index in range(len(names))}
    return spellings


def _inferred_names(path: Path, cells: Sequence[object]) -> tuple[str, ...]:
    """Label names of a file that no checkpoint speaks for; DataError where its labels are no set of classes."""
    first: dict[str, tuple[int, object]] = {}  # spelling: row number and cell
    for number, cell in enumerate(cells, 1):
        if cell is not None:
            first.setdefault(_spelling(cell), (number, cell))
    indices = sorted(int(spelling) for spelling in first if _INDEX.fullmatch(spelling))
    if not indices:
        if set(first) <= set(REAL_FAKE):  # sorted, "fake" would be class 0: the order that nobody in this field expects
            return REAL_FAKE
        return tuple(str(first[spelling][1]).strip() for spelling in sorted(first))
    if len(indices) < len(first):
        number, cell = next(first[spelling] for spelling in first if not _INDEX.fullmatch(spelling))
        found = f"label {short_repr(cell)} is a name where other rows have class indices ({listed(indices)})"
        raise DataError(f"{path}: row {number}: {found}; use one of the two")
    if indices[-1] < len(REAL_FAKE):
        return REAL_FAKE
    if indices != list(range(len(indices))):
        raise DataError(f"{path}: labels {listed(indices)} do not run from 0 without a gap; renumber them or use names")
    return tuple(map(str, indices))


def _real_fake_indices(names: Sequence[str]) -> tuple[int, int]:
    """Class indices of real and of fake; DataError where the names leave that open."""
    spellings = [_spelling(name) for name in names]
    if set(REAL_FAKE) <= set(spellings):
        return spellings.index("real"), spellings.index("fake")
    if len(names) != len(REAL_FAKE):
        found = f"this one has {len(names)} ({listed(names)})"
        raise DataError(
            f"two files, real and fake, need a checkpoint of two labels, {found}; give one file with 'label'"
        )
    # Where only one of the two is named ("fake", "true"), the other label is the other one.
    real = 1 if spellings[0] == "fake" or spellings[1] == "real" else 0
    return real, 1 - real
