"""Throughput of one process with all threads, and of as many processes with one thread each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..worker.instances import loaded_instances

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...exporters.variant import Batch
    from ..worker.client import Worker

BLOCKS = 3
SPAN_S = 1.0  # of a block; a longer batch is completed


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTexts:
    """Texts per second in each block."""

    alone: tuple[float, ...]  # one process with all threads
    together: tuple[float, ...]  # as many concurrent processes as threads, with one thread each


def measure_served(variant: str, artifact: Path, batch: Batch, threads: int) -> ServedTexts:
    """Measure both in turn, with everything loaded; raises WorkerError if a process dies."""
    with (
        loaded_instances(variant, artifact, 1, threads) as one,
        loaded_instances(variant, artifact, threads, threads) as many,
    ):
        sides = {"alone": one, "together": many}
        for workers in sides.values():
            _ask_all(workers, "warm_up", [batch])
        rates: dict[str, list[float]] = {side: [] for side in sides}
        for block in range(BLOCKS):
            # The order alternates: the first may leave the machine warmer, or still busy.
            for side in sorted(sides, reverse=block % 2 == 1):
                rates[side].append(_texts_per_second(sides[side], batch))
    return ServedTexts(alone=tuple(rates["alone"]), together=tuple(rates["together"]))


def _texts_per_second(workers: Sequence[Worker], batch: Batch) -> float:
    """Sum of the rates of all workers, each over its own span: a worker that ends early would not idle in service."""
    input_ids, *_ = batch
    spans = _ask_all(workers, "run_for", batch, SPAN_S)
    return len(input_ids) * sum(calls / (nanoseconds / 1e9) for calls, nanoseconds in spans)


def _ask_all(workers: Sequence[Worker], command: str, *arguments: Any) -> list[Any]:
    """The answers of workers that compute concurrently."""
    for worker in workers:
        worker.send(command, *arguments)
    return [worker.receive() for worker in workers]
