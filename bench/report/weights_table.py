"""The table of what an artifact stores: its weights on disk and in memory, held against what the parameters need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.measurement import METRICS
from bench.report.cells import Column
from bench.units import MEGABYTES, RATIO, counted, format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.measurement import Figure
    from bench.report.cells import ByVariant, Content
    from bench.saved.store import Run, VariantInfo


_WIDTHS = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}  # bytes of a number
_NAMED = 3  # doubled tensors of a variant that are named; of more, their number


def weight_figures(run: Run, on_disk: Figure, loaded: Figure) -> list[Figure]:
    """What a variant's parameters need, its inflation, what it stores twice, what loading it takes, and what a text reads.

    ``on_disk``: its artifact's size; ``loaded``: its growth in resident bytes while loading.
    """
    info = run.variants.get(on_disk.variant)
    needed = float(run.checkpoint.num_parameters * _WIDTHS.get(info.precision, 0)) if info else 0.0
    stored = info.stored if info else None
    return [
        _derived(on_disk, "needed_size", needed or None),
        _derived(on_disk, "inflation", on_disk.value / needed if on_disk.value and needed else None),
        _derived(on_disk, "doubled_size", float(stored.doubled) if stored else None),
        replace(loaded, metric="held_after_load"),
        _derived(on_disk, "weights_read", _read(run, info) if info else None),
    ]


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


def _read(run: Run, info: VariantInfo) -> float | None:
    """Bytes, from the multiply-adds with weights of one text of the longest length: each weight once for each token."""
    if not all(precision in _WIDTHS for precision in info.executed):
        return None
    taken = sum(count * _WIDTHS[precision] for precision, count in info.executed.items())
    return taken / max(run.plan.sequence_lengths) or None


def _derived(figure: Figure, metric: str, value: float | None) -> Figure:
    """Another number of the same place; without one, for the reason that the place has, or since it is not known."""
    derived = replace(figure, metric=metric, unit=METRICS[metric].unit)
    if figure.value is None or value is not None:
        return replace(derived, value=None if figure.value is None else value)
    return replace(derived, value=None, n=0, status="not_measured", reason="not known")


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
