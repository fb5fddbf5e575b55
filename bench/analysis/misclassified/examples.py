"""A seeded sample of misclassified texts, by direction."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from ..probability_calibration import probabilities

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from ...runs.predictions import Answers

    _Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text that a variant misclassified."""

    index: int  # in the order of the answers
    row: str  # hash of the text
    called: dict[str, int]  # predicted class, by variant
    chance: float  # probability of the class that the lead variant predicts
    tokens: int | None  # of the whole text


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """Texts of one class that are predicted as another."""

    truth: int
    called: int
    texts: int
    disagreed: int  # on which variants disagree
    examples: tuple[Example, ...]


def sample_errors(answers: Answers, erring: Iterable[str], lead_variant: str, count: int, seed: int) -> list[Direction]:
    """Draw at most ``count`` texts of each direction in which one of the variants ``erring`` erred, most frequent first.

    Texts on which variants disagree are drawn before others; within each part, those with the highest probability by
    ``lead_variant`` come first. The same seed draws the same texts, whatever their order in the file.
    """
    if answers.head.task == "multi-label":  # a wrong set of labels has no direction
        return []
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
    """Predictions, and every variant's class of each text."""

    def __init__(self, answers: Answers, lead_variant: str) -> None:
        self._answers = answers
        self._called = {variant: logits.argmax(axis=1) for variant, logits in answers.logits.items()}
        self._chances = probabilities(answers.logits[lead_variant]).max(axis=1)
        everyone = np.stack(list(self._called.values()))
        self.apart = (everyone != everyone[0]).any(axis=0)  # whether variants disagree

    def erred(self, variants: Iterable[str], truth: int, called: int) -> _Mask:
        """Texts of class ``truth`` that one of the variants predicts as ``called``."""
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
