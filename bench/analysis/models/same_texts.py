"""Predictions of several models on the texts that all of them scored, as if they were variants of one model."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, reduce
from typing import TYPE_CHECKING

import numpy as np

from ....exporters.errors import RunFileError
from ...runs.predictions import NO_LABEL, read_scored
from ..accuracy_loss import pooled, with_labels
from .pairs import pair_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ...runs.predictions import Answers
    from ...runs.store import Run


def with_accuracy(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs whose models have an accuracy: of trained weights, with predictions on all labelled sets."""
    return tuple(
        run
        for run in runs
        if run.sets
        and not run.checkpoint.random_weights
        and {one.name for one in run.sets} <= with_labels(read_scored(run)).keys()
    )


@lru_cache(maxsize=8)
def same_texts(runs: tuple[Run, ...]) -> dict[str, Answers]:
    """By set that all ``runs`` scored: the texts in the order of their hashes, with the logits of every pair by its name.

    Outputs are numbered as in the first run. Raises RunFileError where two models have other labels for the same texts.
    """
    scored = [read_scored(run) for run in runs]
    names = [name for name in scored[0] if all(name in other for other in scored)] if scored else []
    kept = {name: [_kept([other[name] for other in scored], one[name]) for one in scored] for name in names}
    orders = [
        _classes(runs[0], run, [(of[0].labels, of[place].labels) for of in kept.values()])
        for place, run in enumerate(runs)
    ]
    return {
        name: replace(
            of_set[0],
            logits={
                pair_name(run, variant): _as_first(runs[0], run, logits[:, order])
                for run, order, one in zip(runs, orders, of_set, strict=True)
                for variant, logits in one.logits.items()
            },
        )
        for name, of_set in kept.items()
    }


def labelled_texts(runs: Sequence[Run]) -> Answers | None:
    """All labelled texts that every one of the models scored, each once; None where one of them has no accuracy."""
    sets = with_labels(same_texts(tuple(runs))) if runs and len(with_accuracy(runs)) == len(runs) else {}
    return pooled([*sets.values()]) if sets else None


def _as_first(first: Run, run: Run, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Logits of several labels, shifted so that each model's own thresholds are where those of the first one are."""
    if run.checkpoint.task != "multi-label":
        return logits
    return (logits + (first.checkpoint.head.cuts - run.checkpoint.head.cuts)).astype(np.float32)


def _kept(every: Sequence[Answers], own: Answers) -> Answers:
    """Of ``own`` the texts that are in ``every`` one."""
    rows = reduce(np.intersect1d, (one.rows for one in every))
    order = np.argsort(own.rows)
    places = order[np.searchsorted(own.rows, rows, sorter=order)]
    return own.where(places)  # without lengths: each model has a tokenizer of its own


def _classes(first: Run, run: Run, labels: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]) -> list[int]:
    """For each class of ``first`` that of ``run``, by the labels (of first, of run) that the same texts have."""
    if run.checkpoint.task != "single-label":
        if run.checkpoint.head.labels != first.checkpoint.head.labels or run.checkpoint.task != first.checkpoint.task:
            raise RunFileError(
                f"{run.path}: {first.checkpoint.name} and {run.checkpoint.name} have other labels, expected the same; measure "
                "them apart"
            )
        return list(range(len(first.checkpoint.labels)))
    known = {(int(a), int(b)) for before, after in labels for a, b in zip(before, after, strict=True)} - {
        (NO_LABEL,) * 2
    }
    found = dict(known)
    count = len(first.checkpoint.labels)
    if len({*found.values()}) != len(known) or len(found) != len(known) or len(run.checkpoint.labels) != count:
        raise RunFileError(
            f"{run.path}: {first.checkpoint.name} and {run.checkpoint.name} have other labels for the same texts, "
            "expected the same classes under any names; measure them on the same labelled files"
        )
    unseen = iter([one for one in range(count) if one not in found.values()])
    return [found[one] if one in found else next(unseen) for one in range(count)]
