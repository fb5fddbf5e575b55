"""Notes on the accuracies of several models: which is the reference, how any two differ, or why accuracy is not measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..analysis.models.accuracy import accuracies, accuracy_differences, most_accurate
from ..analysis.models.failed import failed_models
from ..analysis.models.pairs import pair_name
from ..analysis.models.same_texts import labelled_texts, with_accuracy
from ..analysis.resampled import headline
from ..runs.predictions import missing_predictions
from ..units import format_share, many
from .cells import FAILED
from .quality import loss_name

if TYPE_CHECKING:
    from ..analysis.models.accuracy import Difference
    from ..runs.store import Run

_SURE = 0.001  # a smaller p has no more digits


def accuracy_notes(runs: tuple[Run, ...]) -> list[str]:
    """Accuracy of each model's torch-eager on all labelled texts together, and which is the reference, or why there is none."""
    best, found = most_accurate(runs), accuracies(runs)
    texts = labelled_texts(with_accuracy(runs))
    if best is None or texts is None:
        random = all(run.checkpoint.random_weights for run in runs)
        labelled = "" if any(run.sets for run in runs) else ": no labelled set was given"
        why = ": random weights" if random else labelled
        lost = [f"accuracies cannot be compared: {'; '.join(dict.fromkeys(_missing(runs)))}"] * bool(_missing(runs))
        return lost or [f"accuracy is not measured{why}; costs alone decide" if why else "accuracy is not measured"]
    listed = ", ".join(f"{name} {format_share(value)}" for name, value in found.items())
    name = loss_name(headline(texts))
    of_all = f"{name} of torch-eager on {many(len(texts.rows), 'labelled text')}: {listed}"
    highest = "the most accurate" if name == "accuracy" else "the highest"
    reference = f"{name} lost: against {pair_name(best)}, {highest} of the models on these texts"
    return [of_all, reference, *unknown_accuracies(runs)]


def unknown_accuracies(runs: tuple[Run, ...]) -> list[str]:
    """The models that cannot be compared by accuracy, and so are not taken."""
    known = accuracies(runs)
    lacking = [run.checkpoint.name for run in runs if run.checkpoint.name not in known]
    told = f"accuracy of {', '.join(lacking)} is not measured: not judged" if known and lacking else ""
    return [*filter(None, [told]), *_missing(runs)] if known else []


def _missing(runs: tuple[Run, ...]) -> list[str]:
    return [why for run in runs if (why := missing_predictions(run))]


def failure_notes(runs: tuple[Run, ...]) -> list[str]:
    """Each model of which nothing was measured, with the reason."""
    return [f"{FAILED}: {name}, every variant: {why}" for name, why in failed_models(runs).items()]


def difference_notes(runs: tuple[Run, ...]) -> list[str]:
    """Every two models: difference of their accuracies with its interval and McNemar's p."""
    return [difference_note(one) for one in accuracy_differences(runs)]


def difference_note(one: Difference) -> str:
    """One line."""
    change = one.change
    interval = f"95 %: {change.low:+.3f} to {change.high:+.3f}"
    by = (
        f"McNemar's exact {_p(one)}; right alone: {one.won} against {one.lost}"
        if one.p is not None
        else "by resampling texts"
    )
    return f"{loss_name(one.metric)} of {one.model} - {one.against}: {change.value + 0.0:+.3f} ({interval}; {by})"


def short_difference(one: Difference, against: str) -> str:
    """A part of a line: the other model of ``one``, its accuracy less that of the model ``against``, with the interval and p."""
    sign = 1 if one.against == against else -1
    ends = sorted((sign * one.change.low, sign * one.change.high))
    other = one.model if sign == 1 else one.against
    return f"{other} {sign * one.change.value + 0.0:+.3f} ({ends[0]:+.3f} to {ends[1]:+.3f}{_p_of(one)})"


def _p_of(one: Difference) -> str:
    return "" if one.p is None else f", {_p(one)}"


def _p(one: Difference) -> str:
    p = one.p or 0.0
    return "p < 0.001" if p < _SURE else f"p = {p:.3f}"
