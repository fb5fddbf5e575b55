"""One process of all threads against as many processes of one thread: how many texts each way gets done at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.worker.instances import loaded_instances

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.measure.workload import Batch
    from bench.worker.client import Worker

BLOCKS = 3
SPAN_S = 1.0  # of a block; one that a single batch outlasts ends with that batch


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTexts:
    """Texts per second in each block."""

    alone: tuple[float, ...]  # one process of all threads
    together: tuple[float, ...]  # as many processes as threads, of one thread each, computing at the same time


def measure_served(variant: str, artifact: Path, batch: Batch, threads: int) -> ServedTexts:
    """Take turns, everything loaded from the first block to the last; raises WorkerError when a process dies."""
    with (
        loaded_instances(variant, artifact, 1, threads) as one,
        loaded_instances(variant, artifact, threads, threads) as many,
    ):
        sides = {"alone": one, "together": many}
        for workers in sides.values():
            _ask_all(workers, "warm_up", batch)
        rates: dict[str, list[float]] = {side: [] for side in sides}
        for block in range(BLOCKS):
            # The other one first in every other block: the first may leave the machine warmer, or still busy.
            for side in sorted(sides, reverse=block % 2 == 1):
                rates[side].append(_texts_per_second(sides[side], batch))
    return ServedTexts(alone=tuple(rates["alone"]), together=tuple(rates["together"]))


def _texts_per_second(workers: Sequence[Worker], batch: Batch) -> float:
    """Texts of all workers, each over its own span: one that is between two batches as time runs out is not idle in service."""
    input_ids, _ = batch
    spans = _ask_all(workers, "run_for", batch, SPAN_S)
    return len(input_ids) * sum(calls / (nanoseconds / 1e9) for calls, nanoseconds in spans)


def _ask_all(workers: Sequence[Worker], command: str, *arguments: Any) -> list[Any]:
    """The answers of workers that compute at the same time."""
    for worker in workers:
        worker.send(command, *arguments)
    return [worker.receive() for worker in workers]
