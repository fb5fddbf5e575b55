"""Marks of a text that are no words: its characters, letters broken by a wrong encoding, blanks where nobody means them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# What UTF-8 read as Windows-1252 leaves: a lead byte's letter, then what the bytes after it stand for there.
_BROKEN = re.compile("[ÂÃâð][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]+")  # noqa: RUF001 - the very characters
_ASCII_WORDS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")


class Marks:
    """Numbers of the marks that were met, in that order."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def ids(self, text: str) -> npt.NDArray[np.int64]:
        """Those of one text, each once."""
        found = set()
        if "  " in text:
            found.add("two blanks in a row")
        if text != text.strip():
            found.add("blank at its start or end")
        broken = [] if text.isascii() else _BROKEN.findall(text)
        if broken:
            found.update(f'broken letters "{one}"' for one in broken)
            text = _BROKEN.sub("", text)
        found.update(_named(mark) for mark in set(text) - _ASCII_WORDS)
        ids = self._ids
        return np.array([ids.setdefault(mark, len(ids)) for mark in sorted(found)], dtype=np.int64)

    def names(self) -> list[str]:
        """By their numbers."""
        return list(self._ids)


def _named(mark: str) -> str:
    """A character, with its name where it may not be seen for what it is."""
    if mark.isascii() and mark.isprintable():
        return f'"{mark}"'
    name = unicodedata.name(mark, "").lower() or "control character"
    return f"U+{ord(mark):04X} {name}"
