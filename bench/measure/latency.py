"""Latency: launches (fresh processes) × blocks; in each block all artifacts in random order on the same batch.

After the minimum number of launches, more follow while a row's interval is wider than the target, within the time budget.
"""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bench.machine.cores import shared_cores
from bench.runs.journal import Journal
from bench.runs.measurement import Measurement
from bench.worker.client import Worker
from exporters.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bench.measure.schedule import Row, Schedule, TimedArtifact
    from bench.measure.workload import Batch
    from bench.runs.measurement import Workload

_SLOW_S = 0.1  # a round this long warms the caches itself: it needs no untimed round
_MOST_ROUNDS = 20  # of a block: more would add little and make large files
_START = ("import_time", "read_time", "load_time")  # of each launch, in this order


@dataclass(slots=True)
class _Series:
    """The values of one row."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    launches: list[int] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)  # seconds of the first call at this shape, by launch

    def add(self, cell: Mapping[str, Any], launch: int) -> None:
        """Append the values of one process, as ``_measure_block`` collected them."""
        self.firsts.append(cell["first"] / 1e9)
        for block, rounds in enumerate(cell["blocks"]):
            self.seconds += [nanoseconds / 1e9 for nanoseconds, _ in rounds]
            self.cpu_seconds += [nanoseconds / 1e9 for _, nanoseconds in rounds]
            self.launches += [launch] * len(rounds)
            self.blocks += [block] * len(rounds)


class LatencyRun:
    """One interleaved measurement of several artifacts at several workloads.

    ``before_launch`` is called ahead of each launch.
    """

    def __init__(
        self,
        artifacts: Iterable[TimedArtifact],
        schedule: Schedule,
        threads: int,
        *,
        journal: Journal | None = None,
        before_launch: Callable[[], None] = lambda: None,
    ) -> None:
        self._artifacts = {one.name: one for one in artifacts}
        self._together = sorted(
            self._artifacts
        )  # part of the journal's keys: others beside them are another measurement
        self._schedule = schedule
        self._threads = threads
        self._journal = journal if journal is not None else Journal()
        self._before_launch = before_launch
        self._random = random.Random(schedule.seed)  # noqa: S311 - an order of measurements, not a secret
        self._failed: dict[tuple[str, Workload | None], str] = {}  # None: not loaded, at all workloads
        self._series: dict[Row, _Series] = {}
        self._starts: dict[str, dict[int, Sequence[float]]] = {}  # seconds of _START, by launch
        self._spent = 0.0
        self._mirrored: dict[Workload | None, list[str]] = {}  # the next order of blocks, or of starts (None)

    def steps(self, workloads: int) -> int:
        """How often ``advance`` will be called for ``workloads`` workloads in the minimum number of launches."""
        return self._schedule.launches * self._launch_steps(workloads)

    def _launch_steps(self, workloads: int) -> int:
        return self._schedule.blocks * workloads * len(self._artifacts)

    def measure(
        self,
        batches: Mapping[Workload, Batch],
        advance: Callable[[], None],
        more: Callable[[int], None] = lambda _: None,
    ) -> list[Measurement]:
        """Time all artifacts at all workloads; if a worker fails, its row has failed and the others go on.

        ``more`` gets the number of steps beyond those of ``steps``.
        """
        for launch in range(self._schedule.launches):
            self._launch(launch, batches, advance)
        launch, rows = self._schedule.launches, self._unsure()
        while rows and self._spent * (launch + 1) / launch <= self._schedule.budget_s:
            # With all artifacts: those compared with an unsure one must be timed beside it.
            unsure = {workload: batch for workload, batch in batches.items() if any(workload == at for _, at in rows)}
            more(self._launch_steps(len(unsure)))
            self._launch(launch, unsure, advance)
            launch, rows = launch + 1, self._unsure()
        return [self._measurement(name, workload, rows) for workload in batches for name in self._artifacts]

    def cold_starts(self) -> list[Measurement]:
        """Seconds that each process took to import its runtime, to read and to load; call after ``measure``."""
        return [
            Measurement(variant=name, metric=metric, values=values, launches=tuple(starts))
            for name, starts in self._starts.items()
            if (name, None) not in self._failed
            for metric, values in zip(_START, zip(*starts.values(), strict=True), strict=True)
        ]

    def first_inferences(self, workload: Workload) -> list[Measurement]:
        """Seconds of the first call of each process at ``workload``, the first that was measured."""
        return [
            Measurement(
                variant=name,
                metric="first_inference",
                workload=workload,
                values=tuple(series.firsts),
                launches=tuple(range(len(series.firsts))),
            )
            for (name, measured), series in self._series.items()
            if measured == workload and not self._reason(name, workload)
        ]

    def _unsure(self) -> set[Row]:
        """The rows whose interval is wider than the target."""
        known = [
            self._measurement(*row, ())
            for row in self._series
            if not self._artifacts[row[0]].control and not self._reason(*row)
        ]
        return self._schedule.unsure(known, self._schedule.target_width)

    def _launch(self, launch: int, batches: Mapping[Workload, Batch], advance: Callable[[], None]) -> None:
        """Time all artifacts at these workloads, except what a killed run has measured."""
        start = time.perf_counter()
        rows = {(name, workload) for workload in batches for name in self._artifacts}
        self._take_over(launch, rows)
        wanted = {row for row in rows if launch not in self._launches_of(row)}
        self._before_launch()
        with ExitStack() as stack:
            workers = self._start(stack, launch, {name for name, _ in wanted})
            for workload, batch in batches.items():
                names = [name for name in self._artifacts if (name, workload) in wanted]
                self._measure_workload(workers, names, (workload, batch), launch, advance)
        spent = time.perf_counter() - start
        key = ("launch", launch, self._together, [asdict(workload) for workload in batches])
        self._spent += self._journal.cell(key, lambda: spent)

    def _launches_of(self, row: Row) -> list[int]:
        return self._series[row].launches if row in self._series else []

    def _take_over(self, launch: int, rows: Iterable[Row]) -> None:
        """Reuse what a killed run has measured of this launch."""
        for row in rows:
            cell = self._journal.find(*self._key(row, launch))
            if cell:
                self._series.setdefault(row, _Series()).add(cell, launch)
        for name in self._artifacts:
            start = self._journal.find(*self._start_key(name, launch))
            if start:
                self._starts.setdefault(name, {})[launch] = start

    def _key(self, row: Row, launch: int) -> tuple[Any, ...]:
        one, workload = self._artifacts[row[0]], row[1]
        return ("latency", one.name, one.fingerprint, asdict(workload), launch, self._together)

    def _start_key(self, name: str, launch: int) -> tuple[Any, ...]:
        return ("start", name, self._artifacts[name].fingerprint, launch, self._together)

    def _start(self, stack: ExitStack, launch: int, names: set[str]) -> dict[str, Worker]:
        """A fresh loaded worker for each of ``names`` that has not failed."""
        workers = {}
        cores = shared_cores(self._threads, launch)
        for name in self._next_order(None, list(self._artifacts)):
            one = self._artifacts[name]
            if name not in names or (name, None) in self._failed:
                continue
            worker = stack.enter_context(Worker(f"{name}, launch {launch}", self._threads, code=one.code))
            try:
                worker.ask("set_affinity", cores)
                seconds = worker.start(one.variant or name, one.artifact, self._threads)
            except WorkerError as error:
                self._failed[name, None] = str(error)
                continue
            workers[name] = worker
            if launch not in self._starts.setdefault(name, {}):  # else reused from a killed run
                self._starts[name][launch] = seconds
                self._journal.keep((self._start_key(name, launch), seconds))
        return workers

    def _measure_workload(
        self,
        workers: dict[str, Worker],
        names: Sequence[str],
        task: tuple[Workload, Batch],
        launch: int,
        advance: Callable[[], None],
    ) -> None:
        """All blocks of one workload in one launch, which are saved together."""
        workload, batch = task
        cells: dict[str, dict[str, Any]] = {}
        for block in range(self._schedule.blocks):
            enough = block > 0 and self._enough(cells)
            for name in names if enough else self._next_order(workload, names):
                if not enough and name in workers and (name, workload) not in self._failed:
                    try:
                        feed = self._artifacts[name].feed
                        cell = cells.setdefault(name, {"blocks": []})
                        self._measure_block(workers[name], feed[workload] if feed else batch, cell)
                    except WorkerError as error:
                        self._failed[name, workload] = str(error)
                        del cells[name]
                        if not workers[name].alive:
                            del workers[name]  # the next launch starts another
                advance()
        for name, cell in cells.items():
            self._series.setdefault((name, workload), _Series()).add(cell, launch)
        self._journal.keep(*((self._key((name, workload), launch), cell) for name, cell in cells.items()))

    def _next_order(self, of: Workload | None, names: Sequence[str]) -> list[str]:
        """A random order, and at the next call its reverse, so that none comes first more often."""
        order = self._mirrored.pop(of, [])
        if set(order) != set(names):
            order = self._random.sample(names, len(names))
            self._mirrored[of] = order[::-1]
        return order

    def _enough(self, cells: Mapping[str, Any]) -> bool:
        """Whether enough time was sampled."""
        timed = sum(nanoseconds for cell in cells.values() for rounds in cell["blocks"] for nanoseconds, _ in rounds)
        return timed >= self._schedule.enough_s * 1e9 * len(cells)

    def _measure_block(self, worker: Worker, batch: Batch, cell: dict[str, Any]) -> None:
        """Append a block to ``cell``: nanoseconds and nanoseconds of CPU time of each round."""
        blocks = cell["blocks"]
        if not blocks:
            cell["first"] = worker.ask("warm_up", batch)
        slow = (blocks[-1][-1][0] if blocks else cell["first"]) > _SLOW_S * 1e9
        blocks.append(worker.ask("time", self._rounds(blocks), None if slow else self._schedule.warm_up_s))
        if self._threads > 1:
            worker.ask("wait_until_idle")

    def _rounds(self, blocks: Sequence[Any]) -> int:
        """Number of rounds of the next block, from the shortest round so far."""
        schedule = self._schedule
        if not blocks or not schedule.block_s:
            return schedule.rounds
        shortest = min(nanoseconds for rounds in blocks for nanoseconds, _ in rounds)
        fitting = int(schedule.block_s * 1e9 / max(shortest, 1))
        return min(max(schedule.rounds, fitting), _MOST_ROUNDS)

    def _reason(self, name: str, workload: Workload) -> str:
        """Why the row failed, or an empty string."""
        reason = self._failed.get((name, None)) or self._failed.get((name, workload))
        if not reason and (name, workload) not in self._series:
            reason = next(why for (failed, _), why in self._failed.items() if failed == name)
        return reason or ""

    def _measurement(self, name: str, workload: Workload, unsure: Iterable[Row]) -> Measurement:
        reason = self._reason(name, workload)
        if reason:
            return Measurement(variant=name, metric="latency", workload=workload, status="failed", reason=reason)
        series = self._series[name, workload]
        return Measurement(
            variant=name,
            metric="latency",
            values=tuple(series.seconds),
            cpu_seconds=tuple(series.cpu_seconds),
            workload=workload,
            launches=tuple(series.launches),
            blocks=tuple(series.blocks),
            stopped="budget" if (name, workload) in unsure else "" if self._artifacts[name].control else "precise",
        )
