"""The beginning of a text from outside, safe for a terminal: no control or bidirectional character, no overlong line."""

from __future__ import annotations

import textwrap
from unicodedata import east_asian_width

from bench.printable import printable

_FILLER = "\0"  # counts for the second column of a wide character; ``printable`` leaves none in a text
_CUT = "…"


def excerpt(text: str, columns: int) -> str:
    r"""The first ``columns`` in one line; invisible characters are escaped, white space is one blank.

    >>> excerpt("to be\nor not", 20), excerpt("to be or not", 8), excerpt("a\x1b[2J\u202eb", 20)
    ('to be or not', 'to be o…', 'a\\x1b[2J\\u202eb')
    """
    return _cut(text, columns).replace(_FILLER, "")


def excerpt_lines(text: str, columns: int, width: int) -> list[str]:
    """The first ``columns``, in lines of ``width`` columns."""
    # One column less: a filler may end the line before its character's.
    lines = textwrap.wrap(_cut(text, columns), width - 1, break_on_hyphens=False)
    return [line.replace(_FILLER, "") for line in lines]


def _cut(text: str, columns: int) -> str:
    words = text.split(maxsplit=columns)[:columns]  # a text may have a million characters
    line = printable(" ".join(word[: columns + 1] for word in words)[: columns + 1])
    spaced = "".join(_FILLER * (east_asian_width(mark) in "WF") + mark for mark in line)
    return spaced if len(spaced) <= columns else spaced[: columns - 1] + _CUT
