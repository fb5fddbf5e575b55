"""Accuracy of several models on the same texts: which is the most accurate, and by how much any two differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...runs.measurement import Figure
from ...statistics import Estimate, mcnemar, paired_interval
from ..retention import count_pairs
from .pairs import pair_name
from .same_texts import labelled_texts, with_accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from ...runs.predictions import Answers
    from ...runs.store import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Accuracy of one model's torch-eager against that of another on the same labelled texts, each text once."""

    model: str
    against: str
    texts: int
    won: int  # texts that ``model`` alone classified correctly
    lost: int  # that ``against`` alone did
    change: Estimate  # accuracy of ``model`` - accuracy of ``against``; interval by a score test of the pairs
    p: float  # McNemar's exact test, of this pair of models alone


def accuracies(runs: Sequence[Run]) -> dict[str, float]:
    """Accuracy of each model's torch-eager on all labelled texts together; without the models that have none."""
    measured = _measured(runs)
    texts = labelled_texts(measured)
    return {run.checkpoint.name: float(_right(texts, run).mean()) for run in measured} if texts else {}


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
    return [change, replace(change.of_metric("mcnemar_p"), value=one.p, low=None, high=None)]


def _difference(run: Run, against: Run) -> Difference | None:
    texts = labelled_texts((against, run))
    if texts is None:
        return None
    pairs, count = count_pairs(_right(texts, against), _right(texts, run)), len(texts.rows)
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


def _right(texts: Answers, run: Run) -> npt.NDArray[np.bool_]:
    right: npt.NDArray[np.bool_] = texts.logits[pair_name(run)].argmax(axis=1) == texts.labels
    return right
