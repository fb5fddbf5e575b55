"""The table of accuracy by groups of texts that every run knows: by length and by class."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench.analysis.misclassified.lengths import LENGTH_ACCURACY, length_labels, texts_by_length
from bench.report.cells import Column
from bench.report.notes import cut_note
from bench.units import SHARE, format_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.report.cells import ByVariant, Content
    from bench.runs.predictions import Answers
    from bench.runs.store import Run, SetInfo


def groups_contents(of_set: Callable[[str, str | None], ByVariant], run: Run, answers: Answers | None) -> list[Content]:
    """By length, shortest first, then by class; ``of_set`` finds a figure by metric and label."""
    share = partial(Column, scale=SHARE, interval=True)
    return [
        *(
            (share(head=head, short=head.replace(" ", "\n"), group="length"), of_set(LENGTH_ACCURACY, label))
            for label, head in ((label, label or "by length") for label in length_labels(answers))
        ),
        *((share(head=f"class {label}", group="class"), of_set("recall", label)) for label in run.checkpoint.labels),
    ]


def groups_notes(run: Run, labelled: SetInfo, answers: Answers | None) -> list[str]:
    """How many texts are behind each column."""
    classes = dict(zip(run.checkpoint.labels, labelled.counts, strict=False))  # as the file says, and nobody checked
    notes = ["accuracy of the texts of each group; ±: to the farther end of the 95 % interval", _texts(classes)]
    if answers is None or answers.tokens is None:
        return notes
    return [*notes, _texts(texts_by_length(answers.tokens)), f"length: of the whole text; {cut_note(run)}"]


def _texts(counts: Mapping[str, int]) -> str:
    return f"texts: {', '.join(f'{name} {format_count(count)}' for name, count in counts.items())}"
