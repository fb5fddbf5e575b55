"""Names and texts may be anybody's: what is no visible character is written out before a person sees it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any


def printable(thing: Any) -> Any:
    r"""Escape what is no visible character in every string of a dataclass, tuple or dict: names may be anybody's.

    >>> printable(("real", "\x1b[31mfake\n"))
    ('real', '\\x1b[31mfake\\n')
    """
    if isinstance(thing, str):
        return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in thing)
    if isinstance(thing, tuple):
        return tuple(printable(item) for item in thing)
    if isinstance(thing, dict):
        return {printable(key): printable(item) for key, item in thing.items()}
    if is_dataclass(thing) and not isinstance(thing, type):
        return replace(thing, **{part.name: printable(getattr(thing, part.name)) for part in fields(thing)})
    return thing
