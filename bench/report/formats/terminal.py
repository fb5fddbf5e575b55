"""Tables as text for a terminal of 80 columns; a wider table continues below itself."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...units import CAUTION
from ..cells import DAGGER, DOUBLE_DAGGER, text_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cells import Table

WIDTH = 80
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"
_GAPS = ((2, 2), (1, 2), (1, 1))  # between columns within a group, and between groups; the first that fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One column as text: the lines of its head, then a cell for every row."""

    head: list[str]
    cells: list[str]
    group: str

    @property
    def width(self) -> int:
        """Characters of the longest line."""
        return max(map(len, [*self.head, *self.cells]))


def render_text(tables: Sequence[Table], notes: Sequence[str]) -> str:
    """Tables with their notes, then the notes of the run."""
    paragraphs = [_table(table) for table in tables]
    return "\n\n\n".join([*paragraphs, wrapped(notes)]) + "\n"


def coloured(text: str, variants: Sequence[str]) -> str:
    """The output of ``render_text`` with marked variants and their notes in red."""
    names = "|".join(map(re.escape, variants))
    marked = rf"^(?:{names})[{DAGGER}{DOUBLE_DAGGER}]?{CAUTION}(?= )|^{CAUTION} .*(?:\n  .*)*"
    return re.sub(marked, lambda found: f"{_RED}{found[0]}{_PLAIN}", text, flags=re.MULTILINE)


def _table(table: Table) -> str:
    names, *cells = (series.tolist() for _, series in text_frame(table).items())
    first = Strip(head=[table.kind], cells=names, group="")
    failed = [all(cell.status == "failed" for cell in row) for row in table.rows.values()]
    strips, narrow = [], []
    for column, texts in zip(table.columns, cells, strict=True):
        strips.append(Strip(head=column.lines, cells=texts, group=column.group))
        cleared = ["" if gone else text for gone, text in zip(failed, texts, strict=True)]
        narrow.append(Strip(head=column.lines, cells=cleared, group=column.group))
    blocks = [block([first, *part]) for part in _split(first, strips, narrow)]
    return "\n\n".join([wrapped([table.title]), *blocks, wrapped(table.notes)])


def _split(names: Strip, strips: Sequence[Strip], narrow: Sequence[Strip]) -> list[list[Strip]]:
    """Blocks of columns that fit side by side; where not all do, every group starts a new one.

    The first column of each group marks failed variants; ``narrow`` are the columns without that mark.
    """
    before = [None, *(strip.group for strip in strips)]
    together = [
        short if short.group == group else full for full, short, group in zip(strips, narrow, before, strict=False)
    ]
    if _fits([names, *together], _GAPS[-1]):
        return [together]
    blocks: list[list[Strip]] = []
    for full, short in zip(strips, narrow, strict=True):
        if blocks and blocks[-1][-1].group == full.group and _fits([names, *blocks[-1], short], _GAPS[-1]):
            blocks[-1].append(short)
        else:
            blocks.append([full])
    return blocks


def _fits(strips: Sequence[Strip], gaps: tuple[int, int]) -> bool:
    return len(_line(["-" * strip.width for strip in strips], strips, gaps)) <= WIDTH


def block(strips: Sequence[Strip]) -> str:
    """Columns side by side, the first left-aligned: heads, aligned at the bottom, a rule, then the rows."""
    gaps = next((gaps for gaps in _GAPS if _fits(strips, gaps)), _GAPS[-1])
    height = max(len(strip.head) for strip in strips)
    columns = [[*[""] * (height - len(strip.head)), *strip.head, "-" * strip.width, *strip.cells] for strip in strips]
    return "\n".join(_line(texts, strips, gaps) for texts in zip(*columns, strict=True))


def _line(texts: Sequence[str], strips: Sequence[Strip], gaps: tuple[int, int]) -> str:
    """One row: the first text left-aligned, the others right-aligned."""
    line = texts[0].ljust(strips[0].width)
    for text, strip, before in zip(texts[1:], strips[1:], strips, strict=False):
        line += " " * gaps[strip.group != before.group] + text.rjust(strip.width)
    return line.rstrip()


def simple_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under heads; the first column left-aligned, the others right-aligned."""
    import tabulate

    align = ("left", *["right"] * (len(heads) - 1))
    text: str = tabulate.tabulate(rows, heads, disable_numparse=True, colalign=align, preserve_whitespace=True)
    return "\n".join(line.rstrip() for line in text.splitlines())


def wrapped(notes: Sequence[str], most: int | None = None) -> str:
    """Each note in lines of at most 80 characters, with a hanging indent; after ``most`` lines it is cut off."""
    wrap = textwrap.TextWrapper(
        WIDTH, subsequent_indent="  ", break_on_hyphens=False, max_lines=most, placeholder=" …"
    ).wrap
    return "\n".join(line for note in notes for line in wrap(note))
