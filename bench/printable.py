"""Escape control characters in names and texts of users before they are printed."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from operator import is_
from typing import Any


def printable(thing: Any) -> Any:
    r"""Escape unprintable characters in every string of a dataclass, tuple or dict, nested ones included.

    >>> printable(("real", "\x1b[31mfake\n"))
    ('real', '\\x1b[31mfake\\n')
    """
    if isinstance(thing, str):
        return thing if thing.isprintable() else "".join(map(_written, thing))
    if isinstance(thing, tuple):
        return _kept(thing, tuple(printable(item) for item in thing))
    if isinstance(thing, dict):
        return _kept(thing, {printable(key): printable(item) for key, item in thing.items()})
    if is_dataclass(thing) and not isinstance(thing, type):
        parts = {part.name: getattr(thing, part.name) for part in fields(thing)}
        shown = {name: printable(part) for name, part in parts.items()}
        return thing if all(shown[name] is part for name, part in parts.items()) else replace(thing, **shown)
    return thing


def _written(mark: str) -> str:
    return mark if mark.isprintable() else mark.encode("unicode_escape").decode()


def _kept(thing: Any, shown: Any) -> Any:
    """``thing`` itself if nothing in it was escaped, so that results cached by identity are found again."""
    if isinstance(thing, dict):
        same = all(map(is_, thing, shown)) and all(map(is_, thing.values(), shown.values()))
    else:
        same = all(map(is_, thing, shown))
    return thing if same else shown
