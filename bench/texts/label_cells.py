"""A cell that holds several labels: a list of names or numbers, or a string of them with a separator."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SEPARATORS = "|;,"
_WIDEST = 8  # parts of a name that itself holds the separator; without a limit a long text would take very long


def as_list(cell: object) -> list[Any] | str:
    """The labels of a cell that is one list, no label or one number; else its text, which ``split`` divides.

    >>> as_list(None), as_list(("joy",)), as_list("[3, 5]"), as_list("['joy']"), as_list(3), as_list("joy|love")
    ([], ['joy'], [3, 5], ['joy'], [3], 'joy|love')
    """
    if isinstance(cell, list | tuple):
        return [*cell]
    if not isinstance(cell, str):
        return [] if cell is None else [cell]
    text = cell.strip()
    if text.startswith("["):
        for read in (json.loads, ast.literal_eval):  # pandas writes lists as Python does
            try:
                found = read(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(found, list):
                return found
    return cell if text else []


def split(text: str, separator: str, is_name: Callable[[str], bool]) -> list[str]:
    """The parts of ``text``, without empty ones; a name that holds the separator stays whole.

    >>> split("toys, games, books,", ",", {"toys, games", " books"}.__contains__)
    ['toys, games', ' books']
    """
    parts, found = text.split(separator), []
    while parts:
        widths = range(min(_WIDEST, len(parts)), 1, -1)
        width = next((one for one in widths if is_name(separator.join(parts[:one]))), 1)
        found.append(separator.join(parts[:width]))
        parts = parts[width:]
    return [one for one in found if one.strip()]
