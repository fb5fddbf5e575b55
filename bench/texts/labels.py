"""Labels: which classes a file has, and which class index a cell of its label column says.

Labels are class indices, 0 real and 1 fake unless a file or checkpoint says otherwise.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from bench.texts.table_file import listed, short_repr
from bench.texts.text_rows import Cause
from exporters.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.texts.text_rows import Place, TextRow

REAL_FAKE = ("real", "fake")
LABEL_COLUMN = "label"  # where nothing else is said
_UNINFORMATIVE = ("LABEL_0", "LABEL_1")  # what transformers writes for a checkpoint that was saved without label names
_INDEX = re.compile(r"0*(\d{1,9})(\.0+)?", re.ASCII)  # "1", and 1.0 as pandas writes integers beside a missing cell
_MAX_SHOWN = 10  # classes that a line lists one by one


def display_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Label names as they are shown and matched: LABEL_0, LABEL_1 say nothing and become real, fake."""
    return REAL_FAKE if tuple(labels) == _UNINFORMATIVE else tuple(labels)


class LabelReader:
    """Class indices of the cells of a label column, for classes whose names are known."""

    def __init__(self, names: Sequence[str], column: str = LABEL_COLUMN) -> None:
        self._column = column
        self._spellings = _spellings(names)
        shown = [f"{name} ({index})" for index, name in enumerate(display_labels(names))]
        self._expected = ", ".join(shown if len(shown) <= _MAX_SHOWN else [*shown[:_MAX_SHOWN], "…"])

    def label(self, row: TextRow, cell: object) -> None:
        """Give the row the class of its cell, or refuse it; a row that was refused before stays as it is."""
        if row.cause:
            return
        if is_missing(cell):
            row.refuse(Cause.MISSING_CELL, f"no {self._column!r}")
        elif spelling(cell) in self._spellings:
            row.label = self._spellings[spelling(cell)]
        else:
            row.refuse(Cause.UNKNOWN_LABEL, f"label {short_repr(cell)} is none of {self._expected}")


def is_missing(cell: object) -> bool:
    """Whether a label cell is empty, or says no number in the way of NumPy and pandas."""
    return cell is None or spelling(cell) == "nan"


def spelling(cell: object) -> str:
    """Write a label cell or name in the one form in which they are compared: 1.0 as "1", " Fake" as "fake"."""
    text = str(cell).strip().casefold()
    index = _INDEX.fullmatch(text)
    return index[1] if index else text


def _spellings(names: Sequence[str]) -> dict[str, int]:
    """Class index by spelling: of the names, and of the indices unless a name is itself a number (ratings 1 to 5)."""
    shared = Counter(map(spelling, names))
    spellings = {spelling(name): index for index, name in enumerate(names) if shared[spelling(name)] == 1}
    spellings |= {name: index for index, name in enumerate(REAL_FAKE) if display_labels(names) == REAL_FAKE}
    if not any(map(_INDEX.fullmatch, spellings)):
        spellings |= {str(index): index for index in range(len(names))}
    return spellings


def infer_names(cells: Iterable[tuple[Place, object]]) -> tuple[str, ...]:
    """Label names of files that no checkpoint speaks for; DataError where their labels are no set of classes."""
    first: dict[str, tuple[Place, object]] = {}  # by spelling
    path = None
    for place, cell in cells:
        path = path or place[0]
        if not is_missing(cell):
            first.setdefault(spelling(cell), (place, cell))
    indices = sorted(int(one) for one in first if _INDEX.fullmatch(one))
    if not indices:
        if set(first) <= set(REAL_FAKE):  # sorted, "fake" would be class 0: the order that nobody in this field expects
            return REAL_FAKE
        return tuple(str(first[one][1]).strip() for one in sorted(first))
    if len(indices) < len(first):
        (file, number), cell = next(first[one] for one in first if not _INDEX.fullmatch(one))
        found = f"label {short_repr(cell)} is a name where other rows have class indices ({listed(indices)})"
        raise DataError(f"{file}: row {number}: {found}; use one of the two")
    if indices[-1] < len(REAL_FAKE):
        return REAL_FAKE
    if indices != list(range(len(indices))):
        raise DataError(f"{path}: labels {listed(indices)} do not run from 0 without a gap; renumber them or use names")
    return tuple(map(str, indices))


def real_fake_indices(names: Sequence[str]) -> tuple[int, int]:
    """Class indices of real and of fake; DataError where the names leave that open."""
    spellings = [spelling(name) for name in names]
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
