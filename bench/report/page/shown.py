"""Names and notes as a page or a plot can show them: they may be anybody's, and of any length."""

from __future__ import annotations

from bench.printable import printable

_PAGE = 1_000  # characters of one text on a page; a note on twelve variants has about 500
_PLOT = 24  # of a name in a plot


def shown(text: str) -> str:
    r"""No invisible character, and of a text without end its beginning.

    >>> shown("\x1b[31mfake"), shown("x" * 2_000)[-20:]
    ('\\x1b[31mfake', '… (2,000 characters)')
    """
    if len(text) > _PAGE:
        text = f"{text[:_PAGE]}… ({len(text):,} characters)"
    return str(printable(text))


def brief(text: str, most: int = _PLOT) -> str:
    """For a plot: its beginning and its end, for there names often differ.

    >>> brief("onnx-int8-dynamic"), brief("a-variant-with-a-name-that-is-too-long")
    ('onnx-int8-dynamic', 'a-variant-w…-is-too-long')
    """
    if len(text) > most:
        half = most // 2
        text = f"{text[: half - 1]}…{text[-half:]}"
    return str(printable(text))
