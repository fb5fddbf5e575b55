"""Does a steady process still grow? What it holds before, halfway through and after 50 more batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.mappings import read_mappings
from bench.memory import STEADY_RUNS
from bench.worker import Worker
from exporters.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.workload import Batch

BATCHES = 50
_ALLOWED, _ALLOWED_SHARE = 1024 * 1024, 0.01  # bytes, and share of what is held; growth below the larger is none
READINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyMemory:
    """Bytes that no file holds, by the kernel, before, halfway through and after BATCHES batches; seconds of each batch."""

    readings: tuple[int, ...]
    seconds: tuple[float, ...]


def measure_steady(variant: str, artifact: Path, batch: Batch, threads: int) -> SteadyMemory:
    """Watch a fresh process that has run the batch a few times; raises WorkerError when it dies."""
    readings, seconds = [], []
    with Worker(f"{variant}, leak check", threads) as worker:
        worker.load(variant, artifact, threads)
        worker.predict([batch] * (1 + STEADY_RUNS))
        readings.append(_own(worker))
        for _ in range(READINGS - 1):
            seconds += [taken for _, taken in worker.predict([batch] * (BATCHES // (READINGS - 1)))]
            readings.append(_own(worker))
    return SteadyMemory(readings=tuple(readings), seconds=tuple(seconds))


def leaks(readings: Sequence[float]) -> bool:
    """Whether memory grew by more than 1 MiB and 1 %, and in both halves: a cache that fills late grows in one.

    >>> leaks([100e6, 102e6, 104e6]), leaks([100e6, 104e6, 104e6]), leaks([100e6, 100e6, 104e6]), leaks([1e9, 1.002e9, 1.004e9])
    (True, False, False, False)
    """
    before, halfway, after = readings
    allowed = max(_ALLOWED, _ALLOWED_SHARE * before)
    return after - before > allowed and min(halfway - before, after - halfway) > allowed / 4


def _own(worker: Worker) -> int:
    try:
        return sum(one.sizes["Anonymous"] for one in read_mappings(worker.pid))
    except OSError as error:
        raise WorkerError(f"{worker.label}: its /proc cannot be read: {error.strerror}") from error
