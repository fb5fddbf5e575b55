"""The figures of several runs by pair of model and variant, from which tables over models are filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..analysis.models.pairs import of_pair
from .run_figures import RunFigures

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runs.measurement import Figure
    from ..runs.store import Run
    from .cells import ByVariant


class PairFigures:
    """All figures of several runs; lookups return a function from a pair to its figure."""

    def __init__(self, runs: tuple[Run, ...]) -> None:
        self.runs = runs
        self._cells = {run.checkpoint.name: RunFigures(run) for run in runs}

    def of_each(self, look: Callable[[RunFigures], ByVariant]) -> ByVariant:
        """What ``look`` finds in the run of a pair, for its variant."""
        found = {model: look(cells) for model, cells in self._cells.items()}

        def figure(pair: str) -> Figure:
            run, variant = of_pair(self.runs, pair)
            return found[run.checkpoint.name](variant)

        return figure
