"""Which texts a run scores: all, or a sample that its time budget allows, the same for every variant."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from ..console import note
from ..measure.workload import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...exporters.labels import Label
    from ...exporters.texts import Text
    from ..texts.data import LabelledSet
    from .unlabelled import Unlabelled

T = TypeVar("T")
SHARE = 0.45  # of the time budget; the rest is for latency, memory and load times
LEAST = 100  # texts of a set; of fewer nothing is decided
_STEPS = (
    1.0,
    1.25,
    1.5,
    1.75,
)  # times LEAST and a power of two: a machine a little slower on another day scores the same texts
_TOKENIZED = 64  # texts of a set, which tell its mean length


def expected_tokens(
    sets: Sequence[LabelledSet], unlabelled: Unlabelled, count_tokens: Callable[[Sequence[Text]], Sequence[int]]
) -> float:
    """Tokens of all texts, from some of each set; ``count_tokens``: of each text, as a model reads it."""
    lengths = [count_tokens(spread(one.texts, _TOKENIZED)) for one in sets]
    labelled = sum(sum(of_set) / len(of_set) * len(one.texts) for one, of_set in zip(sets, lengths, strict=True))
    return labelled + sum(map(len, unlabelled.tokens.values()))


def within_budget(
    sets: Sequence[LabelledSet], unlabelled: Unlabelled, scoring_s: float, budget: float
) -> tuple[tuple[LabelledSet, ...], Unlabelled]:
    """The sets, or evenly spread samples of them, which are scored in SHARE of ``budget`` (s).

    ``scoring_s``: seconds that all variants take to score all texts. Every set keeps the same share of its texts, and LEAST of
    them. Prints one line about each sample.
    """
    share = SHARE * budget / max(scoring_s, 1e-9)
    if share >= 1:
        return tuple(sets), unlabelled
    kept = stepped(len(unlabelled.tokens), share)
    if kept < len(unlabelled.tokens):
        note(f"texts without labels: {_told(kept, len(unlabelled.tokens))}")
        unlabelled = replace(unlabelled, tokens=dict(islice(unlabelled.tokens.items(), kept)))
    return tuple(_sampled(one, stepped(len(one.texts), share)) for one in sets), unlabelled


def stepped(count: int, share: float) -> int:
    """At most ``share`` of ``count`` texts, rounded down to a step; but LEAST.

    >>> stepped(2140, 0.6), stepped(2140, 0.01), stepped(80, 0.01), stepped(2140, 1)
    (1200, 100, 80, 2140)
    """
    if share >= 1 or count <= LEAST:
        return count
    most, found, power = count * share, LEAST, 1
    while power * LEAST <= most:
        found = max(int(power * step * LEAST) for step in _STEPS if power * step * LEAST <= most)
        power *= 2
    return found


def _sampled(labelled: LabelledSet, count: int) -> LabelledSet:
    whole = len(labelled.texts)
    by_class = labelled.task == "single-label"
    count = max(count, len(set(labelled.labels))) if by_class else count  # one of each class
    if count == whole:
        return labelled
    note(f"set {labelled.name}: {_told(count, whole)}")
    chosen = _of_each_class(labelled.labels, count) if by_class else _chosen(labelled, count)

    def some(items: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(items[place] for place in chosen)

    return replace(
        labelled,
        texts=some(labelled.texts),
        labels=some(labelled.labels),
        places=some(labelled.places) if labelled.places else (),
        queries=some(labelled.queries) if labelled.queries else (),
        unscored=whole - len(chosen),
    )


def _chosen(labelled: LabelledSet, count: int) -> list[int]:
    """Places of ``count`` texts, evenly spread; with queries, of whole queries, which are ranked together."""
    if not labelled.queries:
        return spread(range(len(labelled.texts)), count)
    places: dict[str, list[int]] = {}
    for place, query in enumerate(labelled.queries):
        places.setdefault(query, []).append(place)
    some = spread([*places.values()], max(1, count * len(places) // len(labelled.texts)))
    return sorted(place for of_query in some for place in of_query)


def _of_each_class(labels: Sequence[Label], count: int) -> list[int]:
    """Places of ``count`` texts in their order: of each class the same share, evenly spread, and one at least."""
    places: dict[Label, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    shares = {label: max(1, int(count * len(own) / len(labels))) for label, own in places.items()}
    largest = sorted(places, key=lambda label: -len(places[label]))
    for label in largest[: max(0, count - sum(shares.values()))]:  # what rounding down left
        shares[label] += 1
    for _ in range(sum(shares.values()) - count):  # what one of each rare class is too many
        shares[max(shares, key=shares.__getitem__)] -= 1
    return sorted(place for label, own in places.items() for place in spread(own, shares[label]))


def _told(count: int, whole: int) -> str:
    return f"{count} of {whole} texts are scored, as many as the time budget allows; a longer --time-budget scores more"
