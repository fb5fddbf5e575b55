"""All saved runs of a machine as text, Markdown or JSON: rows with a change point, then what was left out."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import tabulate

from ...compare.comparability import commit_name
from ...printable import printable
from ...units import counted
from ..formats.terminal import wrapped
from .comparison import direction_word, format_amount, format_change, place_name, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...compare.history import ChangePoint, History, Series
    from ...compare.outcome import Outcome
    from ...compare.saved_runs import SavedRun
    from ...runs.measurement import Row

_HASH = re.compile(r"_([0-9a-f]{10})[0-9a-f]{30}_")  # in a file's name


def render_history(history: History, fmt: str, outcome: Outcome) -> str:
    """``text``, ``md`` or ``json``; ``text`` and ``md`` have only rows with a change point, and end with the outcome."""
    if fmt == "json":
        return _json(history, outcome)
    changes = list(_changes(history))
    if fmt == "md":
        table = [_markdown(changes, history)] if changes else []
        parts = ["\n".join(_heads(history)), *table, "\n".join(f"- {note}" for note in _notes(history))]
    else:
        told = [wrapped([_line(series, change), _origin(series, change, history)]) for series, change in changes]
        parts = [wrapped(_heads(history)), *(["\n".join(told)] if told else []), wrapped(_notes(history))]
    return "\n\n".join([*parts, str(outcome)]) + "\n"


def _changes(history: History) -> Iterator[tuple[Series, ChangePoint]]:
    return ((series, change) for series in history.series for change in series.changes)


def _heads(history: History) -> list[str]:
    saved = history.saved
    run = saved.runs[-1].run
    cores = counted(run.environment.get("cores", "unknown number of"), "core")
    return [
        printable(f"machine:    {run.environment.get('cpu', 'unknown CPU')}, {cores}"),
        printable(f"checkpoint: {run.checkpoint.name}, {run.checkpoint.model_type}"),
        f"runs:       {len(saved.runs)}",
        f"oldest:     {_file(saved.runs[0])}",
        f"newest:     {_file(saved.runs[-1])}",
    ]


def _notes(history: History) -> list[str]:
    changed = sum(bool(series.changes) for series in history.series)
    lines = [f"{counted(len(history.series), 'row')}, {changed} with a change point"]
    if history.lacking:
        lines.append(printable(f"missing from the newest run: {', '.join(map(_row_name, history.lacking))}"))
    if history.unlike:
        names = ", ".join(map(_row_name, history.unlike))
        lines.append(printable(f"not comparable with earlier runs: {names}"))
    for reason, files in history.saved.left_out.items():
        lines.append(printable(f"left out: {counted(len(files), 'file')}: {reason}"))
    return lines


def _row_name(row: Row) -> str:
    variant, metric, workload, data = row
    return f"{variant} {place_of(metric, workload, data)}"


def _line(series: Series, change: ChangePoint) -> str:
    levels = " to ".join(format_amount(series.metric, level) for level in (change.before, change.after))
    return printable(
        f"{series.variant}, {place_name(series)}: {direction_word(series.metric, change.direction)}, {levels}, "
        f"{_size(series, change)}"
    )


def _size(series: Series, change: ChangePoint) -> str:
    size, low, high = (format_change(series.metric, one) for one in (change.change, change.low, change.high))
    return f"{size} ({low} to {high})"


def _origin(series: Series, change: ChangePoint, history: History) -> str:
    saved = history.saved.runs[series.runs[change.point]]
    return f"  from {_file(saved)} on, commit {_commit(saved)}"


def _markdown(changes: list[tuple[Series, ChangePoint]], history: History) -> str:
    heads = ("variant", "what", "before", "after", "change", "direction", "from", "commit")
    rows = []
    for series, change in changes:
        saved = history.saved.runs[series.runs[change.point]]
        levels = (format_amount(series.metric, level) for level in (change.before, change.after))
        word = direction_word(series.metric, change.direction)
        cells = (series.variant, place_name(series), *levels, _size(series, change), word, _file(saved), _commit(saved))
        rows.append(printable(cells))
    return tabulate.tabulate(rows, heads, tablefmt="github", disable_numparse=True)


def _file(saved: SavedRun) -> str:
    """Name of the file, with a short commit hash."""
    return str(printable(_HASH.sub(r"_\1_", saved.file.rsplit("/", 1)[-1])))


def _commit(saved: SavedRun) -> str:
    return str(printable(commit_name(saved.commit, dirty=saved.dirty)))


def _json(history: History, outcome: Outcome) -> str:
    runs = [
        {"file": one.file, "time": one.time, "commit": one.commit, "dirty": one.dirty} for one in history.saved.runs
    ]
    block = {
        "runs": runs,
        "left_out": history.saved.left_out,
        "outcome": outcome.name,
        "exit_code": outcome.code,
        "became_worse": len(history.worse),
        "lacking": [_row_name(row) for row in history.lacking],
        "unlike": [_row_name(row) for row in history.unlike],
        "series": [
            {
                **asdict(series),
                "changes": [
                    {
                        **asdict(change),
                        **runs[series.runs[change.point]],
                        "word": direction_word(series.metric, change.direction),
                    }
                    for change in series.changes
                ],
            }
            for series in history.series
        ],
    }
    return json.dumps(block, indent=1, allow_nan=False) + "\n"
