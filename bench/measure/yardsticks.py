"""The yardsticks of a run: speed of the machine, measured before, during and after the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from ...exporters.device_speed import yardsticks
from ...exporters.errors import WorkerError
from ..runs.measurement import Measurement
from ..runs.metrics import YARDSTICKS
from ..worker.client import Worker

if TYPE_CHECKING:
    from ..runs.journal import Journal
    from ..runs.store import Run

MACHINE = "machine"  # in place of a variant name


class Yardsticks:
    """A process that measures all yardsticks on demand; a context manager that ends it.

    Between readings it sleeps, and holds no operands. A yardstick that fails is recorded with its reason, and the run goes on.
    Readings of a killed run are reused from its journal.
    """

    def __init__(self, threads: int, journal: Journal) -> None:
        self._threads = threads
        self._journal = journal
        self._worker = Worker("yardsticks", threads)
        self._rates: dict[str, list[float]] = {metric: [] for metric in YARDSTICKS}
        self._failed: dict[str, str] = {}
        self._readings = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def read(self) -> None:
        """Add one reading of each yardstick; takes one to two seconds."""
        reading = self._journal.cell(("yardsticks", self._readings), self._read)
        self._readings += 1
        for metric, rate in reading.items():
            self._rates[metric].append(rate)

    def _read(self) -> dict[str, float]:
        """Those that have not failed, by metric."""
        rates = {}
        for metric in self._rates:
            if metric not in self._failed:
                name = metric.removeprefix("yardstick_")
                try:
                    rates[metric] = self._worker.call(yardsticks.rate, name, self._threads)
                except WorkerError as error:
                    self._failed[metric] = str(error)
        return rates

    def measurements(self) -> list[Measurement]:
        """All readings in order, numbered by ``launches``; or the reason why there are none."""
        return [self._measurement(metric) for metric in self._rates]

    def _measurement(self, metric: str) -> Measurement:
        rates = self._rates[metric]
        if not rates and metric in self._failed:
            return Measurement(variant=MACHINE, metric=metric, status="failed", reason=self._failed[metric])
        if not rates:
            return Measurement(variant=MACHINE, metric=metric, status="not_measured", reason="never read")
        return Measurement(variant=MACHINE, metric=metric, values=tuple(rates), launches=tuple(range(len(rates))))


def yardstick_readings(run: Run) -> dict[str, Measurement]:
    """Yardsticks of a saved run that have readings, by metric; empty for a run saved before yardsticks existed."""
    return {one.metric: one for one in run.measurements if one.variant == MACHINE and one.status == "ok" and one.values}
