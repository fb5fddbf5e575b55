"""The table of what a variant makes of the reference's answers, on the same examples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from bench.analysis.retention import BOUNDS, examples_to_decide
from bench.pipeline.seeds import seed_band
from bench.printable import printable
from bench.report.cells import Column
from bench.units import CHANCE, COUNT, DIFFERENCE, SHARE, VERDICT, counted, format_count, format_share
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.analysis.fidelity import Fidelity
    from bench.report.cells import ByVariant, Content
    from bench.runs.store import Run

    Fidelities: TypeAlias = Mapping[str, Fidelity]  # by variant


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
