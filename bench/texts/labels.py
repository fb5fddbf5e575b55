"""Labels: the classes of a file, and the class index, or several, of each cell of its label column.

Classes have the names of the checkpoint, or without a checkpoint those of the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from ...exporters.errors import DataError, did_you_mean
from .label_cells import SEPARATORS, split
from .table_file import listed, short_repr
from .text_rows import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...exporters.labels import Label
    from .text_rows import Place, TextRow

REAL_FAKE = ("real", "fake")
LABEL_COLUMN = "label"  # unless --label-column names another
_TWO_NUMBERED = ("0", "1")
_NUMBER = re.compile(
    r"\+?(-?)0*(\d{1,9})(\.0+)?", re.ASCII
)  # "1", and "1.0": pandas writes integers as floats if a cell is missing
_MAX_SHOWN = 10  # classes listed in one line


class LabelReader:
    """Class indices of the cells of a label column, for classes whose names are known.

    A cell is the name of its class, or a key of ``more``: numbers or words that stand for a class.
    """

    def __init__(self, names: Sequence[str], column: str = LABEL_COLUMN, more: Mapping[str, int] | None = None) -> None:
        self._column, self._names = column, names
        self._classes = {**(more or {}), **by_name(names)}
        self._exact = unique((name, index) for index, name in enumerate(names))  # "NEWS" beside "news"
        numbers = {index: spelled for spelled, index in (more or {}).items() if is_number(spelled)}
        shown = [f"{name} ({numbers[index]})" if index in numbers else name for index, name in enumerate(names)]
        self._expected = ", ".join(shown if len(shown) <= _MAX_SHOWN else [*shown[:_MAX_SHOWN], "…"])
        self._two = len(names) == len(REAL_FAKE)

    def label(self, row: TextRow, cell: object) -> None:
        """Give the row the class of its cell, or refuse it; a row that is already refused stays as it is."""
        if row.cause:
            return
        if is_missing(cell):
            row.refuse(Cause.MISSING_CELL, f"no {self._column!r}")
        elif (index := self._class(cell)) is not None:
            row.label = index
        elif self._is_several(cell):
            found = f"label {short_repr(cell)} holds several labels, expected one of {self._expected}"
            row.refuse(Cause.UNKNOWN_LABEL, found)
        else:
            asks = self._two and spelling(cell) in REAL_FAKE
            advice = "pass --real-label NAME to say which one is real, fix it" if asks else "fix it"
            row.refuse(Cause.UNKNOWN_LABEL, f"label {short_repr(cell)} is none of {self._expected}", advice)

    def labels(self, row: TextRow, cells: Sequence[object]) -> None:
        """Give the row the labels that ``cells`` are, each a name or number, or refuse it; one that is refused stays as it is."""
        if row.cause:
            return
        classes = [self._class(cell) for cell in cells]
        numbers = [one for one in map(spelling, cells) if is_number(one)]
        if len(numbers) > len(set(numbers)):  # [0, 1, 0, 0] says of each label whether it is given
            found = f"labels {short_repr(list(cells))} repeat a number, expected names or indices of the labels that are given"
            row.refuse(Cause.UNKNOWN_LABEL, found)
        elif None in classes:
            other = cells[classes.index(None)]
            advice = f"{did_you_mean(str(other), self._names)}fix it"
            row.refuse(Cause.UNKNOWN_LABEL, f"label {short_repr(other)} is none of {self._expected}", advice)
        else:
            row.label = tuple(sorted({one for one in classes if one is not None}))

    def _class(self, cell: object) -> int | None:
        """The class that a cell is, None if it is none: by its very name, else by a normalised form."""
        exact = self._exact.get(cell.strip()) if isinstance(cell, str) else None
        return self._classes.get(spelling(cell)) if exact is None else exact

    def _is_several(self, cell: object) -> bool:
        """Whether a cell is a list, or names of classes with a separator."""
        if not isinstance(cell, str):
            return isinstance(cell, list)
        divided = (split(cell, one, lambda part: spelling(part) in self._classes) for one in SEPARATORS)
        return any(len(some) > 1 and {*map(spelling, some)} <= self._classes.keys() for some in divided)


def told(label: Label, names: Sequence[str]) -> str:
    """A label in words.

    >>> told(1, ["joy", "love"]), told((0, 1), ["joy", "love"]), told((), ["joy"]), told(3.5, ["score"])
    ('love', 'joy + love', 'nothing', '3.5')
    """
    if isinstance(label, tuple):
        return " + ".join(names[index] for index in label) or "nothing"
    return str(label) if isinstance(label, float) else names[label]


def is_missing(cell: object) -> bool:
    """Whether a label cell is empty or NaN."""
    return cell is None or spelling(cell) == "nan"


def spelling(cell: object) -> str:
    """The normalised form in which label cells and names are compared: 1.0 is "1", " Fake" is "fake"."""
    text = unicodedata.normalize("NFKC", str(cell)).strip().casefold().replace("\N{MINUS SIGN}", "-")
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    return number[2] if number[2] == "0" else number[1] + number[2]


def is_number(spelled: str) -> bool:
    """Whether a ``spelling`` is a whole number."""
    return _NUMBER.fullmatch(spelled) is not None


def by_name(names: Sequence[str]) -> dict[str, int]:
    """Class index by normalised name; names with the same form ("NEWS", "news") are left out."""
    return unique((spelling(name), index) for index, name in enumerate(names))


def unique(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The pairs whose key occurs once."""
    pairs = list(pairs)
    counts = Counter(key for key, _ in pairs)
    return {key: value for key, value in pairs if counts[key] == 1}


def infer_names(cells: Iterable[tuple[Place, object]]) -> tuple[str, ...]:
    """Label names of files without a checkpoint; raises DataError if their labels are not a set of classes."""
    first: dict[str, tuple[Place, object]] = {}  # by spelling
    path = None
    for place, cell in cells:
        path = path or place[0]
        _refuse_list(place, cell)
        if not is_missing(cell):
            first.setdefault(spelling(cell), (place, cell))
    indices = sorted(int(one) for one in first if is_number(one))
    if not indices:
        if set(first) <= set(REAL_FAKE):  # sorted, "fake" would be class 0, against the convention
            return REAL_FAKE
        _refuse_several(first)
        return tuple(str(first[one][1]).strip() for one in sorted(first))
    if len(indices) < len(first):
        (file, number), cell = next(first[one] for one in first if not is_number(one))
        found = f"label {short_repr(cell)} is a name where other rows have class indices ({listed(indices)})"
        raise DataError(f"{file}: row {number}: {found}; use one of the two")
    if set(indices) <= {0, 1}:  # a file may hold texts of one class only
        return _TWO_NUMBERED
    if indices != list(range(len(indices))):
        raise DataError(f"{path}: labels {listed(indices)} do not run from 0 without a gap; renumber them or use names")
    return tuple(map(str, indices))


def _refuse_several(first: Mapping[str, tuple[Place, object]]) -> None:
    """Raise DataError for a name that is others with a separator; a comma may stand in the name of a class."""
    for one, ((path, number), cell) in first.items():
        for separator in SEPARATORS.replace(",", ""):
            parts = {*map(spelling, one.split(separator))}
            if len(parts) > 1 and parts <= first.keys():
                found = f"label {short_repr(cell)} holds several labels of other rows, expected one class"
                raise DataError(f"{path}: row {number}: {found}; write one name in each row")


def _refuse_list(place: Place, cell: object) -> None:
    if isinstance(cell, list):
        path, number = place
        found = f"label {short_repr(cell)} is a list, expected one class"
        raise DataError(f"{path}: row {number}: {found}; write one name in each row")
