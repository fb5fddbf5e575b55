"""Fidelity: the answers of each variant compared with the reference's on the same examples, and as figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ...exporters.head import same, same_order
from ...exporters.variant import REFERENCE
from ..measure.accuracy import Margins, positive
from ..printable import printable
from ..runs.predictions import read_answers
from ..runs.store import once_a_run
from ..statistics import QUANTILES, Estimate, mcnemar, paired_interval, resampled_counts
from ..units import VERDICT
from .answer_figures import changes, label_changes
from .figures import blank_figure
from .probability_calibration import brier_score, calibration_error, probabilities, roc_area
from .resampled import OF_LABELS, OF_QUERIES, OF_SCORES
from .retention import ALL, BOUNDS, Pairs, Retention, count_pairs, retention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from ..runs.measurement import Figure
    from ..runs.predictions import Answers
    from ..runs.store import Run
    from .probability_calibration import Classes

    _Value: TypeAlias = float | Estimate | Retention | None

_VERDICTS = {word: float(number) for number, word in VERDICT.words}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """A variant's predictions compared with the reference's on the same examples."""

    pairs: Pairs
    agreement: float  # share of examples with the reference's class
    p: float  # McNemar's exact test of the examples that changed sides
    accuracy_change: Estimate  # interval by a score test of the pairs
    retention: Retention | None  # None where the reference was never right
    max_logit_change: float
    mean_logit_change: float
    # Of single labels alone:
    f1_change: Estimate | None = None  # of F1 averaged over classes by examples; interval by resampling the pairs
    calibration_error: float | None = None  # of the variant itself, like the two after it
    brier: float | None = None
    roc_area: float | None = None


def fidelity(
    labels: Classes,
    reference: npt.NDArray[np.float32],
    variant: npt.NDArray[np.float32],
    sought: int,
    *,
    same: bool = False,
) -> Fidelity:
    """Compare logits ``(examples, classes)``; ``sought`` is the positive class of a binary classifier.

    ``same``: the variant is the reference itself, whose intervals have no width.
    """
    before, after = reference.argmax(axis=1), variant.argmax(axis=1)
    pairs = count_pairs(before == labels, after == labels)
    classes, chances = reference.shape[1], probabilities(variant)
    apart = np.abs(variant.astype(np.float64) - reference.astype(np.float64))
    low, high = (0.0, 0.0) if same else paired_interval(int(pairs.lost), int(pairs.won), len(labels))
    return Fidelity(
        pairs=pairs,
        agreement=float((before == after).mean()),
        p=mcnemar(int(pairs.lost), int(pairs.won)),
        accuracy_change=Estimate(value=(pairs.won - pairs.lost) / len(labels), low=low, high=high),
        retention=ALL if same else retention(pairs),
        max_logit_change=float(apart.max()),
        mean_logit_change=float(apart.mean()),
        f1_change=_f1_change(labels, before, after, classes),
        calibration_error=calibration_error(chances, labels),
        brier=brier_score(chances, labels),
        roc_area=roc_area(chances, labels, sought),
    )


def _f1_change(labels: Classes, before: Classes, after: Classes, classes: int) -> Estimate:
    """Paired bootstrap: each example is drawn with both predictions."""
    cells, inverse = np.unique(np.stack([labels, before, after]), axis=1, return_inverse=True)
    observed = np.bincount(inverse.ravel(), minlength=cells.shape[1])
    counts = np.concatenate([observed[np.newaxis], resampled_counts(observed)]).astype(np.float64)
    was, now = (Margins.of_cells(counts, cells[0], predicted, classes) for predicted in cells[1:])
    change = now.weighted(now.f1()) - was.weighted(was.f1())
    low, high = np.quantile(change[1:], QUANTILES)
    return Estimate(value=float(change[0]), low=float(low), high=float(high))


def label_set_fidelity(answers: Answers, variant: str) -> Fidelity:
    """Of several labels: an example is right where it is given exactly its labels."""
    known = answers.known
    pairs, examples = count_pairs(answers.right(REFERENCE)[known], answers.right(variant)[known]), int(known.sum())
    lost, won = int(pairs.lost), int(pairs.won)
    apart = np.abs(answers.logits[variant].astype(np.float64) - answers.logits[REFERENCE])[known]
    low, high = (0.0, 0.0) if variant == REFERENCE else paired_interval(lost, won, examples)
    return Fidelity(
        pairs=pairs,
        agreement=float(same(answers.answers(REFERENCE), answers.answers(variant))[known].mean()),
        p=mcnemar(lost, won),
        accuracy_change=Estimate(value=(won - lost) / examples, low=low, high=high),
        retention=ALL if variant == REFERENCE else retention(pairs),
        max_logit_change=float(apart.max()),
        mean_logit_change=float(apart.mean()),
    )


@once_a_run
def fidelities(run: Run) -> dict[str, dict[str, Fidelity]]:
    """By labelled set and variant; empty where no predictions, or none of the reference, were saved, and for scores."""
    found = {}
    for name, answers in with_reference(run).items() if run.checkpoint.task != "score" else ():
        found[name] = {variant: _fidelity(run, answers, variant) for variant in answers.logits}
    return found


def _fidelity(run: Run, answers: Answers, variant: str) -> Fidelity:
    if answers.head.task == "multi-label":
        return label_set_fidelity(answers, variant)
    sought, logits = positive(run.checkpoint.labels), answers.logits
    return fidelity(answers.labels, logits[REFERENCE], logits[variant], sought, same=variant == REFERENCE)


@once_a_run
def with_reference(run: Run) -> dict[str, Answers]:
    """Saved answers by labelled set, in the order of the run; of sets that the reference answered."""
    places = {printable(one.name): place for place, one in enumerate(run.sets)}
    found = sorted(read_answers(run).items(), key=lambda item: places[printable(item[0])])
    return {name: answers for name, answers in found if REFERENCE in answers.logits}


@once_a_run
def fidelity_figures(run: Run) -> list[Figure]:
    """Every value, by labelled set and variant, in the order of the plan."""
    found = []
    for name, answers in with_reference(run).items():
        for variant in run.plan.variants:
            blank = blank_figure(run, name, variant, "agreement", "no answers were kept")
            known = variant in answers.logits
            values = _values_of(run, name, answers, variant) if known else {}
            metrics = metrics_of_task(answers)
            found += [
                _filled(blank.of_metric(metric), values[metric], int(answers.known.sum()))
                if known
                else blank.of_metric(metric)
                for metric in metrics
            ]
            if answers.head.task == "multi-label":
                found += _label_figures(blank, answers, variant)
    return found


def metrics_of_task(answers: Answers) -> tuple[str, ...]:
    """The metrics of ``fidelity_figures`` but those of single labels of several, in the order of the table."""
    if answers.head.task == "single-label":
        return tuple(_VALUES)
    if answers.head.task == "multi-label":
        return (*(one for one in _VALUES if one not in _SINGLE_LABEL), *(f"{one}_change" for one in OF_LABELS))
    ranked = OF_QUERIES if answers.queries is not None else ()
    return ("order", *(f"{one}_change" for one in (*OF_SCORES, *ranked)), *_LOGITS)


def _values_of(run: Run, name: str, answers: Answers, variant: str) -> Mapping[str, _Value]:
    """By metric."""
    if answers.head.task != "score":
        one = fidelities(run)[name][variant]
        own = {metric: value(one) for metric, value in _VALUES.items()}
        return own if answers.head.task == "single-label" else {**own, **changes(answers, variant)}
    before, after = (answers.logits[each][answers.known].astype(np.float64) for each in (REFERENCE, variant))
    apart = np.abs(after - before)
    order = same_order(before[:, 0], after[:, 0])
    logits = {"max_logit_change": float(apart.max()), "mean_logit_change": float(apart.mean())}
    return {"order": order, **changes(answers, variant), **logits}


def _label_figures(blank: Figure, answers: Answers, variant: str) -> list[Figure]:
    """Whether the answers of each label changed."""
    blanks = [replace(blank.of_metric("label_change_p"), label=label) for label in answers.head.labels]
    if variant not in answers.logits:
        return blanks
    examples = int(answers.known.sum())
    return [_filled(one, float(p), examples) for one, p in zip(blanks, label_changes(answers, variant), strict=True)]


def _verdict(one: Fidelity, bound: float) -> float | None:
    return _VERDICTS[one.retention.verdict(bound)] if one.retention else None


_VALUES: Mapping[str, Callable[[Fidelity], _Value]] = {  # by metric
    "agreement": lambda one: one.agreement,
    "lost": lambda one: one.pairs.lost,
    "won": lambda one: one.pairs.won,
    "mcnemar_p": lambda one: one.p,
    "accuracy_change": lambda one: one.accuracy_change,
    "f1_change": lambda one: one.f1_change,
    "retention": lambda one: one.retention,
    "holds_99": lambda one: _verdict(one, BOUNDS[0]),
    "holds_999": lambda one: _verdict(one, BOUNDS[1]),
    "max_logit_change": lambda one: one.max_logit_change,
    "mean_logit_change": lambda one: one.mean_logit_change,
    "calibration_error": lambda one: one.calibration_error,
    "brier": lambda one: one.brier,
    "roc_area": lambda one: one.roc_area,
}
_SINGLE_LABEL = ("f1_change", "calibration_error", "brier", "roc_area")
_LOGITS = ("max_logit_change", "mean_logit_change")


def _filled(blank: Figure, value: _Value, examples: int) -> Figure:
    if value is None:
        return replace(blank, reason="undefined")
    low, high = (value.low, value.high) if isinstance(value, Estimate | Retention) else (None, None)
    number = value.value if isinstance(value, Estimate | Retention) else float(value)
    return replace(blank, value=number, low=low, high=high, n=examples, status="ok", reason="")
