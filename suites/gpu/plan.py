"""What `test_training.py` measures, each cell in a new process, and the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...bench.machine.cpu import available_cores
from ...bench.worker.client import call_in_child
from ...exporters.device_speed.speed import measure
from ...exporters.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...exporters.device_speed.speed import Measured, Setting

NAME = "deploybench_gpu"  # of the plugin


class Plan:
    """A pytest plugin that the suite finds by its name; without it, the suite skips.

    Each cell has a new process, because a CUDA error breaks everything after it in a process, and device memory that one cell
    holds would be missing in the next.
    """

    __name__ = NAME

    def __init__(self, settings: Iterable[Setting], keep: Callable[[Plan], object] = lambda _: None) -> None:
        self.settings = tuple(settings)
        self._keep = keep  # called after each cell
        self.found: dict[Setting, Measured] = {}
        self.failed: dict[Setting, str] = {}  # the reason

    def measured(self, setting: Setting) -> Measured:
        """The result, measured at the first call; raises WorkerError at each call if that failed."""
        if setting not in self.found and setting not in self.failed:
            label = f"{setting.architecture} {setting.precision}"
            try:
                self.found[setting] = call_in_child(measure, setting, threads=available_cores(), label=label)
            except WorkerError as error:
                self.failed[setting] = str(error)
            self._keep(self)
        if setting in self.failed:
            raise WorkerError(self.failed[setting])
        return self.found[setting]
