"""The table of what an artifact stores: its weights on disk and in memory, held against what the parameters need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.cells import Column
from bench.units import MEGABYTES, RATIO, counted, format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.report.cells import ByVariant, Content
    from bench.runs.store import Run


_NAMED = 3  # doubled tensors of a variant that are named; of more, their number


def weights_contents(at: Callable[[str], ByVariant]) -> list[Content]:
    """From what the parameters need to what they take in memory."""
    columns = {
        "needed_size": Column(head="parameters", short="para-\nmeters", scale=MEGABYTES, group="weights"),
        "artifact_size": Column(head="on disk", scale=MEGABYTES, group="weights"),
        "inflation": Column(head="inflation", short="infla-\ntion", scale=RATIO, group="weights"),
        "doubled_size": Column(head="stored twice", short="stored\ntwice", scale=MEGABYTES, group="weights"),
        "held_after_load": Column(head="loaded", scale=MEGABYTES, group="weights"),
        "weights_read": Column(head="read", scale=MEGABYTES, group="weights"),
    }
    return [(column, at(metric)) for metric, column in columns.items()]


def weights_notes(run: Run) -> list[str]:
    """What the columns mean, and what is stored more than once."""
    return [
        f"parameters: {run.checkpoint.num_parameters:,} numbers in the variant's precision; a shared one counts once",
        "inflation: on disk / parameters; what int8 leaves in fp32 shows here",
        "stored twice: tensors of 1 KiB and more that are in the files already, bit by bit",
        "loaded: what resident memory grows by while loading, imports excluded",
        "read: weights that one pass of one text takes up, in the precision that ran, a shared one at each use",
        *(_doubles(run, variant) for variant in run.plan.variants if _stored_twice(run, variant)),
    ]


def _stored_twice(run: Run, variant: str) -> dict[str, int]:
    info = run.variants.get(variant)
    return info.stored.doubles if info and info.stored else {}


def _doubles(run: Run, variant: str) -> str:
    doubles = _stored_twice(run, variant)
    stored = run.variants[variant].stored
    assert stored is not None
    named = ", ".join(f"{name} {times} times" for name, times in list(doubles.items())[:_NAMED])
    more = f" and {counted(len(doubles) - _NAMED, 'other')}" if len(doubles) > _NAMED else ""
    return f"{variant} stores {format_bytes(stored.doubled)} again: {named}{more}"
