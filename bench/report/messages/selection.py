"""A selection as text: every variant, or pair of model and variant, which one to take, and what could change that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tabulate

from ....exporters.variant import REFERENCE
from ...analysis.figures import ANOTHER_MODEL
from ...analysis.objectives import OBJECTIVES
from ...analysis.selection import format_deciding
from ...runs.rows import reference_row
from ...units import CAUTION, format_share, many
from ..formats.terminal import WIDTH, wrapped
from ..quality import loss_name, loss_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...analysis.accuracy_loss import Drop
    from ...analysis.other_model import OtherModel
    from ...analysis.selection import Candidate, Selection
    from ...runs.measurement import Figure

_SETS = 3  # whose accuracies are told
_WIDE = 1.3  # upper / lower end of an interval
_WORDS = {"in": "within", "undecided": "undecided", "out": "out"}


def render_selection(selection: Selection) -> str:
    """A table of all candidates, best first, why each is not within the limits, and which one to take."""
    heads, rows = selection_table(selection)
    reasons: dict[str, list[str]] = {}
    for one in selection.candidates:
        reasons.setdefault(one.why, []).append(one.variant)
    why = [f"{', '.join(names)}: {reason}" for reason, names in reasons.items() if reason]
    costs = "latency, memory and size" if selection.by_costs else f"{loss_of(selection)}, latency, memory and size"
    others = any(one.verdict == ANOTHER_MODEL for one in selection.candidates)
    least = " (another model does not count)" * others
    front = f"* no other variant{least} is as good in {costs}, and better in one of them"
    return "\n\n".join([_table(heads, rows), wrapped([*why, front]), wrapped(answer_lines(selection))])


def selection_table(selection: Selection) -> tuple[list[str], list[list[str]]]:
    """Heads, and a row for each candidate; without a loss of accuracy where costs alone decide."""
    rows = [
        [
            one.variant + "*" * one.pareto_front,
            format_deciding(one.figure),
            *([] if selection.by_costs else [_lost(one)]),
            _WORDS[one.standing],
        ]
        for one in selection.candidates
    ]
    lost = [] if selection.by_costs else [f"{loss_of(selection)} lost"]
    return [selection.kind, selection.objective, *lost, ""], rows


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Names before their cells, or above them where both are wider than a terminal."""
    text = tabulate.tabulate(rows, heads, disable_numparse=True)
    if max(map(len, text.splitlines())) <= WIDTH:
        return text
    head, rule, *cells = tabulate.tabulate([row[1:] for row in rows], heads[1:], disable_numparse=True).splitlines()
    lines = [heads[0], f"  {head}", f"  {rule}"]
    for row, cell in zip(rows, cells, strict=True):
        lines += [row[0], f"  {cell}"]
    return "\n".join(line.rstrip() for line in lines)


def gain(selection: Selection) -> str:
    """How much better than the reference the best one is: "2.00 times as fast as torch-eager"; empty where that is unknown."""
    found = {one.variant: one for one in selection.candidates}
    best, reference = selection.best, found.get(selection.reference)
    as_good = {one.variant for one in (best, *selection.as_good) if one}
    times = _times(selection, best, reference) if best and reference and reference.variant not in as_good else None
    wide = _if_wide(best.told_by) if best and reference and reference.told_by and reference.told_by.value == 1 else ""
    return f"{times:.2f} times {OBJECTIVES[selection.objective].gain} {selection.reference}{wide}" if times else ""


def _if_wide(ratio: Figure | None) -> str:
    """The interval of a speed-up that a run hardly knows: its middle alone would be read as a fact."""
    if ratio is None or ratio.metric != "speed_up" or not ratio.low or not ratio.high or ratio.high < _WIDE * ratio.low:
        return ""
    return f" (95 %: {ratio.low:.2f} to {ratio.high:.2f})"


