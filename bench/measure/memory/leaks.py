"""Memory leak check: what a warm process holds before, halfway through and after 50 more batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...worker.client import Worker
from .peaks import RUNS, take_phase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ....exporters.variant import Batch

BATCHES = 50
_ALLOWED, _ALLOWED_SHARE = 1024 * 1024, 0.01  # bytes, and share of what is held; smaller growth is no leak
READINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyMemory:
    """Bytes before, halfway through and after BATCHES batches, after garbage collection; seconds of each batch."""

    resident: tuple[int, ...]  # kernel: not backed by a file
    held: tuple[int, ...]  # of that, without freed blocks that the allocator keeps
    seconds: tuple[float, ...]


def measure_steady(variant: str, artifact: Path, batch: Batch, threads: int) -> SteadyMemory:
    """Measure a fresh process that has run the batch a few times; raises WorkerError if it dies."""
    phases, seconds = [], []
    with Worker(f"{variant}, leak check", threads) as worker:
        worker.start(variant, artifact, threads)
        worker.predict([batch] * RUNS)
        for number in range(READINGS):
            if number:
                seconds += [taken for _, taken in worker.predict([batch] * (BATCHES // (READINGS - 1)))]
            worker.ask("collect")
            phases.append(take_phase(worker, artifact))
    return SteadyMemory(
        resident=tuple(phase.own for phase in phases),
        held=tuple(phase.held for phase in phases),
        seconds=tuple(seconds),
    )


def leaks(readings: Sequence[float]) -> bool:
    """Whether memory grew by more than 1 MiB and 1 %, and in both halves: a cache that fills late grows in one half.

    >>> leaks([100e6, 102e6, 104e6]), leaks([100e6, 104e6, 104e6]), leaks([100e6, 100e6, 104e6]), leaks([1e9, 1.002e9, 1.004e9])
    (True, False, False, False)
    """
    before, halfway, after = readings
    allowed = max(_ALLOWED, _ALLOWED_SHARE * before)
    return after - before > allowed and min(halfway - before, after - halfway) > allowed / 4
