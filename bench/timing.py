"""Latency: fresh processes (launches) times blocks; in each block every variant, in random order, on the same batch."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.measurement import Measurement, Workload
from bench.worker import Worker
from exporters.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bench.workload import Batch

_SLOW_S = 0.25  # a round this long warms the caches in its own first tenth: no further untimed round for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often a workload is timed: ``launches × blocks × rounds`` values for each variant."""

    launches: int
    blocks: int
    rounds: int
    seed: int = 0


@dataclass(slots=True)
class _Series:
    """The values of one variant at one workload while they are being collected."""

    seconds: list[float] = field(default_factory=list)
    launches: list[int] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)

    def add(self, nanoseconds: Sequence[int], launch: int, block: int) -> None:
        self.seconds += [value / 1e9 for value in nanoseconds]
        self.launches += [launch] * len(nanoseconds)
        self.blocks += [block] * len(nanoseconds)


class LatencyRun:
    """One interleaved measurement of several variants at several workloads."""

    def __init__(self, artifacts: Mapping[str, Path], schedule: Schedule, threads: int) -> None:
        self._artifacts = artifacts
        self._schedule = schedule
        self._threads = threads
        self._random = random.Random(schedule.seed)  # noqa: S311 - an order of measurements, not a secret
        self._failed: dict[tuple[str, Workload | None], str] = {}  # None: not even loaded, so at every workload
        self._series: dict[tuple[str, Workload], _Series] = {}
        self._load_seconds: dict[str, list[float]] = {}

    def steps(self, workloads: int) -> int:
        """How many times ``advance`` will be called for so many workloads."""
        return self._schedule.launches * self._schedule.blocks * workloads * len(self._artifacts)

    def measure(self, batches: Mapping[Workload, Batch], advance: Callable[[], None]) -> list[Measurement]:
        """All variants at all workloads; where a worker fails, its variant has failed at that workload, the rest goes on."""
        for launch in range(self._schedule.launches):
            with ExitStack() as stack:
                workers = self._start(stack, launch)
                for workload, batch in batches.items():
                    self._measure_workload(workers, workload, batch, launch, advance)
        return [self._measurement(name, workload) for workload in batches for name in self._artifacts]

    def load_times(self) -> list[Measurement]:
        """What loading took at the start of every launch, after ``measure``."""
        return [
            Measurement(variant=name, metric="load_time", values=tuple(seconds), launches=tuple(range(len(seconds))))
            for name, seconds in self._load_seconds.items()
            if (name, None) not in self._failed
        ]

    def _start(self, stack: ExitStack, launch: int) -> dict[str, Worker]:
        """A fresh loaded worker for every variant that has not failed."""
        workers = {}
        for name, artifact in self._artifacts.items():
            if (name, None) in self._failed:
                continue
            worker = stack.enter_context(Worker(f"{name}, launch {launch}", self._threads))
            try:
                self._load_seconds.setdefault(name, []).append(worker.load(name, artifact, self._threads))
                workers[name] = worker
            except WorkerError as error:
                self._failed[name, None] = str(error)
        return workers

    def _measure_workload(
        self, workers: dict[str, Worker], workload: Workload, batch: Batch, launch: int, advance: Callable[[], None]
    ) -> None:
        for block in range(self._schedule.blocks):
            for name in self._random.sample(list(self._artifacts), len(self._artifacts)):
                if name in workers and (name, workload) not in self._failed:
                    try:
                        self._measure_block(workers[name], (name, workload), batch, (launch, block))
                    except WorkerError as error:
                        self._failed[name, workload] = str(error)
                        del workers[name]  # it is dead, or may be: the next launch has a fresh one
                advance()

    def _measure_block(
        self, worker: Worker, place: tuple[str, Workload], batch: Batch, launch_block: tuple[int, int]
    ) -> None:
        launch, block = launch_block
        series = self._series.setdefault(place, _Series())
        if block == 0:
            worker.ask("settle", batch)
        slow = block > 0 and series.seconds[-1] > _SLOW_S
        series.add(worker.ask("time", batch, self._schedule.rounds, not slow), launch, block)

    def _measurement(self, name: str, workload: Workload) -> Measurement:
        reason = self._failed.get((name, None)) or self._failed.get((name, workload))
        if not reason and (name, workload) not in self._series:
            reason = next(why for (failed, _), why in self._failed.items() if failed == name)
        if reason:
            return Measurement(variant=name, metric="latency", workload=workload, status="failed", reason=reason)
        series = self._series[name, workload]
        return Measurement(
            variant=name,
            metric="latency",
            values=tuple(series.seconds),
            workload=workload,
            launches=tuple(series.launches),
            blocks=tuple(series.blocks),
        )
