"""Accuracy by groups of texts that every run knows: by length and by class."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ...analysis.misclassified.lengths import LENGTH_ACCURACY, length_accuracies, length_labels, texts_by_length
from ...units import SHARE, format_count
from ..cells import Column
from ..notes import truncation_note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...runs.store import SetInfo
    from ..cells import Content, Table
    from ..run_figures import RunFigures

_share = partial(Column, scale=SHARE, interval=True)


def build(cells: RunFigures) -> list[Table]:
    """One for each labelled set; none of scores, of which none is right or wrong."""
    if cells.run.checkpoint.task == "score":
        return []
    cells.add(length_accuracies(cells.run, cells.answers))
    return [
        cells.table(f"Accuracy by group of {labelled.name}", _contents(cells, labelled), _notes(cells, labelled))
        for labelled in cells.run.sets
    ]


def _contents(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    lengths = {label: label or "by length" for label in length_labels(cells.answers.get(labelled.name))}
    return [
        *(
            (
                _share(head=head, short=head.replace(" ", "\n"), group="length"),
                cells.of_set(LENGTH_ACCURACY, labelled, label),
            )
            for label, head in lengths.items()
        ),
        *(
            (_share(head=f"{_kind(cells)} {label}", group="class"), cells.of_set("recall", labelled, label))
            for label in cells.run.checkpoint.labels
        ),
    ]


def _kind(cells: RunFigures) -> str:
    """Of several labels each is recalled in the texts that have it."""
    return "class" if cells.run.checkpoint.task == "single-label" else "recall"


def _notes(cells: RunFigures, labelled: SetInfo) -> list[str]:
    answers = cells.answers.get(labelled.name)
    classes = dict(zip(cells.run.checkpoint.labels, labelled.counts, strict=False))  # counts are unchecked input
    notes = ["accuracy of the texts of each group; ±: to the farther end of the 95 % interval", _texts(classes)]
    if answers is None or answers.tokens is None:
        return notes
    return [*notes, _texts(texts_by_length(answers.tokens)), f"length: of the full text; {truncation_note(cells.run)}"]


def _texts(counts: Mapping[str, int]) -> str:
    return f"texts: {', '.join(f'{name} {format_count(count)}' for name, count in counts.items())}"
