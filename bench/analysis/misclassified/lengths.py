"""Lengths of texts in tokens: accuracy by length, and the lengths of right and of misclassified texts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..figures import blank_figure
from .groups import by_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from ...runs.measurement import Figure
    from ...runs.predictions import Answers
    from ...runs.store import Run

    Tokens = npt.NDArray[np.int32]

_ON_SETS = ("accuracy", "scoring_time")  # metrics whose workload is that of scoring
KINDS = ("right", "wrong")  # of texts
LENGTH_ACCURACY = "length_accuracy"
_NO_LENGTHS = "lengths of texts were not kept: the run was saved before they were"
_ENDS = (32, 64, 128, 256, 512)  # tokens, the last of each bin; the same for every set, so that sets can be compared
LENGTHS = (
    *(f"{start}–{end}" for start, end in zip((1, *(end + 1 for end in _ENDS)), _ENDS, strict=False)),
    f"over {_ENDS[-1]}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical:
    """Mean and median length, in tokens."""

    mean: float
    median: float


def length_bins(tokens: Tokens) -> npt.NDArray[np.int64]:
    """Index in LENGTHS of each text."""
    return np.searchsorted(_ENDS, tokens).astype(np.int64)


def typical(tokens: Tokens) -> Typical | None:
    """None without texts."""
    if not len(tokens):
        return None
    return Typical(mean=float(tokens.mean(dtype=np.float64)), median=float(np.median(tokens)))


def reading_length(run: Run) -> int:
    """Tokens that texts were cut at when they were scored."""
    cut = {one.workload.sequence_length for one in run.measurements if one.metric in _ON_SETS and one.workload}
    return max(cut, default=run.checkpoint.max_length or 0)


def texts_by_length(tokens: Tokens) -> dict[str, int]:
    """Number of texts by label of their bin, shortest first; bins without a text are left out."""
    found, counts = np.unique(length_bins(tokens), return_counts=True)
    return {f"{LENGTHS[index]} tokens": int(count) for index, count in zip(found, counts, strict=True)}


def length_labels(answers: Answers | None) -> list[str | None]:
    """Labels of the bins that hold a text, shortest first; None alone where lengths are unknown."""
    return [None] if answers is None or answers.tokens is None else [*texts_by_length(answers.tokens)]


def error_lengths(run: Run, answers: Mapping[str, Answers]) -> list[Figure]:
    """Lengths of right and of misclassified texts, by labelled set and variant, in the order of the plan."""
    return _by_set_and_variant(run, answers, _lengths)


def length_accuracies(run: Run, answers: Mapping[str, Answers]) -> list[Figure]:
    """Accuracy by length, by labelled set and variant, in the order of the plan."""
    return _by_set_and_variant(run, answers, _accuracies)


def _by_set_and_variant(
    run: Run, answers: Mapping[str, Answers], figures: Callable[[Figure, Answers | None], list[Figure]]
) -> list[Figure]:
    if run.checkpoint.task == "score":  # none is right or wrong
        return []
    return [
        figure
        for labelled in run.sets
        for variant in run.plan.variants
        for figure in figures(_blank(run, labelled.name, variant, answers), answers.get(labelled.name))
    ]


def _blank(run: Run, name: str, variant: str, answers: Mapping[str, Answers]) -> Figure:
    of_set = answers.get(name)
    lacking = _NO_LENGTHS if of_set and variant in of_set.logits else "no answers were kept"
    return blank_figure(run, name, variant, LENGTH_ACCURACY, lacking)


def _accuracies(blank: Figure, answers: Answers | None) -> list[Figure]:
    labels = length_labels(answers)
    if answers is None or answers.tokens is None or blank.variant not in answers.logits:
        return [replace(blank, label=label) for label in labels]
    right = answers.right(blank.variant)
    found, member = np.unique(length_bins(answers.tokens), return_inverse=True)
    groups = by_group(member, right, len(found))
    measured = replace(blank, status="ok", reason="")
    return [
        replace(
            measured, label=label, value=group.accuracy, n=group.texts, low=group.interval[0], high=group.interval[1]
        )
        for label, group in zip(labels, groups, strict=True)
    ]


def _lengths(blank: Figure, answers: Answers | None) -> list[Figure]:
    """The same figures whether the lengths are known or not."""
    if answers is None or answers.tokens is None or blank.variant not in answers.logits:
        return [figure for kind in KINDS for figure in _of_kind(blank, kind, None)]
    right = answers.right(blank.variant)
    chosen = {"right": answers.tokens[right], "wrong": answers.tokens[~right]}
    return [figure for kind in KINDS for figure in _of_kind(blank, kind, chosen[kind])]


def _of_kind(blank: Figure, kind: str, tokens: Tokens | None) -> list[Figure]:
    metrics = {way: f"{kind}_tokens_{way}" for way in ("mean", "median")}
    if tokens is None:
        return [blank.of_metric(metric) for metric in metrics.values()]
    known = typical(tokens)
    if known is None:
        return [blank.empty(f"no {kind} texts").of_metric(metric) for metric in metrics.values()]
    measured = replace(blank, n=len(tokens), status="ok", reason="")
    values = {metrics["mean"]: known.mean, metrics["median"]: known.median}
    return [replace(measured.of_metric(metric), value=value) for metric, value in values.items()]
