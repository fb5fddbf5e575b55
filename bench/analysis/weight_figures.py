"""What an artifact stores, on disk and in memory, held against what its parameters need, as figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.runs.metrics import METRICS

if TYPE_CHECKING:
    from bench.runs.measurement import Figure
    from bench.runs.store import Run, VariantInfo

_WIDTHS = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}  # bytes of a number


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
