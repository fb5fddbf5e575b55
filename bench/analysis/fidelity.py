"""Fidelity: the predictions of each variant compared with the reference's on the same examples, and as figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ...exporters.variant import REFERENCE
from ..measure.accuracy import Margins, positive
from ..printable import printable
from ..runs.predictions import read_answers
from ..runs.store import once_a_run
from ..statistics import QUANTILES, Estimate, mcnemar, paired_interval, resampled_counts
from ..units import VERDICT
from .figures import blank_figure
from .probability_calibration import brier_score, calibration_error, probabilities, roc_area
from .retention import ALL, BOUNDS, Pairs, Retention, count_pairs, retention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from ..runs.measurement import Figure
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
    f1_change: Estimate  # of F1 averaged over classes by examples; interval by resampling the pairs
    retention: Retention | None  # None where the reference was never right
    max_logit_change: float
    mean_logit_change: float
    calibration_error: float  # of the variant itself, like the two after it
    brier: float
    roc_area: float | None


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
        f1_change=_f1_change(labels, before, after, classes),
        retention=ALL if same else retention(pairs),
        max_logit_change=float(apart.max()),
        mean_logit_change=float(apart.mean()),
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


@once_a_run
def fidelities(run: Run) -> dict[str, dict[str, Fidelity]]:
    """By labelled set and variant; empty where no predictions, or none of the reference, were saved."""
    sought, found = positive(run.checkpoint.labels), {}
    places = {printable(one.name): place for place, one in enumerate(run.sets)}
    for name, answers in sorted(read_answers(run).items(), key=lambda item: places[printable(item[0])]):
        reference = answers.logits.get(REFERENCE)
        if reference is not None:
            found[name] = {
                variant: fidelity(answers.labels, reference, logits, sought, same=variant == REFERENCE)
                for variant, logits in answers.logits.items()
            }
    return found


def fidelity_figures(run: Run) -> list[Figure]:
    """Every value, by labelled set and variant, in the order of the plan."""
    return [
        figure
        for name, of_set in fidelities(run).items()
        for variant in run.plan.variants
        for figure in _figures(
            blank_figure(run, name, variant, "agreement", "no answers were kept"), of_set.get(variant)
        )
    ]


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


def _figures(blank: Figure, one: Fidelity | None) -> list[Figure]:
    blanks = {metric: blank.of_metric(metric) for metric in _VALUES}
    if one is None:
        return list(blanks.values())
    examples = int(one.pairs.examples)
    return [_filled(blanks[metric], value(one), examples) for metric, value in _VALUES.items()]


def _filled(blank: Figure, value: _Value, examples: int) -> Figure:
    if value is None:
        return replace(blank, reason="undefined")
    low, high = (value.low, value.high) if isinstance(value, Estimate | Retention) else (None, None)
    number = value.value if isinstance(value, Estimate | Retention) else float(value)
    return replace(blank, value=number, low=low, high=high, n=examples, status="ok", reason="")
