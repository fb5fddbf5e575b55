"""The end of the time that a run may take after its exports."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """``seconds`` of a clock that starts at 0 (default: now), as that of a journal, which goes on where a killed run stopped.

    ``reserve``: seconds at the end that are for others.
    """

    def __init__(
        self, seconds: float = math.inf, elapsed: Callable[[], float] | None = None, reserve: float = 0.0
    ) -> None:
        start = time.monotonic()
        self.seconds = seconds
        self._reserve = reserve
        self._elapsed = elapsed or (lambda: time.monotonic() - start)

    def left(self) -> float:
        """Seconds until the deadline, 0.0 after it; infinite if there is none."""
        return max(0.0, self.seconds - self._reserve - self._elapsed())

    @property
    def reason(self) -> str:
        """Why a measurement is missing whose turn came after the deadline."""
        return f"time budget of {self.seconds:g} s used up"
