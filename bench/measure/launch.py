"""One launch: fresh processes that take turns on the same batch, a slice of time each, with a control before and after.

A slice is tens of milliseconds, or one call. What slows the machine for longer slows the slices on both sides of it as well.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from ...exporters.errors import WorkerError
from ..machine.cores import shared_cores
from ..worker.client import Worker, template_modules
from ..worker.interpreter import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ...exporters.variant import Batch
    from .schedule import Schedule, TimedArtifact

_SLOW_S = 0.1  # a round this long warms the caches itself: it needs no untimed round
_CONTROL_ROUNDS = 2

Cell: TypeAlias = dict[str, Any]
"""Of one row: ``first`` (ns), ``blocks`` (a list of rounds per block: ns, and ns of CPU time), ``beside`` (ns per block)."""

_Rows: TypeAlias = "tuple[Mapping[str, Sequence[Batch]], dict[str, Cell], dict[str, str]]"  # feeds, cells, reasons


class Launch:
    """The processes of one launch; a context manager that ends them."""

    def __init__(self, number: int, schedule: Schedule, threads: int) -> None:
        self._number = number
        self._schedule = schedule
        self._threads = threads
        self._cores = shared_cores(threads, number)
        self._workers: dict[str, Worker] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def cold(self) -> bool:
        """Whether its processes import their runtimes themselves, instead of being forked from one that has."""
        return self._number < self._schedule.cold

    def start(self, one: TimedArtifact) -> tuple[float, ...]:
        """Start and load an artifact; seconds to import, read and load, or to load alone unless ``cold``."""
        variant = one.variant or one.name
        modules = () if self.cold or one.interpreter != OURS else template_modules(variant)
        worker = self._stack.enter_context(
            Worker(
                f"{one.name}, launch {self._number}",
                self._threads,
                interpreter=one.interpreter,
                forked=bool(modules),
                modules=modules,
            )
        )
        worker.ask("set_affinity", self._cores)
        seconds = worker.start(variant, one.artifact, self._threads)
        worker.pause()
        self._workers[one.name] = worker
        return seconds if not modules else seconds[-1:]

    def measure(
        self,
        feeds: Mapping[str, Sequence[Batch]],
        order: Callable[[], Iterable[str]],
        control: str | None,
        advance: Callable[[], None],
    ) -> tuple[dict[str, Cell], dict[str, str]]:
        """Time the rows in ``feeds``, which has the batches of each; cells, and the reasons of rows that failed.

        In each block every row times the same one of its batches, in the order that ``order`` then returns.
        """
        cells: dict[str, Cell] = {}
        failed: dict[str, str] = {}
        for name in feeds.keys() & self._workers.keys():
            with self._failure(name, cells, failed):
                cells[name] = {"first": self._ask(name, "warm_up", feeds[name]), "blocks": [], "beside": []}
        count = max(map(len, feeds.values()), default=1)
        for block in range(max(self._schedule.blocks, count)):
            names = list(order())
            if block < count or not self._enough(cells):
                self._block(block, [name for name in names if name in cells], control, (feeds, cells, failed))
            advance()
        return cells, failed

    def _block(self, block: int, names: Iterable[str], control: str | None, rows: _Rows) -> None:
        """A slice of each row, with one of the control before and after."""
        feeds, cells, failed = rows
        if control in cells:
            cells[control]["blocks"].append([])
        before = self._control(control, rows)
        for name in names:
            if name == control:
                continue
            with self._failure(name, cells, failed):
                cells[name]["blocks"].append(self._slice(name, cells[name], block % len(feeds[name])))
                after = self._control(control, rows)
                cells[name]["beside"].append((before + after) / 2)
                before = after

    @contextmanager
    def _failure(self, name: str, cells: dict[str, Cell], failed: dict[str, str]) -> Iterator[None]:
        """A row that fails has its reason, and no cell; the others go on."""
        try:
            yield
        except WorkerError as error:
            failed[name] = str(error)
            cells.pop(name, None)
            if not self._workers[name].alive:
                del self._workers[name]  # the next launch starts another

    def _ask(self, name: str, command: str, *arguments: Any) -> Any:
        worker = self._workers[name]
        worker.resume()
        answer = worker.ask(command, *arguments)
        worker.pause()
        return answer

    def _slice(self, name: str, cell: Cell, place: int) -> list[tuple[int, int]]:
        blocks = cell["blocks"]
        slow = (blocks[-1][-1][0] if blocks else cell["first"]) > _SLOW_S * 1e9
        schedule = self._schedule
        rounds: list[tuple[int, int]] = self._ask(
            name, "time", schedule.rounds, None if slow else schedule.warm_up_s, place, schedule.block_s
        )
        return rounds

    def _control(self, name: str | None, rows: _Rows) -> float:
        """Nanoseconds of a slice of the control; 0 without one, or if it failed."""
        _, cells, failed = rows
        if name is None or name not in cells:
            return 0.0
        with self._failure(name, cells, failed):
            rounds: list[tuple[int, int]] = self._ask(name, "time", _CONTROL_ROUNDS, 0.0)
            cells[name]["blocks"][-1] += rounds
            return median(wall for wall, _ in rounds)
        return 0.0

    def _enough(self, cells: Mapping[str, Cell]) -> bool:
        """Whether enough time was sampled."""
        timed = sum(wall for cell in cells.values() for rounds in cell["blocks"] for wall, _ in rounds)
        return timed >= self._schedule.enough_s * 1e9 * len(cells)
