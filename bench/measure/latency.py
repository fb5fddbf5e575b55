"""Latency: launches (fresh processes) × blocks; in each block a slice of time of every artifact on the same batch.

After the minimum number of launches, more follow while a row's interval is wider than the target, within the time budget.
From the third launch on, the slower rows of each group are left out (``halving``).
"""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from ...exporters.errors import WorkerError
from ..runs.journal import Journal
from ..runs.measurement import Measurement
from .deadline import Deadline
from .halving import left_out
from .launch import Launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ...exporters.variant import Batch
    from ..runs.measurement import Workload
    from .schedule import Row, Schedule, TimedArtifact

_FEWEST = 2  # launches, whatever the time: of one there is no interval
_START = ("load_time", "read_time", "import_time")  # a forked process is only loaded


@dataclass(slots=True)
class _Series:
    """The values of one row."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    launches: list[int] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)  # seconds of the first call at this shape, by launch

    def add(self, cell: Mapping[str, Any], launch: int) -> None:
        """Append the values of one process."""
        self.firsts.append(cell["first"] / 1e9)
        for block, rounds in enumerate(cell["blocks"]):
            self.seconds += [nanoseconds / 1e9 for nanoseconds, _ in rounds]
            self.cpu_seconds += [nanoseconds / 1e9 for _, nanoseconds in rounds]
            self.launches += [launch] * len(rounds)
            self.blocks += [block] * len(rounds)
            self.beside += [cell["beside"][block] / 1e9] * len(rounds) if cell["beside"] else []


class LatencyRun:
    """One interleaved measurement of several artifacts at several workloads.

    ``before_launch`` is called ahead of each launch.
    """

    def __init__(  # noqa: PLR0913 - by name
        self,
        artifacts: Iterable[TimedArtifact],
        schedule: Schedule,
        threads: int,
        *,
        journal: Journal | None = None,
        deadline: Deadline | None = None,
        before_launch: Callable[[], None] = lambda: None,
    ) -> None:
        self._artifacts = {one.name: one for one in artifacts}
        self._together = sorted(
            self._artifacts
        )  # part of the journal's keys: others beside them are another measurement
        self._neighbour = next((name for name, one in self._artifacts.items() if one.neighbour), None)
        self._schedule = schedule
        self._threads = threads
        self._journal = journal if journal is not None else Journal()
        self._deadline = deadline or Deadline()
        self._before_launch = before_launch
        self._random = random.Random(schedule.seed)  # noqa: S311 - an order of measurements, not a secret
        self._failed: dict[tuple[str, Workload | None], str] = {}  # None: not loaded, at all workloads
        self._series: dict[Row, _Series] = {}
        self._starts: dict[str, dict[int, Sequence[float]]] = {}  # seconds of _START, by launch
        self._left_out: set[str] = set()  # rows that had their launches
        self._spent = 0.0
        self._costs: dict[Workload, float] = {}  # seconds in the last launch
        self._start_cost = 0.0  # seconds to start and load all artifacts, in the last launch
        self._mirrored: dict[Workload | None, list[str]] = {}  # the next order of blocks, or of starts (None)

    def steps(self, batches: Mapping[Workload, Sequence[Batch]]) -> int:
        """How often ``advance`` will be called in the minimum number of launches."""
        launches = range(self._schedule.launches)
        return sum(self._launch_steps(self._of_launch(launch, batches)) for launch in launches)

    def _launch_steps(self, batches: Mapping[Workload, Sequence[Batch]]) -> int:
        return sum(max(self._schedule.blocks, len(one)) for one in batches.values())

    def measure(
        self,
        batches: Mapping[Workload, Sequence[Batch]],
        advance: Callable[[], None],
        more: Callable[[int], None] = lambda _: None,
    ) -> list[Measurement]:
        """Time all artifacts at all workloads; if a worker fails, its row has failed and the others go on.

        ``more`` gets the number of steps beyond those of ``steps``.
        """
        planned = self._schedule.launches
        for launch in range(planned):
            if launch >= _FEWEST and self._next_cost(batches) > self._deadline.left():
                planned = launch
                break
            self._halve(launch, next(iter(batches)))
            self._launch(launch, self._of_launch(launch, batches), advance, planned)
        launch, rows = planned, self._unsure()
        while rows and self._further_fits(launch):
            # With all artifacts: those compared with an unsure one must be timed beside it.
            timed = self._of_launch(launch, batches)
            unsure = {workload: batch for workload, batch in timed.items() if any(workload == at for _, at in rows)}
            if not unsure:
                break
            more(self._launch_steps(unsure))
            self._halve(launch, next(iter(batches)))
            self._launch(launch, unsure, advance)
            launch, rows = launch + 1, self._unsure()
        return [self._measurement(name, workload, rows) for workload in batches for name in self._artifacts]

    def _halve(self, launch: int, decides: Workload) -> None:
        """Before a launch: choose the rows that it leaves out, by their median so far at the workload that decides."""
        if launch >= _FEWEST:
            seconds = {
                name: median(one.seconds)
                for (name, at), one in self._series.items()
                if at == decides and name not in self._left_out
            }
            self._left_out = left_out(self._artifacts.values(), seconds, launch - _FEWEST + 1)

    def _of_launch(
        self, launch: int, batches: Mapping[Workload, Sequence[Batch]]
    ) -> Mapping[Workload, Sequence[Batch]]:
        later = self._schedule.later
        return batches if later is None or launch < later else dict([next(iter(batches.items()))])

    def _fits(self, workload: Workload, batches: Mapping[Workload, Sequence[Batch]], launch: int, planned: int) -> bool:
        """Whether a workload after the first likely ends before its share of the time that the first leaves, in all launches."""
        first = next(iter(batches))
        cost = self._costs.get(workload, self._costs[first] * _tokens(batches[workload]) / _tokens(batches[first]))
        later = planned if self._schedule.later is None else self._schedule.later
        spare = self._deadline.left() - (planned - launch - 1) * self._next_cost(batches)
        return cost <= spare / max(1, later - launch)

    def _next_cost(self, batches: Mapping[Workload, Sequence[Batch]]) -> float:
        """Seconds that a launch of the first workload alone likely takes."""
        return self._start_cost + self._costs[next(iter(batches))]

    def _further_fits(self, launches: int) -> bool:
        each = self._spent / launches
        return self._spent + each <= self._schedule.budget_s and each <= self._deadline.left()

    def cold_starts(self) -> list[Measurement]:
        """Seconds that each process took to load, and cold ones to read and to import as well; call after ``measure``."""
        found = []
        for name, starts in self._starts.items():
            for place, metric in enumerate(_START):
                known = {launch: one[::-1][place] for launch, one in starts.items() if place < len(one)}
                if known and (name, None) not in self._failed:
                    values, launches = tuple(known.values()), tuple(known)
                    found.append(Measurement(variant=name, metric=metric, values=values, launches=launches))
        return found

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
            if not self._artifacts[row[0]].control and row[0] not in self._left_out and not self._reason(*row)
        ]
        return self._schedule.unsure(known, self._schedule.target_width)

    def _launch(
        self,
        number: int,
        batches: Mapping[Workload, Sequence[Batch]],
        advance: Callable[[], None],
        planned: int | None = None,
    ) -> None:
        """Time all artifacts at these workloads, except what a killed run has measured.

        In one of ``planned`` launches, workloads after the first are left out where time would not last for the first.
        """
        start = time.perf_counter()
        rows = {(name, workload) for workload in batches for name in self._artifacts.keys() - self._left_out}
        self._take_over(number, rows)
        wanted = {row for row in rows if number not in self._launches_of(row)}
        self._before_launch()
        with Launch(number, self._schedule, self._threads) as launch:
            for name in self._next_order(None, list(self._artifacts)):
                if (name, None) not in self._failed and name in {wanted_name for wanted_name, _ in wanted}:
                    self._start(launch, number, self._artifacts[name])
            self._start_cost = time.perf_counter() - start
            for place, (workload, texts) in enumerate(batches.items()):
                began = time.perf_counter()
                if place and planned and not self._fits(workload, batches, number, planned):
                    continue
                feeds = {
                    name: one.feed[workload] if one.feed else texts
                    for name, one in self._artifacts.items()
                    if (name, workload) in wanted and not self._failed.keys() & {(name, None), (name, workload)}
                }
                self._measure_workload(launch, number, (workload, feeds), advance)
                self._costs[workload] = time.perf_counter() - began
        spent = time.perf_counter() - start
        key = ("launch", number, self._together, [asdict(workload) for workload in batches])
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

    def _start(self, launch: Launch, number: int, one: TimedArtifact) -> None:
        try:
            seconds = launch.start(one)
        except WorkerError as error:
            self._failed[one.name, None] = str(error)
            return
        if number not in self._starts.setdefault(one.name, {}):  # else reused from a killed run
            self._starts[one.name][number] = seconds
            self._journal.keep((self._start_key(one.name, number), seconds))

    def _measure_workload(
        self,
        launch: Launch,
        number: int,
        task: tuple[Workload, Mapping[str, Sequence[Batch]]],
        advance: Callable[[], None],
    ) -> None:
        """All blocks of one workload in one launch, which are saved together."""
        workload, feeds = task
        cells, failed = launch.measure(feeds, lambda: self._next_order(workload, list(feeds)), self._neighbour, advance)
        self._failed.update({(name, workload): reason for name, reason in failed.items()})
        for name, cell in cells.items():
            self._series.setdefault((name, workload), _Series()).add(cell, number)
        self._journal.keep(*((self._key((name, workload), number), cell) for name, cell in cells.items()))

    def _next_order(self, of: Workload | None, names: Sequence[str]) -> list[str]:
        """A random order, and at the next call its reverse, so that none comes first more often."""
        order = self._mirrored.pop(of, [])
        if set(order) != set(names):
            order = self._random.sample(names, len(names))
            self._mirrored[of] = order[::-1]
        return order

    def _reason(self, name: str, workload: Workload) -> str:
        """Why the row failed, or an empty string."""
        reason = self._failed.get((name, None)) or self._failed.get((name, workload))
        if not reason and (name, workload) not in self._series:
            reason = next((why for (failed, _), why in self._failed.items() if failed == name), None)
        return reason or ""

    def _measurement(self, name: str, workload: Workload, unsure: Iterable[Row]) -> Measurement:
        reason = self._reason(name, workload)
        missing = Measurement(variant=name, metric="latency", workload=workload)
        if not reason and (name, workload) not in self._series:
            return replace(missing, status="not_measured", reason=self._deadline.reason)
        if reason:
            return replace(missing, status="failed", reason=reason)
        series = self._series[name, workload]
        return Measurement(
            variant=name,
            metric="latency",
            values=tuple(series.seconds),
            cpu_seconds=tuple(series.cpu_seconds),
            beside=tuple(series.beside),
            workload=workload,
            launches=tuple(series.launches),
            blocks=tuple(series.blocks),
            stopped=self._stopped((name, workload), unsure),
        )

    def _stopped(self, row: Row, unsure: Iterable[Row]) -> Literal["", "precise", "budget", "slower"]:
        if self._artifacts[row[0]].control:
            return ""
        return "slower" if row[0] in self._left_out else "budget" if row in unsure else "precise"


def _tokens(batches: Sequence[Batch]) -> int:
    return sum(input_ids.size for input_ids, *_ in batches)
