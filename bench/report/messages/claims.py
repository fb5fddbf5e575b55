"""Claims about saved runs as a table: each with what was found, its 95 % interval, and whether it holds."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

import tabulate

from ...compare.claims.claim import SPEED_UP
from ...printable import printable
from ...units import RATIO, counted, format_bytes, format_number, format_seconds, format_share
from ..formats.escapes import brief, markdown_text
from ..formats.latex import NEEDS, environment, tabular
from ..formats.terminal import WIDTH, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...compare.claims.judge import Finding, Judged, Outcome
    from ...runs.measurement import Figure
    from ...runs.store import Run

_TITLE = "Claims"
_NUMBER = re.compile(r"\d{4,}(?=_)")  # that pytest-benchmark gives a saved run
_WHOLE = re.compile(r"\([^()]*\)|[\d.]+ (?:m?s|[MG]B|1/s|%)(?!\w)")  # an interval, or a number with its unit
_KEPT = "\0"  # for a space at which no line ends; ``printable`` leaves none in a text
_RUN = 16  # columns of a run's name
_FOUND = 24  # columns of a terminal; the claim has what is left of WIDTH
_PADDING = "  "  # that tabulate adds to a head
_GAPS = 2  # between two columns


def render_claims(judged: Sequence[Judged], outcome: Outcome, fmt: str, left_out: Mapping[str, Sequence[str]]) -> str:
    """``text``, ``md``, ``latex`` or ``json``; ``left_out``: files of a history that no claim is about, by reason."""
    if fmt == "json":
        return _json(judged, outcome)
    several = len({one.run.path for one in judged}) > 1
    heads = ["no.", *(["run"] if several else []), "claim", "found", "verdict"]
    rows = [[str(one.claim.number), *([_run_name(one.run)] if several else []), *_cells(one)] for one in judged]
    notes = [printable(line) for one in judged for line in _notes(one, several=several)]
    notes += [printable(f"left out: {counted(len(files), 'file')}: {reason}") for reason, files in left_out.items()]
    notes.append(str(outcome))
    if fmt == "latex":
        align = "l" * (len(heads) - 2) + "rl"
        return f"{NEEDS}\n\n{environment(_TITLE, tabular(heads, rows, align), notes)}\n"
    if fmt == "md":
        rows = [[markdown_text(cell) for cell in row] for row in rows]
        told = "\n".join(f"- {markdown_text(note)}" for note in notes)
        return f"### {_TITLE}\n\n{_table(heads, rows, 'github')}\n\n{told}\n"
    return f"{_table(heads, _narrow(heads, rows), 'simple')}\n\n{wrapped(notes)}\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> str:
    align = (*["left"] * (len(heads) - 2), "right", "left")
    text: str = tabulate.tabulate(rows, heads, tablefmt=style, disable_numparse=True, colalign=align)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _narrow(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Cells with line breaks, so that the table fits a terminal."""
    widths = [max(map(len, column)) for column in zip([head + _PADDING for head in heads], *rows, strict=True)]
    widths[-2] = min(widths[-2], _FOUND)
    widths[-3] = WIDTH - sum(widths[:-3]) - widths[-2] - widths[-1] - _GAPS * (len(heads) - 1)
    return [[_broken(cell, width) for cell, width in zip(row, widths, strict=True)] for row in rows]


def _broken(cell: str, width: int) -> str:
    """In lines of ``width`` columns, none of which ends within an interval, or between a number and its unit."""
    whole = _WHOLE.sub(lambda found: found[0].replace(" ", _KEPT), cell)
    return "\n".join(textwrap.wrap(whole, width, break_on_hyphens=False)).replace(_KEPT, " ")


def _run_name(run: Run) -> str:
    """The number of a saved run, or its file's name, shortened."""
    number = _NUMBER.match(run.path.name)
    return number[0] if number else brief(run.path.stem, _RUN)


def _cells(judged: Judged) -> list[str]:
    """Of several findings, that which decides, with its variant and set."""
    first, place = judged.findings[0], judged.claim.place
    variant, data = first.figure.variant, first.figure.data
    named = [variant] if variant != place.variant else []
    named += [f"on {data}"] if data and data != place.data else []
    about = f"{' '.join(named)}: " if named else ""
    return [printable(str(judged.claim)), printable(about + _found(first)), judged.verdict]


def _found(finding: Finding) -> str:
    """The value with its interval; a dash where there is none."""
    figure = finding.figure
    if figure.value is None:
        return "–"
    text = _amount(figure, figure.value)
    if figure.low is None and figure.high is None:
        return text
    low, high = ("∞" if end is None else _amount(figure, end) for end in (figure.low, figure.high))
    return f"{text} ({low} to {high})"


def _amount(figure: Figure, value: float) -> str:
    if figure.metric == SPEED_UP:
        return format_number(value, RATIO, 2)
    by_unit = {"s": format_seconds, "B": format_bytes, "1": format_share}
    return by_unit[figure.unit](value) if figure.unit in by_unit else f"{value:.3g} {figure.unit}"


def _notes(judged: Judged, *, several: bool) -> list[str]:
    """Of a claim that does not hold, every finding that the table does not show whole; those of one reason together."""
    told: dict[str, list[str]] = {}
    for place, one in enumerate(judged.findings):
        if one.verdict != "holds" and (place or one.reason):
            on = f" on {one.figure.data}" if one.figure.data else ""
            found = _found(one) if one.figure.value is not None else ""
            why = "; ".join(filter(None, [found, one.reason]))
            told.setdefault(f"{one.verdict}: {why}", []).append(f"{one.figure.variant}{on}")
    lead = f"claim {judged.claim.number}{f', run {_run_name(judged.run)}' if several else ''}"
    return [f"{lead}: {', '.join(names)}: {why}" for why, names in told.items()]


def _json(judged: Sequence[Judged], outcome: Outcome) -> str:
    """Values in SI units."""
    claims = [
        {
            "claim": one.claim.number,
            "text": str(one.claim),
            "run": one.run.path.name,
            "model": one.run.checkpoint.name,
            "operator": one.claim.operator,
            "limit": one.claim.limit,
            "verdict": one.verdict,
            "findings": [{**asdict(found.figure), **_said(found)} for found in one.findings],
        }
        for one in judged
    ]
    block = {"outcome": str(outcome), "exit_code": outcome.code, "claims": claims}
    return json.dumps(block, indent=1, allow_nan=False) + "\n"


def _said(finding: Finding) -> dict[str, str]:
    return {"verdict": finding.verdict, "reason": finding.reason}
