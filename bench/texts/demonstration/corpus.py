"""The bundled demonstration corpus: short news-like texts, real and fake, that a seeded grammar writes.

It is a DEMONSTRATION and no data about the world: every sentence is made up by ``corpus_sentences``, and what a
classifier scores on it says nothing about news. It has the shape of the task, so that everything can be shown without
a download: fakes of "train" and "test" give themselves away by a lurid style (with some noise), most of those of
"external" are sober sentences on other topics that merely say what is false, so that a classifier which is almost
perfect at home misses most of them abroad, as published ones do.
"""

from __future__ import annotations

import functools
import random
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from bench.texts.demonstration.corpus_sentences import (
    DOUBTFUL_SENTENCES,
    EVENT_SENTENCES,
    LURID_SENTENCES,
    LURID_TITLES,
    ONCE,
    SOBER_SENTENCES,
    SOBER_TITLES,
    TABLOID_SENTENCES,
    TABLOID_TITLES,
    WORDS,
)
from bench.texts.demonstration.corpus_topics import AWAY_NAMES, AWAY_TOPICS, HOME_NAMES, HOME_TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.texts.demonstration.corpus_topics import Names, Topic

T = TypeVar("T")
Split: TypeAlias = Literal["train", "test", "external"]

LABELS = ("real", "fake")
MIN_WORDS, MAX_WORDS = 25, 70  # of a text, its title included
_SENTENCES = (3, 6)  # of a text: at least, and fewer than
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One way of writing: a title, some sentences that mark the style, and sober ones around them."""

    titles: tuple[str, ...] = SOBER_TITLES
    marks: tuple[tuple[str, ...], ...] = ()  # one sentence is drawn from each


SOBER = Style()
EVENT = Style(marks=(EVENT_SENTENCES, EVENT_SENTENCES))  # real or untrue: nothing in the text tells which
HEARSAY = Style(marks=(DOUBTFUL_SENTENCES,))
TABLOID = Style(titles=TABLOID_TITLES, marks=(TABLOID_SENTENCES,))
LURID = Style(titles=LURID_TITLES, marks=(LURID_SENTENCES, LURID_SENTENCES, TABLOID_SENTENCES + LURID_SENTENCES))
HALF_LURID = Style(titles=TABLOID_TITLES + SOBER_TITLES, marks=(LURID_SENTENCES, DOUBTFUL_SENTENCES))
QUIET = Style(marks=(DOUBTFUL_SENTENCES, DOUBTFUL_SENTENCES))

Mixture: TypeAlias = tuple[tuple[Style, float], ...]  # shares of one label's texts; they sum to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where the texts of one split come from."""

    size: int  # texts, half of each label
    names: Names
    topics: tuple[Topic, ...]
    mixtures: tuple[Mixture, Mixture]  # by label


# The lurid real texts and the lying sober fakes of home are noise: no reader could tell them by their style.
_HOME: tuple[Mixture, Mixture] = (
    ((SOBER, 0.54), (EVENT, 0.30), (HEARSAY, 0.05), (TABLOID, 0.10), (LURID, 0.01)),
    ((LURID, 0.70), (HALF_LURID, 0.17), (QUIET, 0.115), (EVENT, 0.015)),
)
_AWAY: tuple[Mixture, Mixture] = (
    ((SOBER, 0.54), (EVENT, 0.35), (HEARSAY, 0.05), (TABLOID, 0.06)),
    ((LURID, 0.14), (HALF_LURID, 0.08), (QUIET, 0.10), (EVENT, 0.68)),
)
_SOURCES: dict[Split, _Source] = {
    "train": _Source(size=3000, names=HOME_NAMES, topics=HOME_TOPICS, mixtures=_HOME),
    "test": _Source(size=400, names=HOME_NAMES, topics=HOME_TOPICS, mixtures=_HOME),
    "external": _Source(size=250, names=AWAY_NAMES, topics=(*AWAY_TOPICS, *HOME_TOPICS[:4]), mixtures=_AWAY),
}


def corpus(split: Split, seed: int = 7) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Texts of one split and their labels (indices of LABELS), shuffled; no text stands twice in all three splits."""
    return _corpora(seed)[split]


@functools.cache
def _corpora(seed: int) -> dict[Split, tuple[tuple[str, ...], tuple[int, ...]]]:
    """All splits of one seed; they are written together, since no text may stand in two of them."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    written: set[str] = set()
    return {split: _write_split(rng, source, written) for split, source in _SOURCES.items()}


def _write_split(rng: random.Random, source: _Source, written: set[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Texts and labels of one split, none of them in ``written``, which grows by them."""
    rows: list[tuple[str, int]] = []
    while len(rows) < source.size:
        label = len(rows) % len(LABELS)
        style = _style_at(source.mixtures[label], len(rows) / source.size)
        text = _write_text(rng, source, style)
        if text not in written and MIN_WORDS <= len(text.split()) <= MAX_WORDS:
            written.add(text)
            rows.append((text, label))
    rows = _shuffled(rng, rows)
    return tuple(text for text, _ in rows), tuple(label for _, label in rows)


def _style_at(mixture: Mixture, place: float) -> Style:
    """Style of the text at ``place`` (from 0 to 1) of a split; no chance, so that every seed keeps to the shares."""
    for style, share in mixture:
        place -= share
        if place < 0:
            return style
    return mixture[-1][0]  # shares may sum to a hair less than 1


def _write_text(rng: random.Random, source: _Source, style: Style) -> str:
    """One text: a title, then the sentences that mark the style, anywhere among sober ones."""
    sentences: list[str] = []
    for pool in style.marks:
        sentences.append(_one(rng, [sentence for sentence in pool if sentence not in sentences]))
    # As many sentences whatever the style, so that length does not give it away.
    sentences += _shuffled(rng, SOBER_SENTENCES)[: _one(rng, range(*_SENTENCES)) - len(sentences)]
    text = " ".join([_one(rng, style.titles), *_shuffled(rng, sentences)])
    lists = WORDS | asdict(source.names) | asdict(_one(rng, source.topics))
    return _fill(rng, text, lists, {})


def _fill(rng: random.Random, text: str, lists: Mapping[str, Sequence[str]], known: dict[str, str]) -> str:
    """Fill the slots of ``text`` and of what fills them; a slot with a capital letter is filled with one."""

    def fill(match: re.Match[str]) -> str:
        name = match[1].lower()
        words = known.get(name) or _fill(rng, _words(rng, name, lists), lists, known)
        if name in ONCE:
            known[name] = words
        return words[0].upper() + words[1:] if match[1][0].isupper() else words

    return _SLOT.sub(fill, text)


def _words(rng: random.Random, name: str, lists: Mapping[str, Sequence[str]]) -> str:
    match name:
        case "percent":
            return f"{_one(rng, range(3, 190)) / 10:.1f}"
        case "money":
            return f"{_one(rng, range(12, 900)) / 10:.1f} million crowns"
        case "number":
            return f"{_one(rng, range(12, 960)) * 10:,}"
        case "day":
            return str(_one(rng, range(1, 29)))
    return _one(rng, lists[name])


# Of random.Random, random() alone is used: the one method whose numbers Python promises to keep.


def _one(rng: random.Random, items: Sequence[T]) -> T:
    return items[int(rng.random() * len(items))]


def _shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    return sorted(items, key=lambda _: rng.random())
