"""Figures of multi-label answers and of scores on labelled sets, from the saved predictions, with their intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...exporters.variant import REFERENCE
from ..measure.label_sets import Counts
from ..printable import printable
from ..runs.predictions import read_answers
from ..runs.store import once_a_run
from ..statistics import Estimate, bootstrapped, mcnemar, resampled_examples, wilson_interval
from .resampled import OF_LABELS, OF_QUERIES, OF_SCORES, samples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..measure.scores import Numbers
    from ..runs.measurement import Figure
    from ..runs.predictions import Answers
    from ..runs.store import Run, SetInfo

PER_LABEL = ("precision", "recall", "f1")
_NO_LABEL = {"precision": "is given to no text", "recall": "no text has it", "f1": "no text has it or is given it"}
_LOST = "no answers were kept"


@once_a_run
def answers_of_sets(run: Run) -> dict[str, Answers]:
    """Saved predictions by labelled set, under its printable name."""
    return {printable(name): one for name, one in read_answers(run).items()}


def answer_figures(run: Run, labelled: SetInfo, blank: Figure) -> list[Figure]:
    """What a variant's answers on a set are worth, in a fixed order; ``blank`` is without a value, and its reason says why.

    Of several labels: F1 over all labels, then precision, recall and F1 of each. Of scores: correlations and error, and where
    examples answer queries the ranking within them.
    """
    answers = answers_of_sets(run).get(printable(labelled.name))
    ranked = answers is not None and answers.queries is not None
    metrics = OF_LABELS if run.checkpoint.task == "multi-label" else (*OF_SCORES, *(OF_QUERIES if ranked else ()))
    overall = [blank.of_metric(metric) for metric in metrics]
    each = [
        replace(blank.of_metric(metric), label=label)
        for label in (run.checkpoint.labels if metrics == OF_LABELS else ())
        for metric in PER_LABEL
    ]
    if blank.status == "failed" or answers is None or blank.variant not in answers.logits:
        why = blank.reason or _LOST
        return [figure.empty(why, blank.status) for figure in (*overall, *each)]
    found, examples = samples(answers, blank.variant), int(answers.known.sum())
    filled_overall = [filled(figure, bootstrapped(found[figure.metric]), examples) for figure in overall]
    return [*filled_overall, *(_of_each_label(answers, blank.variant, each) if each else ())]


def filled(blank: Figure, estimate: Estimate | None, examples: int, undefined: str = "undefined") -> Figure:
    """The figure with its value, or why there is none."""
    if estimate is None:
        return blank.empty(undefined)
    low, high = (estimate.low, estimate.high) if estimate.low < estimate.high else (None, None)
    return replace(blank, value=estimate.value, low=low, high=high, n=examples, status="ok", reason="")


def _of_each_label(answers: Answers, variant: str, blanks: Iterable[Figure]) -> list[Figure]:
    """Precision and recall with Wilson's interval, F1 with the bootstrap's."""
    known = answers.known
    labels, given = answers.labels[known], answers.answers(variant)[known]
    counts = Counts.of(labels, given, resampled_examples(len(labels)))
    hits, actual, told = (part[0].astype(int) for part in (counts.hits, counts.actual, counts.given))
    f1, found = counts.f1, []
    place = {name: index for index, name in enumerate(answers.head.labels)}
    for blank in blanks:
        index = place[blank.label or ""]
        whole = int((actual if blank.metric == "recall" else told)[index])
        if blank.metric == "f1":
            estimate, whole = bootstrapped(f1[:, index]), int(actual[index])
        else:
            estimate = _proportion(int(hits[index]), whole)
        found.append(filled(blank, estimate, whole, _NO_LABEL[blank.metric]))
    return found


def _proportion(part: int, whole: int) -> Estimate | None:
    low, high = wilson_interval(part, whole)
    return None if low is None or high is None else Estimate(value=part / whole, low=low, high=high)


def changes(answers: Answers, variant: str) -> dict[str, Estimate | None]:
    """Change of each of ``samples`` against the reference, by its metric; a paired bootstrap."""
    before, after = samples(answers, REFERENCE), samples(answers, variant)
    return {f"{metric}_change": bootstrapped(after[metric] - before[metric]) for metric in after}


def label_changes(answers: Answers, variant: str) -> Numbers:
    """P value of each label, ``(labels,)``: McNemar's of the texts on which it is right by one side alone.

    Adjusted for the number of labels by Benjamini and Hochberg: the share of false ones among labels with at most that value.
    """
    from scipy.stats import false_discovery_control

    known = answers.known
    labels = answers.labels[known]
    was, now = (answers.answers(name)[known] == labels for name in (REFERENCE, variant))
    lost, won = (was & ~now).sum(axis=0), (~was & now).sum(axis=0)
    return np.asarray(false_discovery_control([mcnemar(int(a), int(b)) for a, b in zip(lost, won, strict=True)]))
