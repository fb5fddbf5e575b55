"""What the value of one key of a recipe must be, as fields of the dataclasses that a recipe is read into."""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Rule(NamedTuple):
    """One such condition; a message says it in the words of ``expected``."""

    expected: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value


ANYTHING = Rule("a value", lambda value: True)  # noqa: ARG005 - a rule like any other


def integer(low: int, high: int, default: Any = MISSING) -> Any:
    """Whole numbers alone: type() and not isinstance(), since true is an int in Python, and not in TOML."""
    rule = Rule(f"an integer from {low} to {high}", lambda value: type(value) is int and low <= value <= high)
    return field(default=default, metadata={"rule": rule})


def share(default: Any = MISSING) -> Any:
    """A part of one."""
    rule = Rule("a number from 0 to 1", lambda value: type(value) in (int, float) and 0 <= value <= 1, float)
    return field(default=default, metadata={"rule": rule})


def number_above(low: float, high: float, default: Any = MISSING) -> Any:
    """Converted to a float, so that 1 and 1.0 are one recipe with one hash."""
    expected = f"a number above {low:g}, at most {high:g}"
    rule = Rule(expected, lambda value: type(value) in (int, float) and low < value <= high, float)
    return field(default=default, metadata={"rule": rule})


def flag(*, default: bool) -> Any:
    """True or false."""
    return field(default=default, metadata={"rule": Rule("true or false", lambda value: type(value) is bool)})


def line(default: Any = MISSING) -> Any:
    """One line of text."""
    return field(default=default, metadata={"rule": Rule("one line of text", _is_line)})


def lines(default: Any = MISSING) -> Any:
    """A list of such texts."""
    rule = Rule(
        "a list of texts", lambda value: isinstance(value, list) and bool(value) and all(map(_is_line, value)), tuple
    )
    return field(default=default, metadata={"rule": rule})


def shares(default: Any = MISSING) -> Any:
    """Per cent of the training, the validation and the test set."""
    rule = Rule("three whole numbers above 0 that sum to 100, such as [70, 15, 15]", _are_shares, tuple)
    return field(default=default, metadata={"rule": rule})


def choice(choices: tuple[str, ...], default: Any = MISSING) -> Any:
    """One of some words."""
    rule = Rule(f"one of {', '.join(map(repr, choices))}", lambda value: value in choices)
    return field(default=default, metadata={"rule": rule})


def table(cls: type) -> dict[str, Any]:
    """Metadata of a field that is a table of its own."""
    return {"rule": Rule("a table", lambda value: isinstance(value, dict)), "table": cls}


def _is_line(value: object) -> bool:
    return isinstance(value, str) and len(value.strip().splitlines()) == 1


def _are_shares(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 3:  # noqa: PLR2004 - training, validation, test
        return False
    return all(type(one) is int and one > 0 for one in value) and sum(value) == 100  # noqa: PLR2004 - per cent
