"""Arguments of the wrong kind, refused in one line before anything is read, written or measured."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from errno import ENAMETOOLONG
from pathlib import Path

from ...exporters.errors import UserError

_SHOWN = 40  # characters of what was found


def path_of(name: str, value: object) -> Path:
    """``value`` as a path; raises UserError where it can be none."""
    if not _is_path(value):
        raise UserError(
            f"{name}: found {shown(value)}, expected a path such as 'results'; pass a text or a pathlib.Path"
        )
    return Path(value)  # type: ignore[arg-type]


def text_of(name: str, value: object, expected: str) -> str:
    """``value``, which is text; raises UserError for anything else."""
    if not isinstance(value, str):
        raise UserError(f"{name}: found {shown(value)}, expected {expected}; pass a text")
    return value


def refuse_no_files(name: str, value: object, expected: str) -> None:
    """Raise UserError unless ``value`` is a path, or paths in a list or by name, and at least one."""
    several = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    found = [*value.values()] if isinstance(value, Mapping) else [*value] if several else [value]  # type: ignore[misc]
    if not found or not all(map(_is_path, found)):
        raise UserError(f"{name}: found {shown(value)}, expected {expected}")


def shown(value: object) -> str:
    """What was found, for a message of one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _is_path(value: object) -> bool:
    if not isinstance(value, str | os.PathLike) or not (text := os.fspath(value)) or isinstance(text, bytes):
        return False
    try:
        os.lstat(text)
    except OSError as error:
        return error.errno != ENAMETOOLONG
    except ValueError:  # a zero byte, half a character
        return False
    return True
