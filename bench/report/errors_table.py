"""The table with which an error analysis begins: how many texts were called wrong, which way, and how long they are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bench.analysis.misclassified.lengths import typical
from bench.measure.accuracy import positive
from bench.report.cells import Column
from bench.report.lengths import by_set_and_variant, cut_note
from bench.runs.measurement import METRICS, Figure
from bench.units import COUNT, SHARE, TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.analysis.misclassified.lengths import Tokens
    from bench.report.cells import ByVariant, Content
    from bench.runs.predictions import Answers
    from bench.runs.store import Run


_KINDS = ("right", "wrong")
_BINARY = 2


def error_lengths(run: Run, answers: Mapping[str, Answers]) -> list[Figure]:
    """Lengths of right and of wrong texts, by labelled set and variant, in the order of the plan."""
    return by_set_and_variant(run, answers, _lengths)


def errors_contents(of_set: Callable[[str, str | None], ByVariant], labels: Sequence[str]) -> list[Content]:
    """From how many, by way of which, to how long; ``of_set`` finds a figure by metric and label."""
    count = partial(Column, scale=COUNT)
    length = partial(Column, scale=TOKENS, group="lengths")
    accuracy = of_set("accuracy", None)
    return [
        (count(head="texts", group="errors"), lambda variant: _texts(accuracy(variant))),
        (count(head="right", group="errors"), lambda variant: _right(accuracy(variant))),
        (count(head="wrong", group="errors"), lambda variant: _wrong(accuracy(variant))),
        (Column(head="accuracy", scale=SHARE, group="errors", interval=True), accuracy),
        *_directions(of_set, labels),
        *(
            (length(head=f"{way} length {kind}", short=f"{kind}\n{way}"), of_set(f"{kind}_tokens_{way}", None))
            for kind in _KINDS
            for way in ("mean", "median")
        ),
    ]


def errors_notes(run: Run) -> list[str]:
    """What the columns mean."""
    labels = run.checkpoint.labels
    notes = ["accuracy: right / texts; ±: to the farther end of the 95 % interval"]
    if len(labels) == _BINARY:
        sought, other = labels[positive(labels)], labels[1 - positive(labels)]
        notes.append(f"false positives: {other} called {sought}; false negatives: {sought} called {other}")
    return [*notes, f"lengths: of the whole texts that were called right, and wrong; {cut_note(run)}"]


def _directions(of_set: Callable[[str, str | None], ByVariant], labels: Sequence[str]) -> list[Content]:
    """Of a binary classifier; of more classes, the directions are in the table of accuracy."""
    if len(labels) != _BINARY:
        return []
    sought, other = labels[positive(labels)], labels[1 - positive(labels)]
    count = partial(Column, scale=COUNT, group="errors")
    return [
        (count(head="false positives", short="false\npos."), of_set("confusion", f"{other} as {sought}")),
        (count(head="false negatives", short="false\nneg."), of_set("confusion", f"{sought} as {other}")),
    ]


def _texts(accuracy: Figure) -> Figure:
    return _counted(accuracy, "texts", accuracy.n)


def _right(accuracy: Figure) -> Figure:
    return _counted(accuracy, "right", round((accuracy.value or 0) * accuracy.n))


def _wrong(accuracy: Figure) -> Figure:
    return _counted(accuracy, "wrong", accuracy.n - round((accuracy.value or 0) * accuracy.n))


def _counted(accuracy: Figure, metric: str, count: int) -> Figure:
    derived = replace(accuracy, metric=metric, low=None, high=None)
    return derived if accuracy.value is None else replace(derived, value=float(count))


def _lengths(blank: Figure, answers: Answers | None) -> list[Figure]:
    """The same figures whether there is anything to measure or not."""
    if answers is None or answers.tokens is None or blank.variant not in answers.logits:
        return [figure for kind in _KINDS for figure in _of_kind(blank, kind, None)]
    right = answers.logits[blank.variant].argmax(axis=1) == answers.labels
    chosen = {"right": answers.tokens[right], "wrong": answers.tokens[~right]}
    return [figure for kind in _KINDS for figure in _of_kind(blank, kind, chosen[kind])]


def _of_kind(blank: Figure, kind: str, tokens: Tokens | None) -> list[Figure]:
    metrics = {way: f"{kind}_tokens_{way}" for way in ("mean", "median")}
    if tokens is None:
        return [_named(blank, metric) for metric in metrics.values()]
    known = typical(tokens)
    if known is None:
        return [_named(replace(blank, reason=f"no {kind} texts"), metric) for metric in metrics.values()]
    measured = replace(blank, n=len(tokens), status="ok", reason="")
    return [_named(measured, metrics["mean"], known.mean), _named(measured, metrics["median"], known.median)]


def _named(figure: Figure, metric: str, value: float | None = None) -> Figure:
    return replace(figure, metric=metric, unit=METRICS[metric].unit, value=value)
