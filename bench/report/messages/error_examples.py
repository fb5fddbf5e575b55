"""Misclassified texts: examples of each direction, and accuracy by the values of a column."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ...printable import printable
from ...texts.labels import told
from ...units import counted, format_share
from ..formats.escapes import excerpt, excerpt_lines
from ..formats.terminal import WIDTH, simple_table, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ....exporters.labels import Label
    from ...analysis.misclassified.analysis import Asked, SetErrors
    from ...analysis.misclassified.by_value import ValueGroup
    from ...analysis.misclassified.examples import Direction, Example

_EXCERPT = 220  # columns of a text, about three lines
_VALUE = 24  # columns of a value or of a column's name
_DIRECTIONS = 12  # shown of a set; a hundred classes have thousands
_INDENT = "    "
_QUOTE = f"{_INDENT}> "  # so that no text looks like a line of this report


def render_errors(found: Sequence[SetErrors], labels: Sequence[str], asked: Asked) -> str:
    """Every labelled set, then how its examples were drawn."""
    labels = [excerpt(label, _VALUE) for label in labels]
    parts = [_set(one, labels, asked) for one in found]
    several = any(one.answered.answers.head.task == "multi-label" for one in found)
    of = "the label that is missed or given wrongly" if several else "the class that it predicts"
    notes = [
        f"counted: texts that {printable(asked.variant) if asked.variant else 'at least one variant'} misclassifies that way",
        f"drawn with seed {asked.seed}: texts on which variants disagree, then others, each by falling probability",
        f"in brackets: the variant's probability of {of}",
    ]
    if not any(one.answered.texts for one in found):
        notes.append(
            "texts are not shown: a saved run holds only their hashes; pass the labelled files with --external"
        )
    return "\n\n\n".join([*parts, wrapped(notes)])


def _set(found: SetErrors, labels: Sequence[str], asked: Asked) -> str:
    texts = counted(len(found.answered.answers.rows), "text")
    head = f"{excerpt(found.answered.name, _VALUE)}: {texts}, {found.wrong} misclassified by {printable(found.lead_variant)}"
    shown, hidden = found.directions[:_DIRECTIONS], found.directions[_DIRECTIONS:]
    paragraphs = [wrapped([head]), *(_direction(found, one, labels) for one in shown)]
    if hidden:
        rest = sum(one.texts for one in hidden)
        paragraphs.append(f"{counted(len(hidden), 'rarer direction')}, {counted(rest, 'text')}")
    if found.values and asked.by:
        paragraphs.append(_values(found.values, asked.by, found.lead_variant))
    return "\n\n".join(paragraphs)


def _direction(found: SetErrors, direction: Direction, labels: Sequence[str]) -> str:
    head = f"{_said(direction, labels)}: {counted(direction.texts, 'text')}"
    if direction.disagreed:
        head += f", variants disagree on {direction.disagreed}"
    if len(direction.examples) < direction.texts:
        head += f"; {len(direction.examples)} shown"
    lines = [line for example in direction.examples for line in _example(found, example, labels)]
    return "\n".join([wrapped([head]), *lines])


def _said(direction: Direction, labels: Sequence[str]) -> str:
    truth, called = (None if one is None else labels[one] for one in (direction.truth, direction.called))
    if called is None:
        return f"{truth} missed"
    return f"{called} given wrongly" if truth is None else f"{truth} predicted as {called}"


def _example(found: SetErrors, example: Example, labels: Sequence[str]) -> Iterator[str]:
    answered = found.answered
    place = f"text {example.row}"
    if answered.places:
        path, number = answered.places[example.index]
        place = f"{excerpt(path.name, _VALUE)} row {number}, {place}"
    yield f"  {place}" + (f", {counted(example.tokens, 'token')}" if example.tokens is not None else "")
    calls = _calls(found, example, labels)
    yield textwrap.fill(calls, WIDTH, initial_indent=_INDENT, subsequent_indent=f"{_INDENT}  ", break_on_hyphens=False)
    if answered.texts:
        lines = excerpt_lines(answered.texts[example.index], _EXCERPT, WIDTH - len(_QUOTE))
        yield from (f"{_QUOTE}{line}" for line in lines)


def _calls(found: SetErrors, example: Example, labels: Sequence[str]) -> str:
    """The classes that the variants predict, that of the lead variant first."""
    chance = f"{printable(found.lead_variant)} ({format_share(example.chance)})"
    by_class: dict[Label, list[str]] = {example.called[found.lead_variant]: [chance]}
    for variant, called in example.called.items():
        if variant != found.lead_variant:
            by_class.setdefault(called, []).append(printable(variant))
    if len(by_class) == 1 and len(example.called) > 1:
        return f"{told(next(iter(by_class)), labels)} by every variant, {chance}"
    return "; ".join(f"{told(called, labels)} by {', '.join(variants)}" for called, variants in by_class.items())


def _values(values: Sequence[ValueGroup], column: str, lead_variant: str) -> str:
    heads = [excerpt(column, _VALUE), "texts", "accuracy", "95 % interval", "all variants"]
    rows = [
        (
            excerpt(one.value, _VALUE),
            str(one.group.texts),
            format_share(one.group.right / one.group.texts),
            _span(*one.group.interval),
            _span(one.least, one.most),
        )
        for one in values
    ]
    head = f"accuracy of {printable(lead_variant)} by {heads[0]}; all variants: worst to best"
    return f"{wrapped([head])}\n\n{simple_table(heads, rows)}"


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{format_share(low)} to {format_share(high)}"
