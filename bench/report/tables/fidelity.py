"""Fidelity: how each variant's predictions differ from the reference's on the same examples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ....exporters.variant import REFERENCE
from ...analysis.fidelity import fidelities, fidelity_figures, metrics_of_task, with_reference
from ...analysis.resampled import OF_LABELS, OF_QUERIES, OF_SCORES
from ...analysis.retention import BOUNDS, examples_to_decide
from ...pipeline.seeds import seed_band
from ...printable import printable
from ...statistics import LEVEL
from ...units import CHANCE, COUNT, DIFFERENCE, SHARE, VERDICT, counted, format_count, format_share
from ..cells import Column
from ..quality import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...analysis.fidelity import Fidelity
    from ...runs.predictions import Answers
    from ...runs.store import Run
    from ..cells import ByVariant, Table
    from ..run_figures import RunFigures

    Fidelities: TypeAlias = Mapping[str, Fidelity]  # by variant

_MOST = 6  # labels that a note names
_share = partial(Column, scale=SHARE)
_change = partial(Column, scale=DIFFERENCE, group="change", interval=True)
_CHANGED = (*OF_LABELS, *OF_SCORES, *OF_QUERIES)
_COLUMNS = {  # by metric
    "agreement": _share(head="agreement", short="agree", group="answers"),
    "lost": Column(head="lost", scale=COUNT, group="answers"),
    "won": Column(head="won", scale=COUNT, group="answers"),
    "mcnemar_p": Column(head="p", scale=CHANCE, group="answers"),
    "order": _share(head="order", group="answers"),
    "accuracy_change": _change(head="accuracy change", short="accuracy"),
    "f1_change": _change(head="F1 change", short="F1"),
    **{f"{metric}_change": _change(head=f"{NAMES[metric]} change", short=NAMES[metric]) for metric in _CHANGED},
    "retention": _share(head="retention", short="reten-\ntion", group="retention", interval=True),
    "holds_99": Column(head="retains 99 %", short="99 %", scale=VERDICT, group="retention"),
    "holds_999": Column(head="retains 99.9 %", short="99.9 %", scale=VERDICT, group="retention"),
    "max_logit_change": _share(head="largest logit change", short="largest", group="logits"),
    "mean_logit_change": _share(head="mean logit change", short="mean", group="logits"),
    "calibration_error": _share(head="calibration error", short="ECE", group="probabilities"),
    "brier": _share(head="Brier score", short="Brier", group="probabilities"),
    "roc_area": _share(head="area under ROC", short="AUC", group="probabilities"),
}


def build(cells: RunFigures) -> list[Table]:
    """One for each labelled set whose predictions were saved."""
    by_place = {(one.data, one.variant, one.metric, one.label): one for one in fidelity_figures(cells.run)}

    def at(name: str, metric: str, label: str | None = None) -> ByVariant:
        return lambda variant: by_place[name, variant, metric, label]

    return [
        cells.table(
            f"Fidelity on {printable(name)}",
            [(_COLUMNS[metric], at(name, metric)) for metric in metrics_of_task(answers)],
            _notes(cells.run, name, fidelities(cells.run)[name])
            if answers.head.task == "single-label"
            else _answer_notes(cells.run, name, answers, at),
        )
        for name, answers in with_reference(cells.run).items()
    ]


def _answer_notes(run: Run, name: str, answers: Answers, at: Callable[[str, str, str | None], ByVariant]) -> list[str]:
    against = f"against {REFERENCE} on the same {counted(int(answers.known.sum()), 'example')}"
    ends = "±: to the farther end of the 95 % interval"
    logits = "logit change: absolute difference of one logit"
    if answers.head.task == "score":
        paired = "changes: by resampling examples with the scores of both"
        return [f"{against}; order: share of pairs of examples in the same order; {paired}; {ends}", logits]
    return [
        f"{against}; an example is right where it has exactly its labels; {ends}",
        f"lost, won: examples on which only {REFERENCE}, or only the variant, is right; p: exact McNemar test",
        f"retention: subset accuracy / that of {REFERENCE}; F1 changes: by resampling examples with the labels of both",
        *_changed_labels(run, name, answers, at),
        logits,
    ]


def _changed_labels(
    run: Run, name: str, answers: Answers, at: Callable[[str, str, str | None], ByVariant]
) -> list[str]:
    """The labels whose answers changed for the better or the worse, by variant."""
    found = []
    for variant in run.plan.variants:
        ps = {label: at(name, "label_change_p", label)(variant).value for label in answers.head.labels}
        found += [f"{variant}: {label}" for label, p in ps.items() if p is not None and p <= LEVEL]
    told = ", ".join(found[:_MOST]) + f" and {len(found) - _MOST} more" * (len(found) > _MOST) if found else "none"
    return [f"labels that a variant answers differently (McNemar, false discovery rate {100 * LEVEL:g} %): {told}"]


def _notes(run: Run, name: str, found: Fidelities) -> list[str]:
    examples = next(int(one.pairs.examples) for one in found.values())
    return [
        f"against {REFERENCE} on the same {counted(examples, 'example')}; ±: to the farther end of the 95 % interval",
        f"lost, won: examples that only {REFERENCE}, or only the variant, predicts correctly; p: exact McNemar test",
        f"retention: accuracy / that of {REFERENCE}; holds or fails by the ends of its interval, else undecided",
        "logit change: absolute difference of one logit; ECE: expected calibration error of probabilities, 15 bins",
        *_examples_needed(found),
        *_seed_note(run, name, found),
    ]


def _seed_note(run: Run, name: str, found: Fidelities) -> list[str]:
    """Which variants lose more than another training seed would; empty unless several seeds were trained."""
    of_set = next((one for one in run.sets if printable(one.name) == printable(name)), None)
    accuracies = run.checkpoint.seeded.get(of_set.sha256, ()) if of_set else ()
    if of_set is None or len(accuracies) < 2:  # noqa: PLR2004 - one has no spread
        return []
    low, high = seed_band(accuracies, of_set.rows)
    beyond = [variant for variant, one in found.items() if abs(one.accuracy_change.value) > (high - low) / 2]
    more = f"larger changes: {', '.join(beyond)}" if beyond else "no variant changes it by more"
    return [
        f"training seed alone, over {len(accuracies)} seeds, changes accuracy by up to ±{format_share((high - low) / 2)}; {more}"
    ]


def _examples_needed(found: Fidelities) -> list[str]:
    """How many examples would decide what is undecided: one line for each bound."""
    lines = []
    for bound in BOUNDS:
        undecided = [one for one in found.values() if one.retention and one.retention.verdict(bound) == "undecided"]
        needed = [number for one in undecided if (number := examples_to_decide(one.pairs, bound))]
        if needed:
            least, most = min(needed), max(needed)
            span = format_count(least) if least == most else f"{format_count(least)} to {format_count(most)}"
            lines.append(f"undecided at {100 * bound:g} %: {span} such examples would decide")
    return lines
