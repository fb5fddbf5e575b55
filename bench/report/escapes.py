"""Names and texts from outside, written so that no format takes them for markup or a formula."""

from __future__ import annotations

import re
from typing import Any

# What Markdown may take for markup; an underscore within a word is none. An entity is never markup.
_MARKUP = re.compile(r"[\\`*\[\]#|<>&~$]|(?<![^\W_])_|_(?![^\W_])")
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for the start of one
_NUMBERS = re.compile(r"[+-]\d[-+\d\s.,±×%()to]*")  # "-0.010 ±0.002"


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
