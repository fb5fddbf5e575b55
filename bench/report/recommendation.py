"""A recommendation as text, and as the evidence that lies beside what was recommended."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

import tabulate

from bench.report.best import shown_value
from bench.units import CAUTION, format_share
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from bench.analysis.recommendation import Finding, Recommendation, Standings
    from bench.runs.store import Run

_WIDTH = 80  # of a terminal
_WORDS = {"in": "within", "undecided": "undecided", "out": "out"}


def render_recommendation(found: Recommendation) -> str:
    """A table of all variants, best first, what to take, and what a better measurement could change."""
    heads, rows = standings_table(found)
    table, lines = tabulate.tabulate(rows, heads, disable_numparse=True), ["", *standings_notes(found), ""]
    best = found.best
    if best:
        lines.append(f"take {best.variant}: within every limit, by the ends of the intervals too")
        lines += [f"{CAUTION} {best.variant}: {caution}" for caution in best.cautions]
    else:
        lines.append("take none: no variant is surely within every limit")
    if found.hopeful:
        names = ", ".join(one.variant for one in found.hopeful)
        lines.append(
            f"undecided, and better if within: {names}; more labelled texts, or a longer --time-budget, may tell"
        )
    return "\n".join([table, *map(_wrapped, lines)])


def render_reasons(run: Run, found: Recommendation) -> str:
    """Why it was recommended, as JSON: every variant with what it was judged by, in SI units, and where all was measured."""
    return json.dumps(
        {
            "chosen": found.best.variant if found.best else None,
            "objective": found.objective,
            "max_accuracy_drop": found.max_drop,
            "limits": [asdict(one) for one in found.limits],
            "variants": [{"standing": one.standing, "why": why_not(one), **asdict(one)} for one in found.variants],
            "run": run.path.name,
            "checkpoint": asdict(run.checkpoint),
            "sets": [asdict(one) for one in run.sets],
            "environment": run.environment,
        },
        indent=1,
    )


def standings_table(found: Recommendation) -> tuple[list[str], list[list[str]]]:
    """Heads, and a row for each variant."""
    rows = [
        [one.variant + "*" * one.front, shown_value(one.objective), _lost(one), _WORDS[one.standing]]
        for one in found.variants
    ]
    return ["variant", found.objective, "accuracy lost", ""], rows


def standings_notes(found: Recommendation) -> list[str]:
    """Why variants are not within, and what the mark means."""
    why = [f"{one.variant}: {reason}" for one in found.variants if (reason := why_not(one))]
    return [*why, "* no other variant is as good in accuracy, latency, memory and size, and better in one of them"]


def _wrapped(line: str) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _lost(one: Standings) -> str:
    if one.drop is None:
        return ""
    if one.variant == REFERENCE or one.drop.least == one.drop.most:
        return format_share(one.drop.share)
    return f"{format_share(one.drop.share)} ({one.drop.least:+.3f} to {one.drop.most:+.3f})"


def why_not(one: Standings) -> str:
    """Why a variant is not within the limits; empty where it is."""
    if one.out:
        return one.out
    return "; ".join(_reason(finding) for finding in one.findings if finding.standing != "in")


def _reason(finding: Finding) -> str:
    """What is beyond a limit, or may be."""
    may = "may be " if finding.standing == "undecided" else ""
    if finding.drop:
        on = f" on {finding.drop.on}" if finding.drop.on else ""
        return f"{may}above {finding.flag}{on}"
    if finding.figure is None:
        return f"{finding.flag[6:]} was not measured"
    return f"{shown_value(finding.figure)} {'may be' if may else 'is'} above {finding.flag}"
