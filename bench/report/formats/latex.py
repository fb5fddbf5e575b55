r"""Tables as LaTeX for pdflatex with the packages ``booktabs`` and ``graphicx``; names from outside are escaped."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from ..cells import text_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cells import Column, Table

    _Strip: TypeAlias = tuple[Column, Sequence[str]]

NEEDS = r"% needs \usepackage{booktabs,graphicx}"
_COLUMNS = 9  # of a page; a wider table is split
_SIDE_BY_SIDE = 6  # columns of a part of a split table
_MAX_WORD = 30  # characters; a longer word may be broken into pieces
_PIECE = 4  # characters, each of up to ten as a code
_MARKS = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    "`": r"{`}",  # two of them would be a quotation mark
    "'": r"{'}",
    '"': r"{\ttfamily\symbol{34}}",
    "[": "{[}",  # after the end of a row it would be an argument
    "*": "{*}",  # likewise
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "†": r"\ensuremath{\dagger}",
    "µ": r"\ensuremath{\mu}",
    "–": r"\textendash{}",
    "…": r"\ldots{}",
}
_ACCENTS = dict(zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030b\u030c", "`'^~=u.\"Hv", strict=True))


def render_latex(tables: Sequence[Table], notes: Sequence[str]) -> str:
    """One ``table`` environment per table, then the notes of the run."""
    return "\n\n".join([NEEDS, *map(_table, tables), _notes(notes)]) + "\n"


def _table(table: Table) -> str:
    """One environment, or several for a table wider than a page, with the notes under the last."""
    names, *cells = (series.tolist() for _, series in text_frame(table).items())
    strips: list[_Strip] = list(zip(table.columns, cells, strict=True))
    parts = [strips] if len(strips) <= _COLUMNS else _packed(strips)
    texts = []
    for number, part in enumerate(parts, start=1):
        title = table.title if len(parts) == 1 else f"{table.title} ({number} of {len(parts)})"
        texts.append(environment(title, _tabular((table.kind, *names), part), table.notes * (number == len(parts))))
    return "\n\n".join(texts)


def environment(title: str, lines: Sequence[str], notes: Sequence[str]) -> str:
    """A ``table`` with a caption, the lines of a ``tabular`` no wider than the page, and notes."""
    begin = [r"\begin{table}[htbp]", r"\centering", rf"\caption{{{_prose(title)}}}"]
    return "\n".join([*begin, *_fitted(lines), *([_notes(notes)] if notes else []), r"\end{table}"])


def _packed(strips: Sequence[_Strip]) -> list[list[_Strip]]:
    """Parts of a wide table; columns of a group stay together."""
    parts: list[list[_Strip]] = []
    for _, group in groupby(strips, key=lambda strip: strip[0].group):
        columns = list(group)
        if parts and len(parts[-1]) + len(columns) <= _SIDE_BY_SIDE:
            parts[-1] += columns
        else:
            parts.append(columns)
    return parts


def _head(column: Column) -> str:
    """One line above the other: the numbers decide how wide a column is."""
    stacked = r"\\".join(map(escaped, column.lines))
    return rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{stacked}\end{{tabular}}"


def _tabular(names: Sequence[str], strips: Sequence[_Strip]) -> list[str]:
    kind, *names = names
    rows = zip(names, *(texts for _, texts in strips), strict=True)
    return tabular([escaped(kind), *(_head(column) for column, _ in strips)], list(rows), f"l{'r' * len(strips)}")


def tabular(heads: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """Lines of a ``tabular``; ``heads`` are LaTeX, the cells of ``rows`` plain text. ``align`` has l or r for each column."""
    return [
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(" & ".join(map(escaped, row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _fitted(tabular: Sequence[str]) -> list[str]:
    """What is wider than the page is made smaller, and nothing made larger."""
    fit = r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox{0}}\else\usebox{0}\fi\par\medskip"
    return [r"\begin{lrbox}{0}", *tabular, r"\end{lrbox}", fit]


def _notes(notes: Sequence[str]) -> str:
    return "\n".join([r"{\footnotesize\raggedright", *(rf"{_prose(note)}\par" for note in notes), "}"])


def _prose(text: str) -> str:
    return " ".join(_breakable(word) for word in text.split(" "))


def _breakable(word: str) -> str:
    if len(word.encode("unicode_escape")) <= _MAX_WORD:
        return escaped(word)
    return r"\allowbreak{}".join(escaped(word[start : start + _PIECE]) for start in range(0, len(word), _PIECE))


def escaped(text: str) -> str:
    r"""Text for LaTeX: accents as commands, characters that its usual fonts lack as codes.

    >>> print(escaped("50 % café, 真, --all"))
    50 \% caf\'{e}, \textbackslash{}u771f, -{}-all
    """
    return re.sub("-(?=-)", "-{}", "".join(map(_mark, unicodedata.normalize("NFC", text))))


def _mark(mark: str) -> str:
    if mark in _MARKS:
        return _MARKS[mark]
    if mark.isascii():
        return mark
    letter, *accents = list(unicodedata.normalize("NFD", mark))
    if letter.isascii() and len(accents) == 1 and accents[0] in _ACCENTS:
        return f"\\{_ACCENTS[accents[0]]}{{{letter}}}"
    return "".join(_MARKS.get(one, one) for one in mark.encode("unicode_escape").decode())
