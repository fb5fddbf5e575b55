"""The tables of accuracy: what each variant gets right on each labelled set, and which way it goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.measure.accuracy import positive
from bench.report.cells import Column
from bench.units import COUNT, MILLISECONDS, SECONDS, SHARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.report.cells import Content, Table
    from bench.report.run_figures import RunFigures
    from bench.runs.store import SetInfo

_BINARY = 2
_MAX_CONFUSION_LABELS = 4  # of more, the counts are in the tidy JSON only: their columns are the labels squared


def accuracy_tables(cells: RunFigures) -> list[Table]:
    """One for each labelled set."""
    return [_accuracy_on(cells, labelled) for labelled in cells.run.sets]


def _accuracy_on(cells: RunFigures, labelled: SetInfo) -> Table:
    labels = cells.run.checkpoint.labels
    overall = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "F1": "f1"}
    seconds = Column(head="scoring time", short="scoring", scale=SECONDS, group="errors")
    per_text = Column(head="time per text", short="per text", scale=MILLISECONDS, group="errors")
    contents = [
        *((_share(head, "overall"), cells.of_set(metric, labelled)) for head, metric in overall.items()),
        *_error_rates(cells, labelled),
        (seconds, cells.of_set("scoring_time", labelled)),
        (per_text, cells.of_set("scoring_time_per_sample", labelled)),
    ]
    if len(labels) <= _MAX_CONFUSION_LABELS:
        contents += _confusion(cells, labelled)
    return cells.table(f"Accuracy on {labelled.name}", contents, _accuracy_notes(labels))


def _error_rates(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    """Show the two error rates of a binary classifier; of more classes, the recall of each."""
    labels = cells.run.checkpoint.labels
    if len(labels) == _BINARY:
        rates = {"FPR": "false_positive_rate", "FNR": "false_negative_rate"}
        return [(_share(head, "errors"), cells.of_set(metric, labelled)) for head, metric in rates.items()]
    return [(_share(f"recall {label}", "errors"), cells.of_set("recall", labelled, label)) for label in labels]


def _confusion(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    labels = cells.run.checkpoint.labels
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


def _accuracy_notes(labels: Sequence[str]) -> list[str]:
    averages = "precision, recall, F1: averages of classes, weighted by examples"
    notes = [f"{averages}; ±: to the farther end of the 95 % interval"]
    if len(labels) == _BINARY:
        sought, other = labels[positive(labels)], labels[1 - positive(labels)]
        notes.append(f"FPR: share of {other} called {sought}; FNR: share of {sought} called {other}")
    if len(labels) > _MAX_CONFUSION_LABELS:
        notes.append("confusion counts: in the json format")
    return notes
