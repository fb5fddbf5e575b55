"""The table with which an error analysis begins: how many texts were called wrong, which way, and how long they are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bench.analysis.misclassified.lengths import KINDS
from bench.measure.accuracy import positive
from bench.report.cells import Column
from bench.report.notes import cut_note
from bench.units import COUNT, SHARE, TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.report.cells import ByVariant, Content
    from bench.runs.measurement import Figure
    from bench.runs.store import Run


_BINARY = 2


def errors_contents(of_set: Callable[[str, str | None], ByVariant], labels: Sequence[str]) -> list[Content]:
    """From how many, by way of which, to how long; ``of_set`` finds a figure by metric and label."""
    count = partial(Column, scale=COUNT)
    length = partial(Column, scale=TOKENS, group="lengths")
    accuracy = of_set("accuracy", None)
    return [
        (count(head="texts", group="errors"), lambda variant: _texts(accuracy(variant))),
        (count(head="right", group="errors"), lambda variant: _right(accuracy(variant))),
        (count(head="wrong", group="errors"), lambda variant: _wrong(accuracy(variant))),
        (Column(head="accuracy", scale=SHARE, group="errors", interval=True), accuracy),
        *_directions(of_set, labels),
        *(
            (length(head=f"{way} length {kind}", short=f"{kind}\n{way}"), of_set(f"{kind}_tokens_{way}", None))
            for kind in KINDS
            for way in ("mean", "median")
        ),
    ]


def errors_notes(run: Run) -> list[str]:
    """What the columns mean."""
    labels = run.checkpoint.labels
    notes = ["accuracy: right / texts; ±: to the farther end of the 95 % interval"]
    if len(labels) == _BINARY:
        sought, other = labels[positive(labels)], labels[1 - positive(labels)]
        notes.append(f"false positives: {other} called {sought}; false negatives: {sought} called {other}")
    return [*notes, f"lengths: of the whole texts that were called right, and wrong; {cut_note(run)}"]


def _directions(of_set: Callable[[str, str | None], ByVariant], labels: Sequence[str]) -> list[Content]:
    """Of a binary classifier; of more classes, the directions are in the table of accuracy."""
    if len(labels) != _BINARY:
        return []
    sought, other = labels[positive(labels)], labels[1 - positive(labels)]
    count = partial(Column, scale=COUNT, group="errors")
    return [
        (count(head="false positives", short="false\npos."), of_set("confusion", f"{other} as {sought}")),
        (count(head="false negatives", short="false\nneg."), of_set("confusion", f"{sought} as {other}")),
    ]


def _texts(accuracy: Figure) -> Figure:
    return _counted(accuracy, "texts", accuracy.n)


def _right(accuracy: Figure) -> Figure:
    return _counted(accuracy, "right", round((accuracy.value or 0) * accuracy.n))


def _wrong(accuracy: Figure) -> Figure:
    return _counted(accuracy, "wrong", accuracy.n - round((accuracy.value or 0) * accuracy.n))


def _counted(accuracy: Figure, metric: str, count: int) -> Figure:
    derived = replace(accuracy, metric=metric, low=None, high=None)
    return derived if accuracy.value is None else replace(derived, value=float(count))
