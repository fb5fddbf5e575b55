"""A comparison as text, Markdown or JSON: changed rows, number of unchanged rows, differences between the runs."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from statistics import median
from typing import TYPE_CHECKING

import tabulate

from ...compare.comparability import NOT_RECORDED
from ...compare.outcome import count_verdicts
from ...printable import printable
from ...runs.metrics import METRICS, compared_metrics
from ...runs.rows import model_of, row_name
from ...units import counted, format_bytes, format_detectable, format_percent, format_seconds, format_share
from ..formats.escapes import markdown_text
from ..formats.terminal import WIDTH, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...compare.changes import Comparison
    from ...compare.history import Series
    from ...compare.judging import Change
    from ...compare.outcome import Outcome
    from ...runs.measurement import Workload

_SAME = "no detectable change"
_INCOMPARABLE = "not comparable"
_LACKING = ("missing", "new")
HEADS = ("variant", "what", "base", "contender", "change", "verdict")
_GAP = 2  # columns of text between two columns of a table
_PADDING = 2  # columns that tabulate adds to a head
_SHORTEST = 12  # characters of a cut name
_FEW = 8  # variants or metrics that a reason names


def render_comparison(
    comparison: Comparison, fmt: str, *, every_row: bool = False, outcome: Outcome | None = None
) -> str:
    """``text``, ``md`` or ``json``; rows without a detectable change are counted, or shown with ``every_row``.

    ``outcome`` is the last line.
    """
    if fmt == "json":
        return _json(comparison, outcome)
    shown = [change for change in comparison.changes if is_shown(change, every_row=every_row)]
    parts = [_heads(comparison, fmt)]
    if shown:
        parts.append(_table(shown, comparison.unmatched, "github" if fmt == "md" else "simple"))
    notes = comparison_notes(comparison)
    said = "\n".join(f"- {markdown_text(note)}" for note in notes) if fmt == "md" else wrapped(notes)
    last = [str(outcome)] if outcome else []
    return "\n\n".join([*parts, said, *last]) + "\n"


def comparison_notes(comparison: Comparison) -> list[str]:
    """Number of rows by verdict, the reasons of the verdicts, and differences of the runs."""
    return [*_counts(comparison), *_reasons(comparison.changes), *_differences(comparison)]


def is_shown(change: Change, *, every_row: bool) -> bool:
    """Whether a row stands in the table: one without a detectable change only with ``every_row``."""
    if change.verdict == _INCOMPARABLE:
        return change.change is not None  # of the others, the reasons are enough
    return every_row or change.verdict != _SAME


def _heads(comparison: Comparison, fmt: str) -> str:
    lines = [printable(f"base:      {comparison.base}"), printable(f"contender: {comparison.contender}")]
    notes = [printable(note) for note in comparison.notes]
    if fmt == "md":
        return "\n".join(map(markdown_text, lines)) + "".join(f"\n\n{markdown_text(note)}" for note in notes)
    return "\n".join([*map(_fitting, lines), *([wrapped(notes)] if notes else [])])


def _fitting(line: str) -> str:
    """Shorten a line to the width of a terminal; both ends of a path are kept."""
    return _both_ends(line, WIDTH)


def _both_ends(text: str, room: int) -> str:
    start, end = room // 3, room - room // 3 - 1
    return text if len(text) <= room else f"{text[:start]}…{text[-end:]}"


def _table(changes: Sequence[Change], unmatched: Sequence[str], style: str) -> str:
    rows = grouped_cells(changes, unmatched)
    if style == "simple":
        rows = _clipped([tuple(head + " " * _PADDING for head in HEADS), *rows])[1:]
    else:
        rows = [tuple(map(markdown_text, row)) for row in rows]
    align = ("left", "left", "right", "right", "right", "left")
    return tabulate.tabulate(rows, HEADS, tablefmt=style, disable_numparse=True, colalign=align)


def grouped_cells(changes: Sequence[Change], unmatched: Sequence[str]) -> list[tuple[str, ...]]:
    """The cells of a table below HEADS; missing and new rows of a variant and metric are one row."""
    return [row_cells(change, what) for change, what in _grouped(changes, unmatched)]


def row_cells(change: Change, what: str) -> tuple[str, ...]:
    """The cells of one row, which is called ``what``."""
    return (
        printable(change.variant),
        printable(what),
        format_amount(change.metric, change.base),
        format_amount(change.metric, change.contender),
        format_change(change.metric, change.change),
        verdict_word(change),
    )


def _grouped(changes: Sequence[Change], unmatched: Sequence[str]) -> list[tuple[Change, str]]:
    """Each row with its name; missing and new rows become one row without figures for each variant and metric.

    Those of a model of ``unmatched``, which one side lacks, become one row at the end.
    """
    changes = sorted(changes, key=lambda one: model_of(one.variant) in unmatched)
    lacking: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        if change.verdict in _LACKING:
            lacking.setdefault((*_group(change, unmatched), change.verdict), []).append(change)
    rows = []
    for change in changes:
        variant, metric = _group(change, unmatched)
        together = lacking.get((variant, metric, change.verdict), [change])
        if len(together) == 1:
            rows.append((change, place_name(change)))
        elif change is together[0]:
            what = ", ".join(filter(None, (metric, f"{len(together)} rows")))
            rows.append((replace(change, variant=variant, base=None, contender=None), what))
    return rows


def _group(change: Change, unmatched: Sequence[str]) -> tuple[str, str]:
    """Variant and metric under which missing and new rows are shown."""
    model = model_of(change.variant)
    return (row_name(model, "*"), "") if model in unmatched else (change.variant, _short(change.metric))


def _clipped(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Cut the start of variant names where the table would be wider than a terminal: parameters are at the end.

    Where two names would then be the same, as of two models, both ends are kept.
    """
    others = sum(max(map(len, column)) + _GAP for column in list(zip(*rows, strict=True))[1:])
    room = max(_SHORTEST, WIDTH - others)
    cut = {name: name if len(name) <= room else f"…{name[1 - room :]}" for name, *_ in rows}
    if len({*cut.values()}) < len(cut):
        cut = {name: _both_ends(name, room) for name in cut}
    return [(cut[name], *rest) for name, *rest in rows]


