"""How many texts are longer than what a model reads of them, and what windows make of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE
from ..analysis.long_texts import CHANGE, usual_way
from ..analysis.misclassified.lengths import reading_length
from ..runs.metrics import read_metric
from ..units import DIFFERENCE, counted, format_number
from .quality import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..runs.store import CheckpointInfo
    from .run_figures import RunFigures

QUALITY = {"single-label": "accuracy", "multi-label": NAMES["accuracy"], "score": NAMES["spearman"]}
_MANY = 0.1  # share of longer texts from which on it is told


def quality(checkpoint: CheckpointInfo) -> str:
    """What the accuracy of a way to read long texts is called."""
    return QUALITY[checkpoint.task]


def longer_shares(cells: RunFigures) -> dict[str, float]:
    """Share of the texts that are longer than what is read of them, by labelled set; sets of unknown lengths are left out."""
    limit = reading_length(cells.run)
    known = {one.name: cells.answers[one.name].tokens for one in cells.run.sets if one.name in cells.answers}
    return {
        name: float((tokens > limit).mean())
        for name, tokens in known.items()
        if limit and tokens is not None and len(tokens)
    }


def longer_line(cells: RunFigures, short: Callable[[str], str]) -> list[str]:
    """Where many texts are longer, the share of the set with most, and what reads them whole; ``short`` shortens a name."""
    limit, windows, shares = reading_length(cells.run), cells.run.plan.windows, longer_shares(cells)
    longest = max(cells.run.sets, key=lambda one: shares.get(one.name, 0.0), default=None)
    if longest is None or shares.get(longest.name, 0.0) <= _MANY:
        return []
    told = f"{100 * shares[longest.name]:.0f} % of {short(longest.name)}'s texts exceed the {limit} tokens read"
    if windows or longest.summary.startswith(counted(longest.rows, "pair")):  # windows of pairs are refused
        return [told]
    return [f"{told}: try --windows {limit}/{limit // 2}"]


def windows_lines(cells: RunFigures, short: Callable[[str], str]) -> Iterator[str]:
    """What windows change, by labelled set."""
    windows, usual = cells.run.plan.windows, usual_way(cells.run.checkpoint)
    measured = {one.data for one in cells.run.measurements if one.metric == read_metric("windows", "accuracy")}
    for labelled in [one for one in cells.run.sets if windows and one.name in measured]:
        change, own, tokens = (
            cells.of_set(name, labelled)(REFERENCE)
            for name in (read_metric("windows", CHANGE), read_metric("windows", "tokens"), read_metric(usual, "tokens"))
        )
        if change.value is None or not own.value or not tokens.value:
            yield f"{windows}, on {short(labelled.name)}: {change.reason}"
            continue
        number, *ends = (
            format_number(one, DIFFERENCE, 3) for one in (change.value, change.low, change.high) if one is not None
        )
        interval = f" ({' to '.join(ends)})" if ends else ""
        what, texts = quality(cells.run.checkpoint), counted(own.n, "text")
        cost = f"{own.value / tokens.value:.2f} × the tokens of {usual}"
        yield f"{windows}, on {texts} of {short(labelled.name)}: {what} {number}{interval}, {cost}"
