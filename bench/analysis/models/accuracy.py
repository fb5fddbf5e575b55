"""Accuracy of several models on the same texts: which is the most accurate, and by how much any two differ.

Of scores it is their rank correlation with the labels, or NDCG.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ....exporters.variant import REFERENCE
from ...runs.measurement import Figure
from ...statistics import Estimate, bootstrapped, mcnemar, paired_interval
from ..resampled import headline, samples
from ..retention import count_pairs
from .pairs import pair_name
from .same_texts import labelled_texts, with_accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...runs.predictions import Answers
    from ...runs.store import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Accuracy of one model's torch-eager against that of another on the same labelled texts, each text once."""

    model: str
    against: str
    texts: int
    change: Estimate  # accuracy of ``model`` - accuracy of ``against``; interval by a score test of the pairs
    metric: str = "accuracy"  # of scores "spearman" or "ndcg", then the interval is by resampling texts
    won: int = 0  # texts that ``model`` alone classified correctly
    lost: int = 0  # that ``against`` alone did
    p: float | None = None  # McNemar's exact test, of this pair of models alone; None: of scores


def accuracies(runs: Sequence[Run]) -> dict[str, float]:
    """Accuracy of each model's torch-eager on all labelled texts together; without the models that have none."""
    measured = _measured(runs)
    texts = labelled_texts(measured)
    return {run.checkpoint.name: _quality(texts, run) for run in measured} if texts else {}


def deciding_metric(runs: Sequence[Run]) -> str:
    """What ``accuracies`` are: "accuracy", and of scores "spearman", or "ndcg" where all texts answer queries."""
    texts = labelled_texts(_measured(runs))
    return headline(texts) if texts else "accuracy"


def most_accurate(runs: Sequence[Run]) -> Run | None:
    """The run of the model with the highest of ``accuracies``, of equal ones the first; None where accuracy was not measured."""
    found = accuracies(runs)
    return max(
        (run for run in runs if run.checkpoint.name in found), key=lambda run: found[run.checkpoint.name], default=None
    )


def accuracy_differences(runs: Sequence[Run]) -> tuple[Difference, ...]:
    """Every two models that have an accuracy, in the order given."""
    return tuple(found for against, run in combinations(_measured(runs), 2) if (found := _difference(run, against)))


def difference_figures(runs: Sequence[Run]) -> list[tuple[str, Figure]]:
    """Each of ``accuracy_differences`` as two figures of torch-eager, with the name of its model; the label says against which."""
    return [(one.model, figure) for one in accuracy_differences(runs) for figure in _figures(one)]


def _figures(one: Difference) -> list[Figure]:
    change = Figure(
        variant=REFERENCE,
        metric="accuracy_change",
        value=one.change.value,
        unit="1",
        low=one.change.low,
        high=one.change.high,
        n=one.texts,
        status="ok",
        reason="",
        workload=None,
        label=f"against {one.against}",
    )
    if one.p is None:
        return [change.of_metric(f"{one.metric}_change")]
    return [change, replace(change.of_metric("mcnemar_p"), value=one.p, low=None, high=None)]


def _difference(run: Run, against: Run) -> Difference | None:
    texts = labelled_texts((against, run))
    if texts is None:
        return None
    if texts.head.task == "score":
        return _difference_of_scores(texts, run, against)
    right = [texts.right(pair_name(one)) for one in (against, run)]
    pairs, count = count_pairs(*right), len(texts.rows)
    lost, won = int(pairs.lost), int(pairs.won)
    low, high = paired_interval(lost, won, count)
    return Difference(
        model=run.checkpoint.name,
        against=against.checkpoint.name,
        texts=count,
        won=won,
        lost=lost,
        change=Estimate(value=(won - lost) / count, low=low, high=high),
        p=mcnemar(lost, won),
    )


def _measured(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Those with an accuracy of torch-eager."""
    known = with_accuracy(runs)
    texts = labelled_texts(known)
    return tuple(run for run in known if texts and pair_name(run) in texts.logits)


def _difference_of_scores(texts: Answers, run: Run, against: Run) -> Difference:
    metric = headline(texts)
    after, before = (samples(texts, pair_name(one))[metric] for one in (run, against))
    return Difference(
        model=run.checkpoint.name,
        against=against.checkpoint.name,
        texts=len(texts.rows),
        change=bootstrapped(after - before) or Estimate(value=0.0, low=-1.0, high=1.0),
        metric=metric,
    )


def _quality(texts: Answers, run: Run) -> float:
    """Share of right answers, or of scores the metric that decides."""
    if texts.head.task == "score":
        return float(np.nan_to_num(samples(texts, pair_name(run))[headline(texts)][0]))
    return float(texts.right(pair_name(run)).mean())
