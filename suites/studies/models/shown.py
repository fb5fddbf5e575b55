"""Tables of the saved figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....bench.report.cells import Column, Table
from ....bench.report.notes import gap_notes
from ....bench.runs.measurement import Figure
from ....bench.units import LARGE_COUNT, SHARE, VERDICT, Scale, many
from .claims import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Mapping

_AMOUNT = Scale(unit="", decimals=2)


def tables(figures: Mapping[str, Any]) -> list[Table]:
    """The claims, then the accuracies of each run of trained models."""
    return [_claims(figures), *(_accuracies(one) for one in figures["trained"])]


def _claims(figures: Mapping[str, Any]) -> Table:
    columns = (
        Column(head="published", scale=_AMOUNT),
        Column(head="found", scale=_AMOUNT, interval=True),
        Column(head="verdict", scale=VERDICT),
    )
    rows: dict[str, tuple[Figure, ...]] = {
        one["claim"]: (
            _figure(one["published"], reason=one["holds"] or "no figure"),
            _figure(one["value"], *_interval(one), reason=one["reason"]),
            _figure(one["verdict"], reason="no claim"),
        )
        for one in figures["rows"]
    }
    said = dict.fromkeys("published: " * bool(one["holds"]) + one["said"] for one in figures["rows"])
    remarks = [f"{one['claim']}: {one['remark']}" for one in figures["rows"] if one["remark"]]
    notes = (
        "found: of torch-eager, or of each model's best variant (best); ±: to the farther end of the 95 % interval",
        "latency: of one text, ratio of slices that were timed next to each other; 1 × 512: one text of 512 tokens",
        f"holds: the interval is within {100 * TOLERANCE:.0f} % of the published figure; fails: it is outside; undecided: neither",
        "what is said to be higher: a ratio above 1, or a difference above 0",
        *said,
        *remarks,
        f"costs: {', '.join(figures['costs']) or 'of no run'}; base sizes, random weights",
        *gap_notes((), columns, rows),
    )
    return Table(title="Published, and found here", columns=columns, rows=rows, notes=notes, kind="claim")


def _accuracies(found: Mapping[str, Any]) -> Table:
    sets = found["sets"]
    columns = [Column(head="parameters", scale=LARGE_COUNT)]
    columns += [Column(head=f"accuracy {name}", short=f"accuracy\n{name}", scale=SHARE, interval=True) for name in sets]
    rows = {
        name: (
            _figure(row["parameters"], reason="another model"),
            *(_figure(*(row["accuracy"][one][key] for key in ("value", "low", "high", "reason"))) for one in sets),
        )
        for name, row in found["rows"].items()
    }
    texts = ", ".join(f"{name} {many(count, 'text')}" for name, count in sets.items())
    notes = (f"{texts}; torch-eager of each model, one training each", *found["notes"], f"run: {found['run']}")
    return Table(
        title=f"Accuracy of the trained models of run {found['number']}",
        columns=tuple(columns),
        rows=rows,
        notes=notes,
        kind="model",
    )


def _interval(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """None for an exact figure, which has none to show."""
    return (None, None) if row["low"] == row["high"] else (row["low"], row["high"])


def _figure(value: float | None, low: float | None = None, high: float | None = None, reason: str = "") -> Figure:
    return Figure(
        variant="",
        metric="",
        value=None if value is None else float(value),
        unit="",
        low=low,
        high=high,
        n=1,
        status="ok" if value is not None else "not_measured",
        reason=reason,
        workload=None,
    )
