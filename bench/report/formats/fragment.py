"""A table with lines above and below it as a fragment of HTML, for a notebook."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from .escapes import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER = re.compile(r"[-+]?\d")


def fragment(before: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]], after: Sequence[str]) -> str:
    """A line is a paragraph; columns of numbers are aligned at the right."""
    sides = ["right" if any(_NUMBER.match(row[place]) for row in rows) else "left" for place in range(len(heads))]
    lines = [_cells("th", heads, sides), *(_cells("td", row, sides) for row in rows)]
    table = f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>" if rows else ""
    return f"<div>{_paragraphs(before)}{table}{_paragraphs(after)}</div>"


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f'<p style="margin: 0.2em 0">{_text(line)}</p>' for line in lines)


def _cells(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    pairs = zip(cells, sides, strict=True)
    return "".join(f'<{tag} style="text-align: {side}">{_text(cell)}</{tag}>' for cell, side in pairs)


def _text(text: str) -> str:
    return html.escape(shown(text))
