"""Size of a variant's weights on disk and in memory, compared with the size that its parameters need, as figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..runs.measurement import Figure
    from ..runs.store import Run, VariantInfo

_WIDTHS = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}  # bytes of a number


def weight_figures(run: Run, on_disk: Figure, loaded: Figure) -> list[Figure]:
    """Needed size, inflation, size of tensors stored twice, memory held after loading, and weights read per text.

    ``on_disk``: size of the artifact; ``loaded``: growth of resident memory while loading.
    """
    info = run.variants.get(on_disk.variant)
    converted = info if info and not info.another_model else None
    needed = float(run.checkpoint.num_parameters * _WIDTHS.get(converted.precision, 0)) if converted else 0.0
    stored = info.stored if info else None
    return [
        _derived(on_disk, "needed_size", needed or None),
        _derived(on_disk, "inflation", on_disk.value / needed if on_disk.value and needed else None),
        _derived(on_disk, "doubled_size", float(stored.doubled) if stored else None),
        replace(loaded, metric="held_after_load"),
        _derived(on_disk, "weights_read", _read(run, info) if info else None),
    ]


def _read(run: Run, info: VariantInfo) -> float | None:
    """Bytes read for one text of the longest length, by its multiply-adds with weights: each weight once per token."""
    if not all(precision in _WIDTHS for precision in info.executed):
        return None
    taken = sum(count * _WIDTHS[precision] for precision, count in info.executed.items())
    return taken / max(run.plan.sequence_lengths) or None


def _derived(figure: Figure, metric: str, value: float | None) -> Figure:
    derived = figure.of_metric(metric)
    if figure.value is None or value is not None:
        return replace(derived, value=None if figure.value is None else value)
    return replace(derived, value=None, n=0, status="not_measured", reason="not known")
