"""Functions for argparse's ``type``: each reads the text of one flag and raises UserError where it cannot.

argparse does not catch UserError, so the message stays ours; it does catch the subclasses that are also a ValueError.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable


def names(text: str) -> tuple[str, ...]:
    """The parts of a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def path(text: str) -> Path | None:
    """A path; None for an empty text, as if the flag were left out."""
    return Path(text) if text else None


def whole_number(
    flag: str, low: int = 0, high: float = math.inf, expected: str = "a whole number such as 3"
) -> Callable[[str], int]:
    """Read a whole number from ``low`` to ``high``."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise UserError(f"{flag}: found {text!r}, expected {expected}")
        return int(text)

    return read


def whole_numbers(flag: str) -> Callable[[str], tuple[int, ...]]:
    """Read positive whole numbers; ascending, each once."""

    def read(text: str) -> tuple[int, ...]:
        parts = names(text)
        if not parts or not all(part.isdecimal() and int(part) for part in parts):
            raise UserError(f"{flag}: found {text!r}, expected positive whole numbers such as 1,8,32")
        return tuple(sorted({int(part) for part in parts}))

    return read


def positive_number(flag: str, example: float = 100) -> Callable[[str], float]:
    """Read a finite number above 0."""

    def read(text: str) -> float:
        if not 0 < (number := _number(text)) < math.inf:
            raise UserError(f"{flag}: found {text!r}, expected a number above 0 such as {example}")
        return number

    return read


def share(flag: str) -> Callable[[str], float]:
    """Read a share from 0 to below 1."""

    def read(text: str) -> float:
        if not 0 <= (number := _number(text)) < 1:
            raise UserError(f"{flag}: found {text!r}, expected a share from 0 to below 1 such as 0.01")
        return number

    return read


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
