"""Everything that a page is made from, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.figures import figures
from ...analysis.misclassified.analysis import Asked, find_errors
from ...analysis.selection import default_selection
from ...runs.predictions import read_answers
from ..tables import TABLES, build_tables
from .plot import looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...analysis.misclassified.analysis import SetErrors
    from ...analysis.selection import Selection
    from ...runs.measurement import Figure
    from ...runs.predictions import Answers
    from ...runs.store import Run
    from ...texts.data import LabelledSet
    from ..cells import Table
    from .plot import Look


_EXAMPLES = 3  # misclassified texts per direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A run with its analysis."""

    run: Run
    answers: dict[str, Answers]  # by labelled set, in the run's order
    selection: Selection
    figures: list[Figure]
    tables: dict[str, list[Table]]  # by key of TABLES
    looks: dict[str, Look]
    errors: tuple[SetErrors, ...]

    @property
    def best(self) -> str:
        """The variant to take; empty where there is none."""
        return self.selection.best.variant if self.selection.best else ""

    @property
    def leading(self) -> tuple[str, ...]:
        """Variants of plots without room for all: the reference, the one to take, and one that may be better."""
        names = [REFERENCE, self.best, *(one.variant for one in self.selection.possibly_better[:1])]
        return tuple(name for name in dict.fromkeys(names) if name in self.run.plan.variants)


def gather(run: Run, sets: Sequence[LabelledSet] = ()) -> Material:
    """Analyse a run; ``sets`` hold the texts that are shown.

    Raises RunFileError for a file of predictions that cannot be read, and UserError for texts that are not the run's.
    """
    answers = read_answers(run)
    asked = Asked(variant=None, by=None, examples=_EXAMPLES, seed=0)
    return Material(
        run=run,
        answers={labelled.name: answers[labelled.name] for labelled in run.sets if labelled.name in answers},
        selection=default_selection(run),
        figures=figures(run),
        tables=build_tables(run, TABLES),
        looks=looks(run.plan.variants),
        errors=tuple(find_errors(run, sets, asked)) if answers and run.checkpoint.task != "score" else (),
    )
