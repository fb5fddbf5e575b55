"""Memory by phase and by what it is used for, with the findings of ledgers and leak checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...analysis.derived import combined
from ...analysis.figures import memory_workload
from ...analysis.ledgers import GROWTH, PEAK, PROPORTIONAL, RESIDENT, leaking, open_ledgers, steady_readings
from ...measure.memory.leaks import BATCHES, leaks
from ...runs.ledger import BATCH_PHASES, TOLERANCE
from ...runs.measurement import Figure
from ...units import CAUTION, MEGABYTES, format_bytes
from ..cells import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...runs.ledger import CellLedger
    from ...runs.store import Run
    from ..cells import ByVariant, Content, Table
    from ..run_figures import RunFigures

_PHASES = {"interpreter": "inter-\npreter", "imports": "", "load": "", "first inference": "first", "steady": ""}
_GROWTH = {  # head: the terms of the ledger that it adds up
    "heap": ("heap",),
    "mapped": ("mapped", "stacks"),
    "model files": ("artifact",),
    "libraries": ("libraries",),
    "kept": ("kept", "overhead", "garbage"),
    "unexplained": ("unexplained",),
}
_SHORT = {"model files": "model\nfiles", "unexplained": "unex-\nplained"}


def build(cells: RunFigures) -> list[Table]:
    """One, at the longest texts; for a run saved before ledgers existed, with one column that says so."""
    run, length = cells.run, max(cells.run.plan.sequence_lengths)
    title = f"Memory by phase, batch of {run.plan.memory_batch_size} × {length} tokens"
    if not run.ledgers:
        return [cells.table(title, [(_column("resident", "", "resident"), lambda variant: _none(run, variant))], [])]
    found = [one for one in run.ledgers if one.workload == memory_workload(run, length)]
    return [cells.table(title, _contents(cells, length), _notes(run, found))]


def _contents(cells: RunFigures, length: int) -> list[Content]:
    """Resident memory after each phase, and its growth from the imports to the steady state by what it is used for."""

    def at(metric: str, label: str | None = None) -> ByVariant:
        return cells.at_length(metric, length, label)

    return [
        *((_column(head, short, "resident"), at(RESIDENT, head)) for head, short in _PHASES.items()),
        (_column("peak", "", "resident"), _combined(max, [at(PEAK, phase) for phase in BATCH_PHASES])),
        (_column("PSS", "", "resident"), at(PROPORTIONAL, "steady")),
        (_column("growth", "", "growth"), at(GROWTH)),
        *(
            (_column(head, _SHORT.get(head, ""), "growth"), _combined(sum, [at(GROWTH, term) for term in terms]))
            for head, terms in _GROWTH.items()
        ),
    ]


def _column(head: str, short: str, group: str) -> Column:
    return Column(head=head, short=short, scale=MEGABYTES, group=group)


def _combined(how: Callable[[list[float]], float], parts: Sequence[ByVariant]) -> ByVariant:
    return lambda variant: combined(how, [part(variant) for part in parts])


def _none(run: Run, variant: str) -> Figure:
    failed = run.variants[variant].failed if variant in run.variants else ""
    return Figure(
        variant=variant,
        metric=RESIDENT,
        value=None,
        unit="B",
        low=None,
        high=None,
        n=0,
        status="failed" if failed else "not_measured",
        reason=failed or _unmeasured(run) or "saved before there were memory ledgers",
        workload=None,
    )


def _unmeasured(run: Run) -> str:
    """Why no memory was measured; empty where it was."""
    return next((one.reason for one in run.measurements if one.metric == "peak_memory" and one.reason), "")


def _notes(run: Run, ledgers: Sequence[CellLedger]) -> list[str]:
    return [
        "interpreter to steady: resident set size at the end of each phase; peak: its maximum while batches ran",
        "PSS: proportional set size when steady; pages shared with other processes count in part, so it depends on them",
        "growth: from imports to steady, by use; marked where more than 5 % and 4 MiB of it are unexplained",
        "heap: allocated blocks (memray), as far as touched; mapped: other anonymous memory, stacks included",
        "model files, libraries: file-backed pages of the artifact, and of all other files",
        "kept: freed blocks that the allocator keeps, its headers, and garbage that Python has not collected yet",
        *(_gap(one) for one in ledgers if not one.ledger.closes),
        *_leak_notes(run),
    ]


def memory_problems(run: Run) -> list[str]:
    """At which lengths memory of a variant is unexplained, and which variants leak; for tables of peaks."""
    lengths: dict[str, list[str]] = {}
    for one in open_ledgers(run):
        lengths.setdefault(one.variant, []).append(str(one.workload.sequence_length))
    return [
        *(
            f"{CAUTION} {variant}, {', '.join(found)} tokens: unexplained memory, see --table memory"
            for variant, found in lengths.items()
        ),
        *(f"{CAUTION} {variant} leaks memory, see --table memory" for variant in leaking(run)),
    ]


def _gap(cell: CellLedger) -> str:
    what = "unexplained" if cell.ledger.gap > 0 else "explained twice"
    return (
        f"{CAUTION} {cell.variant}: the ledger does not close within {100 * TOLERANCE:.0f} %: "
        f"{format_bytes(abs(cell.ledger.gap))} of a growth of {format_bytes(cell.ledger.growth)} are {what}"
    )


def _leak_notes(run: Run) -> Iterator[str]:
    """Allocated memory that keeps growing is a leak; what the allocator keeps may grow as well, and is none."""
    readings = steady_readings(run)
    checked = [variant for variant in run.plan.variants if (variant, "steady_held") in readings]
    growing = leaking(run)
    for variant in growing:
        yield f"{CAUTION} {variant} leaks: its allocated memory is {_growth(readings[variant, 'steady_held'])}"
    for variant in checked:
        resident = readings.get((variant, "steady_resident"))
        if variant not in growing and resident and leaks(resident):
            yield f"{variant}: freed blocks that the allocator keeps are {_growth(resident)}"
    if checked and not growing:
        which = "any variant" if len(checked) == len(run.plan.variants) else ", ".join(checked)
        yield f"no leak found in {which}: {BATCHES} further batches of one text add at most 1 % or 1 MB of allocated memory"


def _growth(readings: Sequence[float]) -> str:
    before, halfway, after = readings
    half = format_bytes(after - halfway)
    return f"{format_bytes(after - before)} larger after {BATCHES} further batches of one text, {half} of it in the second half"
