"""Memory ledgers as figures: resident memory after each phase, and the terms of its growth since the imports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..measure.memory.leaks import READINGS, leaks
from ..runs.ledger import PHASES, TERMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..runs.ledger import CellLedger, Ledger
    from ..runs.measurement import Figure, Workload
    from ..runs.store import Run

RESIDENT, PEAK, PROPORTIONAL, GROWTH = "phase_resident", "phase_peak", "phase_proportional", "growth"


def ledger_figures(run: Run, missing: Figure) -> list[Figure]:
    """The values of the ledger of ``missing``'s variant and workload; without one, as many figures without a value."""
    ledger = ledger_of(run, missing.variant, missing.workload)
    values = dict(_values(ledger)) if ledger else {}
    figures = [replace(missing, metric=metric, label=label) for metric, label in _PLACES]
    if not ledger:
        return figures
    return [
        replace(figure, value=float(values[figure.metric, figure.label]), n=1, status="ok", reason="")
        for figure in figures
    ]


def ledger_of(run: Run, variant: str, workload: Workload | None) -> Ledger | None:
    """The ledger of a variant at a workload; None where there is none."""
    return next((one.ledger for one in run.ledgers if (one.variant, one.workload) == (variant, workload)), None)


def open_ledgers(run: Run) -> list[CellLedger]:
    """Ledgers whose growth is not explained."""
    return [one for one in run.ledgers if not one.ledger.closes]


def steady_readings(run: Run) -> dict[tuple[str, str], tuple[float, ...]]:
    """Readings of the leak check, by variant and metric."""
    metrics = ("steady_held", "steady_resident")
    return {
        (one.variant, one.metric): one.values
        for one in run.measurements
        if one.metric in metrics and len(one.values) == READINGS
    }


def leaking(run: Run) -> list[str]:
    """Variants whose held memory keeps growing."""
    readings = steady_readings(run)
    held = {name: readings.get((name, "steady_held")) for name in run.plan.variants}
    return [name for name, values in held.items() if values and leaks(values)]


def memory_caution(run: Run, variant: str, workload: Workload) -> str:
    """A problem of a figure of memory; empty without one."""
    if any((one.variant, one.workload) == (variant, workload) for one in open_ledgers(run)):
        return "memory that no ledger explains"
    return "leaks" if variant in leaking(run) else ""


_PLACES: tuple[tuple[str, str | None], ...] = (
    *((metric, phase) for metric in (RESIDENT, PEAK, PROPORTIONAL) for phase in PHASES),
    *((GROWTH, term) for term in (None, *TERMS)),
)


def _values(ledger: Ledger) -> Iterator[tuple[tuple[str, str | None], int]]:
    for name, phase in ledger.phases.items():
        yield (RESIDENT, name), phase.resident
        yield (PEAK, name), phase.peak
        yield (PROPORTIONAL, name), phase.proportional
    yield (GROWTH, None), ledger.growth
    for term, size in ledger.terms.items():
        yield (GROWTH, term), size
