"""Times at which requests of independent users arrive: a Poisson process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def arrivals(rate: float, count: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """``count`` times in seconds from 0, whose gaps are exponential with a mean of 1 / ``rate``."""
    return random.exponential(1 / rate, count).cumsum()