def _times(selection: Selection, best: Candidate, reference: Candidate) -> float | None:
    for ours, theirs in ((best.told_by, reference.told_by), (best.figure, reference.figure)):
        if not ours or not theirs or not ours.value or not theirs.value or ours.metric != theirs.metric:
            continue
        if ours.metric == "speed_up":  # of paired slices
            return ours.value / theirs.value
        objective = OBJECTIVES[selection.objective]
        return theirs.value / ours.value if objective.lower_is_better else ours.value / theirs.value
    return None


def lost_by_best(selection: Selection) -> list[str]:
    """What the best candidate loses, if there is one and it is not the reference."""
    best = selection.best
    if selection.by_costs:
        return ["accuracy is not measured"]
    return [] if best is None or best.variant == selection.reference else [lost_accuracy(best.drop)]


def lost_accuracy(drop: Drop | None) -> str:
    """What a variant loses, as the end of a sentence."""
    if drop is None:
        return "its loss of accuracy is unknown"
    if not drop.on:
        return f"its labels differ from {REFERENCE}'s on {format_share(drop.share)} of the texts of the parity test"
    if drop.same_model:
        return f"the same model: its logits differ by rounding alone on {many(drop.texts, 'text')}"
    if not drop.labelled:
        told = f"changes the class of {format_share(drop.share)} of {many(drop.texts, 'text')}"
        return f"{told} (95 %: at most {format_share(drop.most)})"
    how, at_most = ("gains", "loses at most") if drop.share < 0 else ("loses", "at most")
    most = format_share(max(drop.most, 0.0) + 0.0)
    return f"{how} {format_share(abs(drop.share))} of {loss_name(drop.metric)} on {drop.on} (95 %: {at_most} {most})"


def other_model_line(one: OtherModel, shorten: Callable[[str], str] = str) -> str:
    """What a model that is not taken achieves on the first sets, and how fast; ``shorten`` is applied to names of sets."""
    told = [
        f"{format_share(own)} on {shorten(name)} ({reference_row(one.variant)}: {format_share(reference)})"
        for name, (own, reference) in [*one.accuracy.items()][:_SETS]
    ]
    more = f" and {len(one.accuracy) - _SETS} more" if len(one.accuracy) > _SETS else ""
    times = f"{one.speed_up:,.0f}" if one.speed_up >= 10 else f"{one.speed_up:.1f}"  # noqa: PLR2004 - two digits
    return f"another model, {one.variant}, has {', '.join(told)}{more} at {times} times its speed: do you need a transformer?"


def answer_lines(selection: Selection) -> list[str]:
    """What to take and why, and what could change that."""
    best = selection.best
    lines = ["take none: no variant is certain to be within every limit"]
    if best:
        told = [part for part in (gain(selection), *(lost_by_best(selection) or ["loses nothing"])) if part]
        lines = [
            f"take {best.variant}: {'; '.join(told)}",
            "it is within every limit by the ends of its 95 % intervals",
        ]
        lines += [f"{CAUTION} {best.variant}: {caution}" for caution in best.cautions]
    if selection.as_good:
        lines.append(f"this run cannot distinguish it from: {_names(selection.as_good)}; a longer --time-budget may")
    if selection.possibly_better:
        meanwhile = f"; take {best.variant} until that is decided" if best else ""
        lines.append(f"undecided, and better if within: {_names(selection.possibly_better)}{meanwhile}")
    if selection.unscored:
        lines.append(
            f"{many(selection.unscored, 'text')} of its sets were left out: a longer --time-budget scores them"
        )
    return [*lines, *map(other_model_line, selection.other_models)]


def _names(candidates: tuple[Candidate, ...]) -> str:
    return ", ".join(one.variant for one in candidates)


def _lost(one: Candidate) -> str:
    if one.drop is None:
        return ""
    if one.verdict == "same model":
        return f"{format_share(one.drop.share)} (same model)"
    if one.drop.least == one.drop.most:
        return format_share(one.drop.share)
    return f"{format_share(one.drop.share)} ({one.drop.least:+.3f} to {one.drop.most:+.3f})"
