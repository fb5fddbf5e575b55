"""How right the answers are on each labelled set: accuracy and confusion, F1 of labels, or how scores follow their labels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ...units import COUNT, MILLISECONDS, SECONDS, SHARE
from ..cells import Column
from ..quality import NAMES, quality_metrics, title

if TYPE_CHECKING:
    from ...runs.store import SetInfo
    from ..cells import Content, Table
    from ..run_figures import RunFigures

_MAX_CONFUSION_LABELS = 4  # of more, the counts are in the JSON only: their columns are the labels squared
_SCORES = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "F1": "f1"}
_RATES = {"FPR": "false_positive_rate", "FNR": "false_negative_rate"}
_share = partial(Column, scale=SHARE, interval=True)


def build(cells: RunFigures) -> list[Table]:
    """One for each labelled set."""
    single = cells.run.checkpoint.task == "single-label"
    return [
        cells.table(
            f"{title(cells.run)} on {labelled.name}",
            [
                *(_classes if single else _answers)(cells, labelled),
                *_times(cells, labelled),
                *_confusion(cells, labelled),
            ],
            _notes(cells) if single else _answer_notes(cells, labelled),
        )
        for labelled in cells.run.sets
    ]


def _classes(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    found = [(_share(head=head, group="overall"), cells.of_set(metric, labelled)) for head, metric in _SCORES.items()]
    return [*found, *_error_rates(cells, labelled)]


def _answers(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    """Of scores, or of several labels, then the F1 of each label."""
    overall = [
        (_share(head=NAMES[metric], group="overall"), cells.of_set(metric, labelled))
        for metric in quality_metrics(cells.run, labelled)
    ]
    labels = cells.run.checkpoint.labels if cells.run.checkpoint.task == "multi-label" else ()
    return [
        *overall,
        *((_share(head=f"F1 {label}", group="labels"), cells.of_set("f1", labelled, label)) for label in labels),
    ]


def _times(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    seconds = Column(head="scoring time", short="scoring", scale=SECONDS, group="errors")
    per_text = Column(head="time per text", short="per text", scale=MILLISECONDS, group="errors")
    return [
        (seconds, cells.of_set("scoring_time", labelled)),
        (per_text, cells.of_set("scoring_time_per_sample", labelled)),
    ]


def _error_rates(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    """The two error rates of a binary classifier; of more classes, the recall of each."""
    if cells.positive_and_negative:
        return [(_share(head=head, group="errors"), cells.of_set(metric, labelled)) for head, metric in _RATES.items()]
    labels = cells.run.checkpoint.labels
    return [
        (_share(head=f"recall {label}", group="errors"), cells.of_set("recall", labelled, label)) for label in labels
    ]


def _confusion(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    labels = cells.run.checkpoint.labels
    if len(labels) > _MAX_CONFUSION_LABELS or cells.run.checkpoint.task != "single-label":
        return []
    return [
        (
            Column(head=f"{actual} as {predicted}", short=f"{actual} as\n{predicted}", scale=COUNT, group="confusion"),
            cells.of_set("confusion", labelled, f"{actual} as {predicted}"),
        )
        for actual in labels
        for predicted in labels
    ]


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


def _answer_notes(cells: RunFigures, labelled: SetInfo) -> list[str]:
    ends = "±: to the farther end of the 95 % interval, by resampling texts"
    if cells.run.checkpoint.task == "multi-label":
        means = "macro F1: mean over labels; micro F1: of all labels together"
        return [
            f"subset accuracy: share of texts with exactly their labels; {means}; {ends}",
            "precision and recall of each label: see --format json",
        ]
    ranked = "ndcg" in quality_metrics(cells.run, labelled)
    queries = "; NDCG@10 and MRR: means over queries, which are resampled as a whole" * ranked
    return [f"Spearman: rank correlation with the labels; MAE: mean absolute error, in their units{queries}; {ends}"]
