"""Accuracy, precision, recall, F1, error rates and confusion counts on each labelled set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...units import COUNT, MILLISECONDS, SECONDS, SHARE
from ..cells import Column

if TYPE_CHECKING:
    from ...runs.store import SetInfo
    from ..cells import Content, Table
    from ..run_figures import RunFigures

_MAX_CONFUSION_LABELS = 4  # of more, the counts are in the JSON only: their columns are the labels squared
_SCORES = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "F1": "f1"}
_RATES = {"FPR": "false_positive_rate", "FNR": "false_negative_rate"}


def build(cells: RunFigures) -> list[Table]:
    """One for each labelled set."""
    return [
        cells.table(f"Accuracy on {labelled.name}", _contents(cells, labelled), _notes(cells))
        for labelled in cells.run.sets
    ]


def _contents(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    seconds = Column(head="scoring time", short="scoring", scale=SECONDS, group="errors")
    per_text = Column(head="time per text", short="per text", scale=MILLISECONDS, group="errors")
    return [
        *((_share(head, "overall"), cells.of_set(metric, labelled)) for head, metric in _SCORES.items()),
        *_error_rates(cells, labelled),
        (seconds, cells.of_set("scoring_time", labelled)),
        (per_text, cells.of_set("scoring_time_per_sample", labelled)),
        *_confusion(cells, labelled),
    ]


def _error_rates(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    """The two error rates of a binary classifier; of more classes, the recall of each."""
    if cells.positive_and_negative:
        return [(_share(head, "errors"), cells.of_set(metric, labelled)) for head, metric in _RATES.items()]
    labels = cells.run.checkpoint.labels
    return [(_share(f"recall {label}", "errors"), cells.of_set("recall", labelled, label)) for label in labels]


def _confusion(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    labels = cells.run.checkpoint.labels
    if len(labels) > _MAX_CONFUSION_LABELS:
        return []
    return [
        (
            Column(head=f"{actual} as {predicted}", short=f"{actual} as\n{predicted}", scale=COUNT, group="confusion"),
            cells.of_set("confusion", labelled, f"{actual} as {predicted}"),
        )
        for actual in labels
        for predicted in labels
    ]


def _share(head: str, group: str) -> Column:
    return Column(head=head, scale=SHARE, group=group, interval=True)


def _notes(cells: RunFigures) -> list[str]:
    notes = ["precision, recall, F1: weighted averages over classes; ±: to the farther end of the 95 % interval"]
    if cells.positive_and_negative:
        positive, negative = cells.positive_and_negative
        notes.append(
            f"FPR: share of {negative} predicted as {positive}; FNR: share of {positive} predicted as {negative}"
        )
    if len(cells.run.checkpoint.labels) > _MAX_CONFUSION_LABELS:
        notes.append("confusion counts: see --format json")
    return notes
