"""The table of memory by phase and by what it is for, and what is said of ledgers and leaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from bench.analysis.ledgers import GROWTH, PEAK, PROPORTIONAL, RESIDENT, leaking, open_ledgers, steady_readings
from bench.measure.memory.leaks import BATCHES, leaks
from bench.report.cells import Column
from bench.runs.ledger import BATCH_PHASES, TOLERANCE
from bench.runs.measurement import Figure
from bench.units import CAUTION, MEGABYTES, format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.report.cells import ByVariant, Content
    from bench.runs.ledger import CellLedger
    from bench.runs.measurement import Workload
    from bench.runs.store import Run

    _Lookup: TypeAlias = Callable[[str, str | None], ByVariant]  # of a metric and a label

_PHASES = {"interpreter": "inter-\npreter", "imports": "", "load": "", "first inference": "first", "steady": ""}
# head: the terms that it adds up
_GROWTH = {
    "heap": ("heap",),
    "mapped": ("mapped", "stacks"),
    "model files": ("artifact",),
    "libraries": ("libraries",),
    "kept": ("kept", "overhead", "garbage"),
    "unexplained": ("unexplained",),
}
_SHORT = {"model files": "model\nfiles", "unexplained": "unex-\nplained"}


def memory_title(workload: Workload) -> str:
    """Which cell the table is about."""
    return f"Memory by phase, batch of {workload.batch_size} × {workload.sequence_length} tokens"


def memory_contents(at: _Lookup) -> list[Content]:
    """Resident memory after each phase, and its growth from the imports to the steady state by what it is for."""
    resident = [(_column(head, short, "resident"), at(RESIDENT, head)) for head, short in _PHASES.items()]
    resident += [
        (_column("peak", "", "resident"), _combined(max, [at(PEAK, phase) for phase in BATCH_PHASES])),
        (_column("PSS", "", "resident"), at(PROPORTIONAL, "steady")),
        (_column("growth", "", "growth"), at(GROWTH, None)),
    ]
    return [
        *resident,
        *(
            (_column(head, _SHORT.get(head, ""), "growth"), _combined(sum, [at(GROWTH, term) for term in terms]))
            for head, terms in _GROWTH.items()
        ),
    ]


def no_memory(run: Run) -> tuple[Column, ByVariant]:
    """The only column for a run from before there were ledgers."""

    def none(variant: str) -> Figure:
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
            reason=failed or "saved before there were memory ledgers",
            workload=None,
        )

    return _column("resident", "", "resident"), none


def memory_notes(run: Run, workload: Workload) -> list[str]:
    """What the columns mean, where a ledger does not close, and what leaks."""
    cells = [one for one in run.ledgers if one.workload == workload]
    return [
        "interpreter to steady: resident at the end of each phase, by the kernel; peak: the most while batches ran",
        "PSS: resident when steady, pages shared with other processes in part, so it depends on what else runs",
        "growth: from the imports to steady, and what it is made of; marked where over 5 % and 4 MiB of it are unexplained",
        "heap: blocks held, by memray, as far as touched; mapped: other anonymous memory, stacks included",
        "model files, libraries: pages of the artifact's files and of all others",
        "kept: freed blocks that the allocator keeps, its headers, and garbage that Python has yet to collect",
        *(_gap(one) for one in cells if not one.ledger.closes),
        *_leak_notes(run),
    ]


def troubles(run: Run) -> list[str]:
    """At which lengths the ledger of a variant does not close, and which variants leak."""
    lengths: dict[str, list[str]] = {}
    for one in open_ledgers(run):
        lengths.setdefault(one.variant, []).append(str(one.workload.sequence_length))
    return [
        *(
            f"{CAUTION} {variant}, {', '.join(found)} tokens: memory that no ledger explains, see table memory"
            for variant, found in lengths.items()
        ),
        *(f"{CAUTION} {variant} leaks, see table memory" for variant in leaking(run)),
    ]


def _column(head: str, short: str, group: str) -> Column:
    return Column(head=head, short=short, scale=MEGABYTES, group=group)


def _combined(how: Callable[[list[float]], float], parts: Sequence[ByVariant]) -> ByVariant:
    """One figure of several; those of one ledger are all there or all missing, for one reason."""

    def total(variant: str) -> Figure:
        figures = [part(variant) for part in parts]
        values = [figure.value for figure in figures if figure.value is not None]
        return replace(figures[0], value=how(values)) if values else figures[0]

    return total


def _gap(cell: CellLedger) -> str:
    what = "unexplained" if cell.ledger.gap > 0 else "explained twice"
    return (
        f"{CAUTION} {cell.variant}: the ledger does not close within {100 * TOLERANCE:.0f} %: "
        f"{format_bytes(abs(cell.ledger.gap))} of a growth of {format_bytes(cell.ledger.growth)} are {what}"
    )


def _leak_notes(run: Run) -> Iterator[str]:
    """Held memory that keeps growing is a leak; what the allocator keeps may grow as well, and is none."""
    readings = steady_readings(run)
    checked = [variant for variant in run.plan.variants if (variant, "steady_held") in readings]
    growing = leaking(run)
    for variant in growing:
        yield f"{CAUTION} {variant} leaks: it holds {_growth(readings[variant, 'steady_held'])}"
    for variant in checked:
        resident = readings.get((variant, "steady_resident"))
        if variant not in growing and resident and leaks(resident):
            yield f"{variant} keeps, in freed blocks, {_growth(resident)}"
    if checked and not growing:
        which = "any variant" if len(checked) == len(run.plan.variants) else ", ".join(checked)
        yield (
            f"no leak found in {which}: over {BATCHES} further batches of one text, what is held grows by no more than 1 % or 1 MB"
        )


def _growth(readings: Sequence[float]) -> str:
    before, halfway, after = readings
    half = format_bytes(after - halfway)
    return f"{format_bytes(after - before)} more after {BATCHES} further batches of one text, {half} of it in the second half"
