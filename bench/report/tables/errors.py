"""Misclassified texts: how many, in which direction, and their lengths."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ...analysis.misclassified.lengths import KINDS, error_lengths
from ...units import COUNT, SHARE, TOKENS
from ..cells import Column
from ..notes import truncation_note

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...runs.measurement import Figure
    from ...runs.store import SetInfo
    from ..cells import ByVariant, Content, Table
    from ..run_figures import RunFigures

_count = partial(Column, scale=COUNT, group="errors")
_length = partial(Column, scale=TOKENS, group="lengths")


def build(cells: RunFigures) -> list[Table]:
    """One for each labelled set; none of scores, of which none is right or wrong."""
    if cells.run.checkpoint.task == "score":
        return []
    cells.add(error_lengths(cells.run, cells.answers))
    return [
        cells.table(f"Misclassified texts of {labelled.name}", _contents(cells, labelled), _notes(cells))
        for labelled in cells.run.sets
    ]


def _contents(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    accuracy = cells.of_set("accuracy", labelled)
    return [
        (_count(head="texts"), _counted(accuracy, "texts", lambda found: found.n)),
        (_count(head="right"), _counted(accuracy, "right", _right)),
        (_count(head="wrong"), _counted(accuracy, "wrong", lambda found: found.n - _right(found))),
        (Column(head="accuracy", scale=SHARE, group="errors", interval=True), accuracy),
        *_directions(cells, labelled),
        *(
            (
                _length(head=f"{way} length {kind}", short=f"{kind}\n{way}"),
                cells.of_set(f"{kind}_tokens_{way}", labelled),
            )
            for kind in KINDS
            for way in ("mean", "median")
        ),
    ]


def _directions(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    """Of a binary classifier; of more classes, the table of accuracy has the confusion counts."""
    if not cells.positive_and_negative:
        return []
    positive, negative = cells.positive_and_negative
    return [
        (
            _count(head="false positives", short="false\npos."),
            cells.of_set("confusion", labelled, f"{negative} as {positive}"),
        ),
        (
            _count(head="false negatives", short="false\nneg."),
            cells.of_set("confusion", labelled, f"{positive} as {negative}"),
        ),
    ]


def _counted(accuracy: ByVariant, metric: str, count: Callable[[Figure], int]) -> ByVariant:
    def figure(variant: str) -> Figure:
        found = accuracy(variant)
        derived = replace(found, metric=metric, low=None, high=None)
        return derived if found.value is None else replace(derived, value=float(count(found)))

    return figure


def _right(accuracy: Figure) -> int:
    return round((accuracy.value or 0) * accuracy.n)


def _notes(cells: RunFigures) -> list[str]:
    notes = ["accuracy: right / texts; ±: to the farther end of the 95 % interval"]
    if cells.positive_and_negative:
        positive, negative = cells.positive_and_negative
        notes.append(
            f"false positives: {negative} predicted as {positive}; false negatives: {positive} predicted as {negative}"
        )
    return [
        *notes,
        f"right and wrong lengths: of correctly and of misclassified texts, in full; {truncation_note(cells.run)}",
    ]
