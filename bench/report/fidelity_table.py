"""The table of what a variant makes of the reference's answers, on the same examples."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from bench.analysis.answers import Fidelity, fidelity
from bench.analysis.retention import BOUNDS, Retention, examples_to_decide
from bench.measure.accuracy import positive
from bench.pipeline.seeds import seed_band
from bench.printable import printable
from bench.report.cells import Column
from bench.report.lengths import blank_figure
from bench.runs.measurement import METRICS, Figure
from bench.runs.predictions import read_answers
from bench.statistics import Estimate
from bench.units import CHANCE, COUNT, DIFFERENCE, SHARE, VERDICT, counted, format_count, format_share
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.report.cells import ByVariant, Content
    from bench.runs.store import Run

    Fidelities: TypeAlias = Mapping[str, Fidelity]  # by variant

_VERDICTS = {word: number for number, word in VERDICT.words}
_HOLDS = dict(zip(("holds_99", "holds_999"), BOUNDS, strict=True))


def fidelities(run: Run) -> dict[str, dict[str, Fidelity]]:
    """What each variant changes, by labelled set and variant; nothing where no answers, or none of the reference, were kept."""
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


def fidelity_figures(run: Run, found: Mapping[str, Fidelities]) -> list[Figure]:
    """Every number, by labelled set and variant, in the order of the plan."""
    return [
        figure
        for name, of_set in found.items()
        for variant in run.plan.variants
        for figure in _figures(
            blank_figure(run, name, variant, "agreement", "no answers were kept"), of_set.get(variant)
        )
    ]


def fidelity_contents(of_set: Callable[[str], ByVariant]) -> list[Content]:
    """From what changed, by way of what that means, to how good the probabilities are."""
    share = partial(Column, scale=SHARE)
    change = partial(Column, scale=DIFFERENCE, group="change", interval=True)
    columns = {
        "agreement": share(head="agreement", short="agree", group="answers"),
        "lost": Column(head="lost", scale=COUNT, group="answers"),
        "won": Column(head="won", scale=COUNT, group="answers"),
        "mcnemar_p": Column(head="p", scale=CHANCE, group="answers"),
        "accuracy_change": change(head="accuracy change", short="accuracy"),
        "f1_change": change(head="F1 change", short="F1"),
        "retention": share(head="kept", group="kept", interval=True),
        "holds_99": Column(head="keeps 99 %", short="99 %", scale=VERDICT, group="kept"),
        "holds_999": Column(head="keeps 99.9 %", short="99.9 %", scale=VERDICT, group="kept"),
        "max_logit_change": share(head="largest logit change", short="largest", group="logits"),
        "mean_logit_change": share(head="mean logit change", short="mean", group="logits"),
        "calibration_error": share(head="calibration error", short="ECE", group="probabilities"),
        "brier": share(head="Brier score", short="Brier", group="probabilities"),
        "roc_area": share(head="area under ROC", short="AUC", group="probabilities"),
    }
    return [(head, of_set(metric)) for metric, head in columns.items()]


def fidelity_notes(run: Run, name: str, found: Fidelities) -> list[str]:
    """What the columns mean, and how many examples would decide what is undecided."""
    examples = next(int(one.pairs.examples) for one in found.values())
    return [
        f"on {counted(examples, 'example')}, each answered by {REFERENCE} too; ±: to the farther end of the 95 % interval",
        f"lost, won: right by {REFERENCE} alone, by the variant alone; p: McNemar's, exact",
        f"kept: accuracy / that of {REFERENCE}; holds or fails by the ends of its interval, else undecided",
        "logit change: of one number of one example; ECE: expected calibration error, 15 bins",
        *_deciding(found),
        *_retraining(run, name, found),
    ]


def _retraining(run: Run, name: str, found: Fidelities) -> list[str]:
    """Whether a variant loses more than another seed would; nothing where one seed alone was trained."""
    of_set = next((one for one in run.sets if printable(one.name) == printable(name)), None)
    accuracies = run.checkpoint.seeded.get(of_set.sha256, ()) if of_set else ()
    if of_set is None or len(accuracies) < 2:  # noqa: PLR2004 - one has no spread
        return []
    low, high = seed_band(accuracies, of_set.rows)
    beyond = [variant for variant, one in found.items() if abs(one.accuracy_change.value) > (high - low) / 2]
    told = f"more than that: {', '.join(beyond)}" if beyond else "no variant changes it by more"
    return [
        f"re-training alone, by {len(accuracies)} seeds, changes accuracy by up to ±{format_share((high - low) / 2)}; {told}"
    ]


def _deciding(found: Fidelities) -> list[str]:
    """One line for each bound."""
    lines = []
    for bound in BOUNDS:
        needed = {
            variant: examples_to_decide(one.pairs, bound)
            for variant, one in found.items()
            if one.retention and one.retention.verdict(bound) == "undecided"
        }
        known = {variant: number for variant, number in needed.items() if number}
        if known:
            least, most = min(known.values()), max(known.values())
            span = format_count(least) if least == most else f"{format_count(least)} to {format_count(most)}"
            lines.append(f"undecided at {100 * bound:g} %: {span} such examples would decide")
    return lines


def _figures(blank: Figure, one: Fidelity | None) -> list[Figure]:
    values: dict[str, float | Estimate | Retention | None] = dict.fromkeys(_METRICS)
    if one:
        values |= {
            "agreement": one.agreement,
            "lost": one.pairs.lost,
            "won": one.pairs.won,
            "mcnemar_p": one.p,
            "accuracy_change": one.accuracy_change,
            "f1_change": one.f1_change,
            "retention": one.retention,
            **{
                metric: _VERDICTS[one.retention.verdict(bound)] if one.retention else None
                for metric, bound in _HOLDS.items()
            },
            "max_logit_change": one.max_logit_change,
            "mean_logit_change": one.mean_logit_change,
            "calibration_error": one.calibration_error,
            "brier": one.brier,
            "roc_area": one.roc_area,
        }
    if one:
        blank = replace(blank, reason="undefined")
    examples = int(one.pairs.examples) if one else 0
    return [
        _filled(replace(blank, metric=metric, unit=METRICS[metric].unit), value, examples)
        for metric, value in values.items()
    ]


_METRICS = (
    "agreement", "lost", "won", "mcnemar_p", "accuracy_change", "f1_change", "retention", *_HOLDS, "max_logit_change",
    "mean_logit_change", "calibration_error", "brier", "roc_area",
)  # fmt: skip


def _filled(blank: Figure, value: float | Estimate | Retention | None, examples: int) -> Figure:
    if value is None:
        return blank
    low, high = (value.low, value.high) if isinstance(value, Estimate | Retention) else (None, None)
    number = value.value if isinstance(value, Estimate | Retention) else float(value)
    return replace(blank, value=number, low=low, high=high, n=examples, status="ok", reason="")
