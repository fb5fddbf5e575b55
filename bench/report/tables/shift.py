"""Accuracy shift: the labelled sets of a run side by side, and the change of accuracy between them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ...analysis.figures import figures
from ...analysis.misclassified.lengths import typical
from ...analysis.misclassified.shift import SHIFT, shift_figures
from ...units import DIFFERENCE, SHARE, counted
from ..cells import Column

if TYPE_CHECKING:
    from ...runs.store import SetInfo
    from ..cells import Content, Table
    from ..run_figures import RunFigures

_BINARY = 2


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run with fewer than two sets."""
    run = cells.run
    if len(run.sets) < 2 or run.checkpoint.task == "score":  # noqa: PLR2004 - a shift is between two
        return []
    cells.add(shift_figures(run, figures(run)))
    return [cells.table("Accuracy shift between labelled sets", _contents(cells), _notes(cells))]


def _contents(cells: RunFigures) -> list[Content]:
    """Accuracy on every set, then its change from the first set to each other one."""
    first, *others = cells.run.sets
    contents: list[Content] = []
    for one in cells.run.sets:
        head, short = f"accuracy {one.name}", f"acc.\n{one.name}"
        column = Column(head=head, short=short, scale=SHARE, group="accuracy", interval=True)
        contents.append((column, cells.of_set("accuracy", one)))
    for one in others:
        head, short = f"shift {one.name}", f"shift\n{one.name}"
        column = Column(head=head, short=short, scale=DIFFERENCE, group="shift", interval=True)
        contents.append((column, cells.of_set(SHIFT, one, first.name)))
    return contents


def _notes(cells: RunFigures) -> list[str]:
    sets = cells.run.sets
    return [
        f"shift: accuracy on a set minus accuracy on {sets[0].name}, the first set",
        "±: to the farther end of the 95 % interval; of a shift, Newcombe's interval for independent sets",
        *(note for pair in combinations(sets, 2) if (note := _common_texts(cells, *pair))),
        "the shift also contains whatever else the sets differ in:",
        *(f"{one.name}: {_composition(cells, one)}" for one in sets),
        *(["shifts between the other sets: see --format json"] if len(sets) > 2 else []),  # noqa: PLR2004 - two have one
    ]


def _common_texts(cells: RunFigures, before: SetInfo, after: SetInfo) -> str:
    """The interval does not hold for sets that share texts."""
    if before.name not in cells.answers or after.name not in cells.answers:
        return ""
    common = len(np.intersect1d(cells.answers[before.name].rows, cells.answers[after.name].rows))
    if not common:
        return ""
    return f"{counted(common, 'text')} of {before.name} in {after.name}, too: the interval of their shift does not hold"


def _composition(cells: RunFigures, labelled: SetInfo) -> str:
    """Number of texts, share of a class, median length."""
    labels, classes = cells.run.checkpoint.labels, ""
    if len(labels) == len(labelled.counts) == _BINARY and labelled.rows:
        classes = f", {100 * labelled.counts[1] / labelled.rows:.0f} % {labels[1]}"
    answers = cells.answers.get(labelled.name)
    known = typical(answers.tokens) if answers is not None and answers.tokens is not None else None
    length = f"median of {known.median:g} tokens" if known else "lengths were not saved"
    return f"{counted(labelled.rows, 'text')}{classes}, {length}"
