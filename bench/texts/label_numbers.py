"""Numbers in a label column: class indices of the checkpoint, or numbers in its label names.

For "1 star" … "5 stars", label 1 is class 0 by its number and class 1 by its index. A file is read in one way throughout,
and refused if nothing decides which.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...exporters.errors import DataError
from .labels import by_name, is_number, spelling, unique
from .table_file import listed, short_repr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_YES_NO = {
    **dict.fromkeys(("true", "yes", "on", "y", "t"), "1"),
    **dict.fromkeys(("false", "no", "off", "n", "f"), "0"),
}
# A hyphen after a letter or digit is not a minus sign ("LABEL-1", "1-2 stars"); "1.5" and "1,000" are one number.
_NUMBER = re.compile(rf"(?:(?<![^\W_])[+-])?[0-9]+(?:[.,][0-9]+)*|(?<![^\W_])(?:{'|'.join(_WORDS)})(?![^\W_])")


def class_indices(names: Sequence[str]) -> dict[str, int]:
    """Class by its index; empty if a name is itself a number (ratings 1 to 5)."""
    return {} if any(map(is_number, map(spelling, names))) else {str(index): index for index in range(len(names))}


def own_numbers(names: Sequence[str]) -> dict[str, int]:
    """Class by the only whole number in its name, if no other name has it; for names that mean yes and no, 1 and 0.

    >>> own_numbers(["1 star", "2 stars"]), own_numbers(["LABEL_0", "LABEL_1"]), own_numbers(["true", "false"])
    ({'1': 0, '2': 1}, {'0': 0, '1': 1}, {'1': 0, '0': 1})
    """
    spelled = [spelling(name) for name in names]
    if all(name in _YES_NO for name in spelled):
        return unique((_YES_NO[name], index) for index, name in enumerate(spelled))
    found = ((_NUMBER.findall(name), index) for index, name in enumerate(spelled))
    numbers = (
        (spelling(_WORDS.index(one[0]) if one[0] in _WORDS else one[0]), index) for one, index in found if len(one) == 1
    )
    return unique((number, index) for number, index in numbers if is_number(number))


def meant(label: str, names: Sequence[str]) -> int | None:
    """The class that ``label`` is by its name, its number or its index; None if it is none or ambiguous."""
    spelled = spelling(label)
    if spelled in by_name(names):
        return by_name(names)[spelled]
    found = {reading[spelled] for reading in (own_numbers(names), class_indices(names)) if spelled in reading}
    return found.pop() if len(found) == 1 else None


def meanings(path: Path, names: Sequence[str], cells: Iterable[object]) -> dict[str, int]:
    """Class by number, for the label column of ``path``; raises DataError if its numbers can be read in two ways, or in none."""
    own, index = own_numbers(names), class_indices(names)
    numbers = set(filter(is_number, map(spelling, cells)))
    alike = own.items() <= index.items()
    if not index or not numbers:
        return index if alike else {}
    readings = [reading for reading in (own, index) if numbers <= reading.keys()]
    differing = sorted((number for number in numbers if own.get(number) != index.get(number)), key=int)
    if len(readings) > 1 and differing:
        raise DataError(f"{path}: {_two_readings(differing[0], names, own, index)}; write the names")
    if readings:
        return readings[0]
    found = f"{path}: labels {listed(sorted(map(int, numbers)))}"
    if (
        str(len(names)) in numbers and "0" not in numbers
    ):  # dropping only the highest would shift all others by one class
        expected = f"class indices from 0 to {len(names) - 1}"
        raise DataError(
            f"{found} are counted from 1, expected {expected} ({listed(names)}); renumber them or write the names"
        )
    if not alike:
        expected = f"all numbers of the names ({listed(names)}), or all class indices from 0 to {len(names) - 1}"
        raise DataError(f"{found}: expected {expected}; write the names")
    return index


def _two_readings(number: str, names: Sequence[str], own: dict[str, int], index: dict[str, int]) -> str:
    by_number, by_index = (short_repr(names[reading[number]]) for reading in (own, index))
    return f"label {number} can be {by_number}, by the number in its name, and {by_index}, by its index"
