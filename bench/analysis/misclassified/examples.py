"""A seeded sample of misclassified texts, by direction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from ....exporters.head import sigmoid
from ..probability_calibration import probabilities

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from ....exporters.labels import Label
    from ...runs.predictions import Answers

    _Mask = npt.NDArray[np.bool_]
    _Chances = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text that a variant misclassified."""

    index: int  # in the order of the answers
    row: str  # hash of the text
    truth: Label
    called: dict[str, Label]  # what each variant predicts
    chance: float  # the lead variant's probability of the class that it predicts, or of the label in question
    tokens: int | None  # of the whole text


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """Texts of one class that are predicted as another; of several labels, texts without one that they have, or with another."""

    truth: int | None  # None: a label that is predicted for texts without it
    called: int | None  # None: a label that is missed
    texts: int
    disagreed: int  # on which variants disagree
    examples: tuple[Example, ...]


def sample_errors(answers: Answers, erring: Iterable[str], lead_variant: str, count: int, seed: int) -> list[Direction]:
    """Draw at most ``count`` texts of each direction in which one of the variants ``erring`` erred, most frequent first.

    Texts on which variants disagree are drawn before others; within each part, those of which ``lead_variant`` is surest come
    first. The same seed draws the same texts, whatever their order in the file.
    """
    answered = (_Labels if answers.head.task == "multi-label" else _Classes)(answers, lead_variant)
    variants, found = tuple(erring), []
    for number, (truth, called) in enumerate(answered.directions()):
        erred = answered.erred(variants, truth, called)
        if not erred.any():
            continue
        random = np.random.default_rng([seed, number] if truth is None or called is None else [seed, truth, called])
        direction = Direction(
            truth=truth,
            called=called,
            texts=int(erred.sum()),
            disagreed=int((erred & answered.apart).sum()),
            examples=answered.draw(erred, count, random, truth, called),
        )
        found.append(direction)
    return sorted(found, key=lambda one: -one.texts)


class _Answered(ABC):
    """Predictions, every variant's answer to each text, and the ways in which it can be wrong."""

    def __init__(self, answers: Answers, lead_variant: str) -> None:
        self.answers, self.lead = answers, answers.logits[lead_variant]
        self.called = {variant: answers.answers(variant) for variant in answers.logits}
        every = [*self.called.values()]
        different = np.array([one != every[0] for one in every])
        by_text = different.reshape(len(every), len(answers.rows), -1)
        self.apart: _Mask = np.asarray(by_text.any(axis=(0, 2)))  # whether variants disagree

    def draw(
        self, erred: _Mask, count: int, random: np.random.Generator, truth: int | None, called: int | None
    ) -> tuple[Example, ...]:
        disputed = random.permutation(np.flatnonzero(erred & self.apart))[:count]
        agreed = random.permutation(np.flatnonzero(erred & ~self.apart))[: count - len(disputed)]
        chances = self.chances(truth, called)
        sure = 1 - chances if called is None else chances
        surest_first = [part[np.argsort(-sure[part], kind="stable")] for part in (disputed, agreed)]
        return tuple(self._example(int(index), float(chances[index])) for index in np.concatenate(surest_first))

    def _example(self, index: int, chance: float) -> Example:
        tokens = self.answers.tokens
        return Example(
            index=index,
            row=str(self.answers.rows[index]),
            truth=self.label(self.answers.labels[index]),
            called={variant: self.label(answers[index]) for variant, answers in self.called.items()},
            chance=chance,
            tokens=None if tokens is None else int(tokens[index]),
        )

    @abstractmethod
    def directions(self) -> Iterator[tuple[int | None, int | None]]:
        """``truth`` and ``called`` of every direction."""

    @abstractmethod
    def erred(self, variants: Iterable[str], truth: int | None, called: int | None) -> _Mask:
        """Texts on which one of the variants errs in this direction."""

    @abstractmethod
    def chances(self, truth: int | None, called: int | None) -> _Chances:
        """The lead variant's probability of each text: see ``Example.chance``."""

    @abstractmethod
    def label(self, answer: Any) -> Label:
        """An answer of ``Head.answers`` as a label."""


class _Classes(_Answered):
    """One class of each text."""

    def directions(self) -> Iterator[tuple[int | None, int | None]]:
        yield from permutations(range(self.lead.shape[1]), 2)

    def erred(self, variants: Iterable[str], truth: int | None, called: int | None) -> _Mask:
        """Texts of class ``truth`` that one of the variants predicts as ``called``."""
        by_any = np.any([self.called[variant] == called for variant in variants], axis=0)
        return np.asarray(by_any & (self.answers.labels == truth))

    def chances(self, truth: int | None, called: int | None) -> _Chances:  # noqa: ARG002 - of the class predicted
        found: _Chances = probabilities(self.lead).max(axis=1)
        return found

    def label(self, answer: Any) -> Label:
        return int(answer)


class _Labels(_Answered):
    """Several labels of each text."""

    def directions(self) -> Iterator[tuple[int | None, int | None]]:
        for label in range(self.lead.shape[1]):
            yield from ((label, None), (None, label))

    def erred(self, variants: Iterable[str], truth: int | None, called: int | None) -> _Mask:
        """Texts whose label ``truth`` one of the variants misses, or that one gives ``called``, which they do not have."""
        label, given = (truth, False) if called is None else (called, True)
        by_any = np.any([(self.called[variant][:, label] == 1) == given for variant in variants], axis=0)
        return np.asarray(by_any & ((self.answers.labels[:, label] == 1) != given))

    def chances(self, truth: int | None, called: int | None) -> _Chances:
        found: _Chances = sigmoid(self.lead[:, truth if called is None else called])
        return found

    def label(self, answer: Any) -> Label:
        return tuple(np.flatnonzero(np.asarray(answer) == 1).tolist())
