"""Names and texts from outside, safe for a format: no markup, no formula, no invisible character, no excessive length."""

from __future__ import annotations

import re
import textwrap
from typing import Any
from unicodedata import east_asian_width

from ...printable import printable

# What Markdown may take for markup; an underscore within a word is none. An entity is never markup.
_MARKUP = re.compile(r"[\\`*\[\]#|<>&~$]|(?<![^\W_])_|_(?![^\W_])")
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for the start of one
_NUMBERS = re.compile(r"[+-]\d[-+\d\s.,±×%()to]*")  # "-0.010 ±0.002"
_PAGE = 1_000  # characters of one text on a page; a note on twelve variants has about 500
_PLOT = 24  # of a name in a plot
_FILLER = "\0"  # counts for the second column of a wide character; ``printable`` leaves none in a text
_CUT = "…"


def markdown_text(text: str) -> str:
    """Text in which Markdown finds no markup.

    >>> markdown_text("<b> a_b _c_ |")
    '&#60;b&#62; a_b &#95;c&#95; &#124;'
    """
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


def no_formula(cell: Any) -> Any:
    """Cell that a spreadsheet takes for text and does not compute; what is no string stays as it is.

    >>> no_formula("=1+1"), no_formula("-2+cmd"), no_formula("-0.010 ±0.002"), no_formula(-0.01)
    ("'=1+1", "'-2+cmd", '-0.010 ±0.002', -0.01)
    """
    risky = isinstance(cell, str) and cell.startswith(_FORMULA) and not _NUMBERS.fullmatch(cell)
    return f"'{cell}" if risky else cell


def shown(text: str) -> str:
    r"""For the page: invisible characters are escaped, and a long text is cut.

    >>> shown("\x1b[31mfake"), shown("x" * 2_000)[-20:]
    ('\\x1b[31mfake', '… (2,000 characters)')
    """
    if len(text) > _PAGE:
        text = f"{text[:_PAGE]}… ({len(text):,} characters)"
    return str(printable(text))


def brief(text: str, most: int = _PLOT) -> str:
    """For a plot: beginning and end of a long name, where names often differ.

    >>> brief("onnx-int8-dynamic"), brief("a-variant-with-a-name-that-is-too-long")
    ('onnx-int8-dynamic', 'a-variant-w…-is-too-long')
    """
    if len(text) > most:
        half = most // 2
        text = f"{text[: half - 1]}…{text[-half:]}"
    return str(printable(text))


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
