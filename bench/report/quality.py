"""The metrics that say how good answers are, by task, and how they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..analysis.answer_figures import answers_of_sets
from ..analysis.resampled import OF_LABELS, OF_QUERIES, OF_SCORES
from ..printable import printable

if TYPE_CHECKING:
    from ..analysis.selection import Selection
    from ..runs.store import Run, SetInfo

NAMES = {
    "accuracy": "subset accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "absolute_error": "MAE",
    "ndcg": "NDCG@10",
    "reciprocal_rank": "MRR",
}


def title(run: Run) -> str:
    """Of a table, a section or a column."""
    return {"single-label": "Accuracy", "multi-label": "Accuracy and F1", "score": "Scores"}[run.checkpoint.task]


def quality_metrics(run: Run, labelled: SetInfo) -> tuple[str, ...]:
    """Of multi-label answers and of scores, in the order of tables; of scores the one that decides comes first."""
    if run.checkpoint.task == "multi-label":
        return ("accuracy", *OF_LABELS)
    answers = answers_of_sets(run).get(printable(labelled.name))
    return (*(OF_QUERIES if answers and answers.queries is not None else ()), *OF_SCORES)


def head_metric(run: Run, labelled: SetInfo) -> tuple[str, str]:
    """The metric that stands first, and its name: accuracy, macro F1, or Spearman's correlation or NDCG."""
    if run.checkpoint.task == "single-label":
        return "accuracy", "accuracy"
    metric = "macro_f1" if run.checkpoint.task == "multi-label" else quality_metrics(run, labelled)[0]
    return metric, NAMES[metric]


def loss_of(selection: Selection) -> str:
    """What a limit of loss is of, in a sentence."""
    metrics = (one.drop.metric for one in selection.candidates if one.drop)
    return loss_name(next(metrics, "accuracy"))


def loss_name(metric: str) -> str:
    """That of a metric: ``Drop.metric``."""
    return "accuracy" if metric == "accuracy" else NAMES[metric]
