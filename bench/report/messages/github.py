"""A comparison for GitHub: Markdown of a comment or a step summary within GitHub's limits, and annotations of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...units import counted
from ..formats.escapes import brief, excerpt, markdown_text
from .comparison import HEADS, comparison_notes, grouped_cells, is_shown, place_name, row_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...compare.changes import Comparison
    from ...compare.outcome import Outcome

COMMENT = 65_536  # characters of a comment
SUMMARY = 1024 * 1024  # bytes of a step's summary; GitHub shows none of a larger one
_ANNOTATIONS = 10  # of a step; GitHub leaves out the others
_LEVELS = {"worse": "error", "failed": "warning", "missing": "warning", "not comparable": "warning"}
_NAME, _NOTE = 80, 1_000  # characters of a cell and of a note: names are what users write
_CUT = "*Cut here: GitHub takes no more. `--format json` has every row.*"
_END = ("", "</details>")


def github_markdown(comparison: Comparison, outcome: Outcome, most: int, size: Callable[[str], int] = len) -> str:
    """The verdict, what changed, notes, then every row, folded; cut at a line to ``most`` by ``size``.

    Empty where not even the verdict fits.
    """
    changed = [change for change in comparison.changes if is_shown(change, every_row=False)]
    every = [row_cells(change, place_name(change)) for change in comparison.changes]
    heads = (f"{comparison.base} against {comparison.contender}", *comparison.notes)
    body = [f"### deploybench: {outcome}", *_paragraphs(heads)]
    if changed:
        body += ["", *_table(grouped_cells(changed, comparison.unmatched))]
    body += ["", *(f"- {_prose(note)}" for note in comparison_notes(comparison))]
    folded = ["", f"<details><summary>All rows: {len(every):,}</summary>", "", *_table(every)]
    return _fitted(body, folded, most, size)


def annotation_lines(comparison: Comparison) -> list[str]:
    """Workflow commands for rows that are worse, then failed, missing or not comparable; at most ten lines."""
    found = [change for verdict in _LEVELS for change in comparison.changes if change.verdict == verdict]
    lines = []
    for change in found:
        variant, what, base, contender, difference, word = row_cells(change, place_name(change))
        figures = f"{base} → {contender} ({difference})" if difference else change.reason
        text = ": ".join(filter(None, (f"{word}: {brief(variant, _NAME)} {brief(what, _NAME)}", figures)))
        lines.append(f"::{_LEVELS[change.verdict]} title=deploybench::{_command(text)}")
    if len(lines) > _ANNOTATIONS:
        more = counted(len(lines) - _ANNOTATIONS + 1, "more row")
        lines = [*lines[: _ANNOTATIONS - 1], f"::warning title=deploybench::{more}; the summary has them"]
    return lines


def _command(text: str) -> str:
    """Text as the data of a workflow command."""
    return excerpt(text, _NOTE).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _paragraphs(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in ("", _prose(text))]


def _prose(text: str) -> str:
    return _plain(excerpt(text, _NOTE))


def _plain(text: str) -> str:
    """Text without markup, and without a mention, which would notify somebody."""
    return markdown_text(text).replace("@", "@\u200b")


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Without padding, which would be most of a long table."""
    cells = [[_plain(brief(cell, _NAME)) for cell in row] for row in rows]
    return [_row(HEADS), "|---|---|--:|--:|--:|---|", *map(_row, cells)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _fitted(body: Sequence[str], folded: Sequence[str], most: int, size: Callable[[str], int]) -> str:
    """All lines, or the first ones, a line that says so, and the end of the fold."""
    whole = "\n".join([*body, *folded, *_END]) + "\n"
    if size(whole) <= most:
        return whole
    room = most - size("\n".join(["", _CUT, *_END]) + "\n")
    kept: list[str] = []
    for line in (*body, *folded):
        room -= size(line) + 1
        if room < 0:
            break
        kept.append(line)
    if not kept:
        return ""
    end = _END if len(kept) > len(body) + 1 else ()
    return "\n".join([*kept, "", _CUT, *end]) + "\n"
