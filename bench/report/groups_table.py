"""The table of accuracy by groups of texts that every run knows: by length and by class."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis.misclassified.groups import by_group
from bench.analysis.misclassified.lengths import LENGTHS, length_bins
from bench.report.cells import Column
from bench.report.lengths import by_set_and_variant, cut_note
from bench.units import SHARE, format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.report.cells import ByVariant, Content
    from bench.runs.measurement import Figure
    from bench.runs.predictions import Answers
    from bench.runs.store import Run, SetInfo


LENGTH_ACCURACY = "length_accuracy"


def length_figures(run: Run, answers: Mapping[str, Answers]) -> list[Figure]:
    """Accuracy by length, by labelled set and variant, in the order of the plan."""
    return by_set_and_variant(run, answers, _figures)


def groups_contents(of_set: Callable[[str, str | None], ByVariant], run: Run, answers: Answers | None) -> list[Content]:
    """By length, shortest first, then by class; ``of_set`` finds a figure by metric and label."""
    share = partial(Column, scale=SHARE, interval=True)
    return [
        *(
            (share(head=head, short=head.replace(" ", "\n"), group="length"), of_set(LENGTH_ACCURACY, label))
            for label, head in ((label, label or "by length") for label in _lengths(answers))
        ),
        *((share(head=f"class {label}", group="class"), of_set("recall", label)) for label in run.checkpoint.labels),
    ]


def groups_notes(run: Run, labelled: SetInfo, answers: Answers | None) -> list[str]:
    """How many texts are behind each column."""
    classes = dict(zip(run.checkpoint.labels, labelled.counts, strict=False))  # as the file says, and nobody checked
    notes = ["accuracy of the texts of each group; ±: to the farther end of the 95 % interval", _texts(classes)]
    if answers is None or answers.tokens is None:
        return notes
    counts = np.bincount(length_bins(answers.tokens), minlength=len(LENGTHS)).tolist()
    by_length = {_label(index): count for index, count in enumerate(counts) if count}
    return [*notes, _texts(by_length), f"length: of the whole text; {cut_note(run)}"]


def _texts(counts: Mapping[str, int]) -> str:
    return f"texts: {', '.join(f'{name} {format_count(count)}' for name, count in counts.items())}"


def _label(index: int) -> str:
    return f"{LENGTHS[index]} tokens"


def _lengths(answers: Answers | None) -> list[str | None]:
    """Labels of the lengths that some text has; None alone where lengths are not known."""
    if answers is None or answers.tokens is None:
        return [None]
    return [_label(index) for index in np.unique(length_bins(answers.tokens))]


def _figures(blank: Figure, answers: Answers | None) -> list[Figure]:
    labels = _lengths(answers)
    if answers is None or answers.tokens is None or blank.variant not in answers.logits:
        return [replace(blank, label=label) for label in labels]
    right = answers.logits[blank.variant].argmax(axis=1) == answers.labels
    found, member = np.unique(length_bins(answers.tokens), return_inverse=True)
    groups = by_group(member, right, len(found))
    measured = replace(blank, status="ok", reason="")
    return [
        replace(
            measured, label=label, value=group.accuracy, n=group.texts, low=group.interval[0], high=group.interval[1]
        )
        for label, group in zip(labels, groups, strict=True)
    ]
