"""The figures of a run by place, from which its tables are filled."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..analysis.figures import figures, latency_workload, memory_workload
from ..measure.accuracy import positive
from ..printable import printable
from ..runs.predictions import read_answers
from .cells import Table
from .notes import failures, gap_notes, marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..runs.measurement import Figure, Workload
    from ..runs.predictions import Answers
    from ..runs.store import Run, SetInfo
    from .cells import ByVariant, Content

_BINARY = 2


class RunFigures:
    """All figures of a run, by place; lookups return a function from a variant to its figure."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._found: dict[tuple[str, str, Workload | None, str | None, str | None], Figure] = {}
        self.add(figures(run))

    @cached_property
    def answers(self) -> dict[str, Answers]:
        """Saved predictions, by labelled set."""
        return {printable(name): of_set for name, of_set in read_answers(self.run).items()}

    @cached_property
    def positive_and_negative(self) -> tuple[str, str] | None:
        """Labels of a binary classifier; None for more classes."""
        labels = self.run.checkpoint.labels
        if len(labels) != _BINARY or self.run.checkpoint.task != "single-label":
            return None
        return labels[positive(labels)], labels[1 - positive(labels)]

    def of_each(self, look: Callable[[RunFigures], ByVariant]) -> ByVariant:
        """What ``look`` finds in this run, as ``PairFigures.of_each`` does in several."""
        return look(self)

    def add(self, found: Iterable[Figure]) -> None:
        """Add figures that only some tables show."""
        for figure in found:
            workload = None if figure.data else figure.workload  # a set is scored at one workload only
            self._found[figure.variant, figure.metric, workload, figure.data, figure.label] = figure

    def at(self, metric: str, workload: Workload | None = None, label: str | None = None) -> ByVariant:
        """A metric of no labelled set."""
        return lambda variant: self._found[variant, metric, workload, None, label]

    def at_batch(self, metric: str, batch_size: int, label: str | None = None) -> ByVariant:
        """A metric of a batch of ``batch_size`` texts of full length."""
        return self.at(metric, latency_workload(self.run, batch_size), label)

    def at_length(self, metric: str, sequence_length: int, label: str | None = None) -> ByVariant:
        """A metric of memory with texts of ``sequence_length`` tokens."""
        return self.at(metric, memory_workload(self.run, sequence_length), label)

    def of_set(self, metric: str, labelled: SetInfo, label: str | None = None) -> ByVariant:
        """A metric of a labelled set."""
        return lambda variant: self._found[variant, metric, None, labelled.name or None, label]

    def table(
        self, title: str, contents: Sequence[Content], notes: Sequence[str], variants: Sequence[str] = ()
    ) -> Table:
        """Fill a table; its notes are followed by the reasons for its empty cells. ``variants``: its rows; empty: all."""
        columns = tuple(column for column, _ in contents)
        names = variants or self.run.plan.variants
        rows = {variant: tuple(figure(variant) for _, figure in contents) for variant in names}
        return Table(
            title=title,
            columns=columns,
            rows=rows,
            notes=(*notes, *gap_notes(failures(self.run), columns, rows)),
            marks=marks(self.run),
        )
