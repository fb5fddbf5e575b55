"""The table that shows the labelled sets of a run side by side, and how far accuracy on them is apart."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis.misclassified.lengths import typical
from bench.analysis.misclassified.shift import SHIFT
from bench.report.cells import Column
from bench.units import DIFFERENCE, SHARE, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.report.cells import ByVariant, Content
    from bench.runs.predictions import Answers
    from bench.runs.store import Run, SetInfo


_BINARY = 2


def shift_contents(sets: Sequence[SetInfo], of_set: Callable[[str, SetInfo, str | None], ByVariant]) -> list[Content]:
    """Accuracy on every set, then what it changes by from the first one; ``of_set`` finds a figure by metric, set and label."""
    first, *others = sets
    accuracies = [
        Column(head=f"accuracy {one.name}", short=f"acc.\n{one.name}", scale=SHARE, group="accuracy", interval=True)
        for one in sets
    ]
    shifts = [
        Column(head=f"shift {one.name}", short=f"shift\n{one.name}", scale=DIFFERENCE, group="shift", interval=True)
        for one in others
    ]
    return [
        *((column, of_set("accuracy", one, None)) for column, one in zip(accuracies, sets, strict=True)),
        *((column, of_set(SHIFT, one, first.name)) for column, one in zip(shifts, others, strict=True)),
    ]


def shift_notes(run: Run, answers: Mapping[str, Answers]) -> list[str]:
    """What a shift is, and what else the sets differ by."""
    first, *others = run.sets
    notes = [
        f"shift: accuracy on a set less that on {first.name}, the first set; below 0 it drops",
        "±: to the farther end of the 95 % interval; of a shift Newcombe's, for sets of different texts",
        *(_common(before, after, answers) for before, after in combinations(run.sets, 2)),
        "sets may differ in more than their domain, and that is in the shift as well:",
        *(f"{one.name}: {_made_of(run, one, answers.get(one.name))}" for one in run.sets),
    ]
    if len(others) > 1:
        notes.append("shifts between the other sets: in the json format")
    return [note for note in notes if note]


def _common(before: SetInfo, after: SetInfo, answers: Mapping[str, Answers]) -> str:
    """Texts of two sets that are not two sets: the interval takes them for others."""
    if before.name not in answers or after.name not in answers:
        return ""
    common = len(np.intersect1d(answers[before.name].rows, answers[after.name].rows))
    return f"{counted(common, 'text')} of {before.name} in {after.name}, too: read no interval" if common else ""


def _made_of(run: Run, labelled: SetInfo, answers: Answers | None) -> str:
    """How many texts, how many of each class, how long."""
    labels, classes = run.checkpoint.labels, ""
    if len(labels) == len(labelled.counts) == _BINARY and labelled.rows:
        classes = f", {100 * labelled.counts[1] / labelled.rows:.0f} % {labels[1]}"
    known = typical(answers.tokens) if answers is not None and answers.tokens is not None else None
    length = f"median of {known.median:g} tokens" if known else "lengths were not kept"
    return f"{counted(labelled.rows, 'text')}{classes}, {length}"
