"""Which errors are shown: a seeded sample of each kind, so that nobody picks them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis.probability_calibration import probabilities

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from bench.runs.predictions import Answers

    _Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text that a variant called wrong."""

    index: int  # in the order of the answers
    row: str  # hash of the text
    called: dict[str, int]  # class, by variant
    chance: float  # that one variant, which speaks for all, gives to the class it called
    tokens: int | None  # of the whole text


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """All errors of one kind: of one class, called another."""

    truth: int
    called: int
    texts: int
    disagreed: int  # on which not all variants say the same
    examples: tuple[Example, ...]


def sample_errors(answers: Answers, erring: Iterable[str], lead_variant: str, count: int, seed: int) -> list[Direction]:
    """Draw ``count`` texts at most of each direction in which one of the variants ``erring`` erred, the commonest first.

    Texts on which variants disagree are drawn first, then others; of each of the two, those of which ``lead_variant`` is surest
    come first. The same seed draws the same texts, whatever the order of the file that they came from.
    """
    answered = _Answered(answers, lead_variant)
    found = []
    for truth, called in permutations(range(answers.logits[lead_variant].shape[1]), 2):
        erred = answered.erred(erring, truth, called)
        if not erred.any():
            continue
        direction = Direction(
            truth=truth,
            called=called,
            texts=int(erred.sum()),
            disagreed=int((erred & answered.apart).sum()),
            examples=answered.draw(erred, count, np.random.default_rng([seed, truth, called])),
        )
        found.append(direction)
    return sorted(found, key=lambda one: -one.texts)


class _Answered:
    """Answers, and what every variant calls each text by them."""

    def __init__(self, answers: Answers, lead_variant: str) -> None:
        self._answers = answers
        self._called = {variant: logits.argmax(axis=1) for variant, logits in answers.logits.items()}
        self._chances = probabilities(answers.logits[lead_variant]).max(axis=1)
        everyone = np.stack(list(self._called.values()))
        self.apart = (everyone != everyone[0]).any(axis=0)  # whether variants disagree

    def erred(self, variants: Iterable[str], truth: int, called: int) -> _Mask:
        """Texts of class ``truth`` that one of the variants calls ``called``."""
        by_any = np.any([self._called[variant] == called for variant in variants], axis=0)
        return np.asarray(by_any & (self._answers.labels == truth))

    def draw(self, erred: _Mask, count: int, random: np.random.Generator) -> tuple[Example, ...]:
        disputed = random.permutation(np.flatnonzero(erred & self.apart))[:count]
        agreed = random.permutation(np.flatnonzero(erred & ~self.apart))[: count - len(disputed)]
        surest_first = [part[np.argsort(-self._chances[part], kind="stable")] for part in (disputed, agreed)]
        return tuple(self._example(int(index)) for index in np.concatenate(surest_first))

    def _example(self, index: int) -> Example:
        tokens = self._answers.tokens
        return Example(
            index=index,
            row=str(self._answers.rows[index]),
            called={variant: int(classes[index]) for variant, classes in self._called.items()},
            chance=float(self._chances[index]),
            tokens=None if tokens is None else int(tokens[index]),
        )
