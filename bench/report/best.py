"""A choice as text, and as the evidence that lies beside what was chosen."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import tabulate

from bench.runs.measurement import batch_shape
from bench.units import CAUTION, format_bytes, format_share
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from bench.analysis.choice import Candidate, Choice, Drop
    from bench.runs.measurement import Figure
    from bench.runs.store import Run


def render_choice(choice: Choice) -> str:
    """A table of all variants, and what to take."""
    rows = [_row(one) for one in choice.candidates]
    table = tabulate.tabulate(rows, ["variant", choice.objective, "accuracy lost", ""], disable_numparse=True)
    best, alike = choice.best, ", ".join(one.variant for one in choice.alike)
    lines = [table, "", f"take {best.variant}{_gain(choice)}; {lost_accuracy(best.drop)}"]
    if alike:
        lines.append(f"this run cannot tell it from: {alike}; with a longer --time-budget it may")
    lines += [f"{CAUTION} {best.variant}: {caution}" for caution in best.cautions]
    return "\n".join(lines)


def render_evidence(run: Run, choice: Choice) -> str:
    """Why it was chosen, as JSON: every candidate with its figure in SI units, and where all was measured."""
    return json.dumps(
        {
            "chosen": choice.best.variant,
            "objective": choice.objective,
            "max_accuracy_drop": choice.max_drop,
            "candidates": [asdict(one) for one in choice.candidates],
            "as_good": [one.variant for one in choice.alike],
            "checkpoint": asdict(run.checkpoint),
            "sets": [asdict(one) for one in run.sets],
            "environment": run.environment,
        },
        indent=1,
    )


def _row(one: Candidate) -> tuple[str, str, str, str]:
    lost = "" if one.drop is None else format_share(one.drop.share)
    return one.variant, shown_value(one.figure), lost, one.out


def shown_value(figure: Figure | None) -> str:
    """A figure with its unit, and the batch that it is of."""
    if figure is None or figure.value is None:
        return ""
    at = f" ({batch_shape(figure.workload)})" if figure.workload else ""
    if figure.unit == "B":
        return format_bytes(figure.value) + at
    if figure.unit == "s":
        return f"{figure.value * 1e3:.3g} ms{at}"
    return f"{figure.value:.3g} texts/s{at}"


def _gain(choice: Choice) -> str:
    """How much better than the reference it is."""
    reference = next((one.figure for one in choice.candidates if one.variant == REFERENCE), None)
    best = choice.best.figure
    alike = {choice.best.variant, *(one.variant for one in choice.alike)}
    if not reference or not best or not reference.value or not best.value or REFERENCE in alike:
        return ""
    times = reference.value / best.value if choice.objective != "throughput" else best.value / reference.value
    word = {"latency": "as fast as", "throughput": "the throughput of"}.get(choice.objective, "as small as")
    return f": {times:.2f} times {word} {REFERENCE}"


def lost_accuracy(drop: Drop | None) -> str:
    """What a variant loses, as the end of a sentence."""
    if drop is None:
        return "what it loses of accuracy is not known"
    if not drop.on:
        return f"its labels differ from {REFERENCE}'s on {format_share(drop.share)} of the texts of the parity test"
    return f"loses {format_share(drop.share)} of accuracy on {drop.on} (95 %: at most {format_share(max(drop.most, 0.0) + 0.0)})"
