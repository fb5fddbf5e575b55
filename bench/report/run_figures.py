"""The figures of a run by place, from which its tables are filled."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bench.analysis.figures import figures
from bench.printable import printable
from bench.report.cells import Table
from bench.report.notes import gap_notes
from bench.runs.predictions import read_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.report.cells import ByVariant, Content
    from bench.runs.measurement import Figure, Workload
    from bench.runs.predictions import Answers
    from bench.runs.store import Run, SetInfo


class RunFigures:
    """All figures of a run, by place."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._found: dict[tuple[str, str, Workload | None, str | None, str | None], Figure] = {}
        self.add(figures(run))

    @cached_property
    def answers(self) -> dict[str, Answers]:
        """What was kept of every example, by labelled set."""
        return {printable(name): of_set for name, of_set in read_answers(self.run).items()}

    def add(self, found: Iterable[Figure]) -> None:
        """Take in figures that only some tables show."""
        for figure in found:
            workload = None if figure.data else figure.workload  # a set is scored at one workload only
            self._found[figure.variant, figure.metric, workload, figure.data, figure.label] = figure

    def at(self, metric: str, workload: Workload | None = None, label: str | None = None) -> ByVariant:
        """Look up a figure that is about no labelled set, by variant."""
        return lambda variant: self._found[variant, metric, workload, None, label]

    def of_set(self, metric: str, labelled: SetInfo, label: str | None = None) -> ByVariant:
        """Look up a figure of a labelled set, by variant."""
        return lambda variant: self._found[variant, metric, None, labelled.name or None, label]

    def table(self, title: str, contents: Sequence[Content], notes: Sequence[str]) -> Table:
        """Fill a table; its notes are followed by the reasons for its empty cells."""
        columns = tuple(column for column, _ in contents)
        rows = {variant: tuple(figure(variant) for _, figure in contents) for variant in self.run.plan.variants}
        return Table(
            title=title,
            columns=columns,
            rows=rows,
            deprecated=frozenset(name for name, info in self.run.variants.items() if info.deprecated),
            notes=(*notes, *gap_notes(self.run, columns, rows)),
        )