def verdict_word(change: Change) -> str:
    """The verdict in the words of the metric: ``faster``, ``larger``, ``same``."""
    if change.verdict in ("better", "worse"):
        return direction_word(change.metric, change.verdict)
    return "same" if change.verdict == _SAME else change.verdict


def direction_word(metric: str, direction: str) -> str:
    """``better`` or ``worse`` in the words of a metric."""
    return compared_metrics()[metric].words[direction == "worse"]


def place_name(row: Change | Series) -> str:
    """Short name of a row: ``latency 8×128``."""
    return place_of(row.metric, row.workload, row.data)


def place_of(metric: str, workload: Workload | None, data: str | None) -> str:
    """Short name from the parts of a row."""
    name = _short(metric)
    if workload:
        return f"{name} {workload.batch_size}×{workload.sequence_length}"
    return f"{name} {data}" if data else name


def _short(metric: str) -> str:
    return compared_metrics()[metric].short or metric


def format_amount(metric: str, value: float | None) -> str:
    """A value with its unit; empty without one."""
    if value is None:
        return ""
    unit = METRICS[metric].unit
    return format_seconds(value) if unit == "s" else format_bytes(value) if unit == "B" else format_share(value)


def format_change(metric: str, change: float | None) -> str:
    """A change in percent, of accuracy in percentage points; empty without one."""
    if change is None:
        return ""
    if METRICS[metric].kind == "score":
        return f"{change:+.3f}"
    return f"{100 * change:+.1f} pp" if METRICS[metric].kind == "accuracy" else format_percent(change, signed=True)


def _reasons(changes: Sequence[Change]) -> list[str]:
    """Each reason once, with its metrics and variants."""
    places: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if change.reason and change.verdict != "new":
            places.setdefault((verdict_word(change), change.reason), []).append(change)
    return [
        printable(f"{word}: {_listed(found, 'metric')} of {_listed(found, 'variant')}: {reason}")
        for (word, reason), found in places.items()
    ]


def _listed(changes: Sequence[Change], part: str) -> str:
    names = list(dict.fromkeys(str(getattr(change, part)) for change in changes))
    if part == "metric":
        names = [name.replace("_", " ") for name in names]
    more = len(names) - _FEW
    return ", ".join(names if more <= 1 else [*names[:_FEW], f"{more} more"])


def _counts(comparison: Comparison) -> list[str]:
    counts = count_verdicts(comparison.changes)
    lines = [", ".join(f"{number} {verdict}" for verdict, number in counts.items()) or "nothing to compare"]
    timed = [change for change in comparison.changes if change.metric == "latency" and change.verdict == _SAME]
    detectable = [change.detectable for change in timed if change.detectable is not None]
    if detectable:
        lines.append(
            f"{_SAME} of latency: {counted(len(detectable), 'row')}; smallest detectable change: "
            f"{format_detectable(min(detectable))} (best row), {format_detectable(median(detectable))} (median row), "
            f"{format_detectable(max(detectable))} (worst row)"
        )
    return lines


def _differences(comparison: Comparison) -> list[str]:
    """Differences of the runs; facts that one run did not record share a line unless they forbid to compare."""
    lines, unrecorded = [], []
    for one in comparison.differences:
        if NOT_RECORDED in (one.base, one.contender) and one.fact.weight != "fatal":
            unrecorded.append(one.name)
        else:
            informative = one.weight == "informative"
            lead = "" if one.unknown else "for information: " if informative else "base and contender differ in "
            lines.append(printable(f"{lead}{one}"))
    return [*lines, *([f"recorded in one run only: {', '.join(unrecorded)}"] if unrecorded else [])]


def _json(comparison: Comparison, outcome: Outcome | None) -> str:
    said = {"outcome": outcome.name, "exit_code": outcome.code} if outcome else {}
    block = {
        "base": comparison.base,
        "contender": comparison.contender,
        **said,
        **({"notes": list(comparison.notes)} if comparison.notes else {}),
        "differences": [
            {
                "fact": one.fact.name,
                **({"model": one.model} if one.model else {}),
                "weight": one.weight,
                "base": one.base,
                "contender": one.contender,
            }
            for one in comparison.differences
        ],
        "changes": [{**asdict(change), "word": verdict_word(change)} for change in comparison.changes],
    }
    return json.dumps(block, indent=1, allow_nan=False) + "\n"
