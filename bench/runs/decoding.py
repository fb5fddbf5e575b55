"""What JSON or TOML holds, as the type that it must have; ranges and lengths are annotations of that type (msgspec)."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ...exporters.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class DecodingError(Exception):
    """Which field does not have its type: place, value found, value expected; one line."""


def decode(kind: Any, value: Any, where: str) -> Any:
    """``value``, which a parser gave, as ``kind``; ``where`` is its name in messages. Raises DecodingError.

    Unknown fields of a dataclass are passed over; integers become floats where ``kind`` says so, and nothing else is converted.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=lambda custom, plain: custom(plain))
    except msgspec.ValidationError as error:
        raise DecodingError(_described(str(error).replace("`", ""), value, where)) from None


def read_toml(file: Path, read: Callable[[dict[str, Any]], T], expected: str) -> T:
    """What ``read`` makes of a TOML file; raises UserError where there is none, or ``read`` raises DecodingError.

    ``expected``: what the file should be, for the message.
    """
    try:
        return read(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{file}: no such file; expected {expected}") from None
    except DecodingError as error:
        raise UserError(f"{file}: {error}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read as TOML: {error}") from None


def _described(message: str, value: Any, where: str) -> str:
    """Msgspec's message with the value that it complains about.

    >>> _described("Expected int >= 1 - at $.plan.threads", {"plan": {"threads": 0}}, "run")
    'run.plan.threads is 0, expected int >= 1'
    >>> _described("Object missing required field plan", {}, "run")
    'run.plan is missing'
    """
    complaint, _, place = message.partition(" - at $")
    for key, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", place):
        if index == "...":  # some entry of a dict: msgspec does not say which
            return f"{where}{place}: {complaint}"
        value = value[key or int(index)]
    if complaint.startswith("Invalid enum value"):
        return f"{where}{place} is {value!r:.40}, none of the values of this field"
    if missing := re.fullmatch(r"Object missing required field (\w+)", complaint):
        return f"{where}{place}.{missing[1]} is missing"
    return f"{where}{place} is {value!r:.40}, {complaint[0].lower()}{complaint[1:]}"
