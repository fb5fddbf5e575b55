"""Label leakage: a column's value, a word or a character that reveals the class without reading the text.

A rule is made on the training split: texts that have a feature get the class of most of them, all others likewise. Its accuracy
is measured on validation and test, so that a rule that was picked from a hundred thousand words by chance shows as such.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ...statistics import Estimate, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy.typing as npt

    Counts: TypeAlias = npt.NDArray[np.int64]

_FIT, _HELD = 0, 1  # texts on which rules are made, and held-out texts
_ENDS = (8, 16, 32, 64, 128, 256, 512, 1024)  # words, the last of each bin; the same for every file
LENGTHS = (
    *(f"{start}–{end}" for start, end in zip((0, *(end + 1 for end in _ENDS)), _ENDS, strict=False)),
    f"over {_ENDS[-1]}",
)
# UTF-8 read as Windows-1252: the letter of the lead byte, then the characters of the bytes after it.
_BROKEN = re.compile("[ÂÃâð][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]+")  # noqa: RUF001 - the very characters
_ASCII_WORDS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and its accuracy on held-out texts."""

    name: str
    texts: int  # of all splits, that have the feature; of a column: distinct values
    of_class: tuple[float, ...]  # share of each class's texts that have it; empty for a column
    accuracy: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelLeakage:
    """How well the class can be told without reading the text."""

    base: Estimate  # accuracy of always the most common class
    columns: tuple[Rule, ...]  # best first; the length of the text is one of them
    words: tuple[Rule, ...]
    marks: tuple[Rule, ...]
    lengths: tuple[tuple[int, ...], ...]  # texts by class, then by LENGTHS


class Totals:
    """Texts of each class, ``(2, classes)``: those on which rules are made, and held-out ones."""

    def __init__(self, classes: int) -> None:
        self.counts: Counts = np.zeros((2, classes), dtype=np.int64)

    def add(self, label: int, *, held: bool) -> None:
        """Count one text."""
        self.counts[_HELD if held else _FIT, label] += 1

    @property
    def base(self) -> Estimate:
        """Accuracy of always the most common class."""
        return _estimate(int(self.counts[_HELD, self.counts[_FIT].argmax()]), int(self.counts[_HELD].sum()))


class Features:
    """Number of texts of each class that have a feature, by the feature's number; there may be a million features."""

    def __init__(self, classes: int) -> None:
        self._counts = np.zeros((2, classes, 1024), dtype=np.int32)

    def add(self, features: npt.NDArray[np.int64], label: int, *, held: bool) -> None:
        """Count one text with its distinct ``features``."""
        if len(features) and features.max() >= self._counts.shape[2]:
            wider = np.zeros((*self._counts.shape[:2], 2 * int(features.max()) + 2), dtype=np.int32)
            wider[:, :, : self._counts.shape[2]] = self._counts
            self._counts = wider
        self._counts[_HELD if held else _FIT, label, features] += 1

    def best(self, names: list[str], totals: Totals, most: int) -> tuple[Rule, ...]:
        """At most ``most`` rules, the best on the texts on which they were made, sorted by held-out accuracy.

        Rules that do no better than the most common class are left out.
        """
        counts = self._counts[:, :, : len(names)].astype(np.int64)
        fit, held = counts
        rest_fit, rest_held = (total[:, None] - part for total, part in zip(totals.counts, (fit, held), strict=True))
        chosen, rest = fit.argmax(axis=0), rest_fit.argmax(axis=0)
        made_right = fit.max(axis=0) + rest_fit.max(axis=0)
        order = np.argsort(-made_right, kind="stable")[:most]
        of_class = counts.sum(axis=0) / np.maximum(totals.counts.sum(axis=0), 1)[:, None]
        found = [
            Rule(
                name=names[index],
                texts=int(counts[:, :, index].sum()),
                of_class=tuple(of_class[:, index].tolist()),
                accuracy=_estimate(
                    int(held[chosen[index], index] + rest_held[rest[index], index]), int(totals.counts[_HELD].sum())
                ),
            )
            for index in order[made_right[order] > totals.counts[_FIT].max()].tolist()
        ]
        return tuple(sorted(found, key=lambda one: -one.accuracy.value))


class Column:
    """A column as the only feature: a value predicts the class of most of its texts, an unknown value the most common class."""

    def __init__(self, name: str, classes: int) -> None:
        self._name = name
        self._classes = classes
        self._values: dict[Hashable, list[int]] = {}  # counts by fit or held-out, then class

    def add(self, value: Hashable, label: int, *, held: bool) -> None:
        """Count one text with ``value``."""
        counts = self._values.get(value)
        if counts is None:
            counts = self._values[value] = [0] * (2 * self._classes)
        counts[held * self._classes + label] += 1

    def rule(self, totals: Totals) -> Rule:
        """The rule of this column, with its held-out accuracy."""
        usual = int(totals.counts[_FIT].argmax())
        right = 0
        for counts in self._values.values():
            fit, held = counts[: self._classes], counts[self._classes :]
            right += held[max(range(self._classes), key=fit.__getitem__) if any(fit) else usual]
        accuracy = _estimate(right, int(totals.counts[_HELD].sum()))
        return Rule(name=self._name, texts=len(self._values), of_class=(), accuracy=accuracy)


class Marks:
    """Numbers what is in a text beside its words: characters, letters broken by a wrong encoding, stray blanks."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def ids(self, text: str) -> npt.NDArray[np.int64]:
        """The distinct marks of one text."""
        found = set()
        if "  " in text:
            found.add("two blanks in a row")
        if text != text.strip():
            found.add("blank at its start or end")
        broken = [] if text.isascii() else _BROKEN.findall(text)
        if broken:
            found.update(f'broken letters "{one}"' for one in broken)
            text = _BROKEN.sub("", text)
        found.update(_named(mark) for mark in set(text) - _ASCII_WORDS)
        ids = self._ids
        return np.array([ids.setdefault(mark, len(ids)) for mark in sorted(found)], dtype=np.int64)

    def names(self) -> list[str]:
        """All marks, by number."""
        return list(self._ids)


def length_bin(words: int) -> int:
    """Index in LENGTHS.

    >>> LENGTHS[length_bin(0)], LENGTHS[length_bin(8)], LENGTHS[length_bin(9)], LENGTHS[length_bin(5000)]
    ('0–8', '0–8', '9–16', 'over 1024')
    """
    return bisect_left(_ENDS, words)


def _named(mark: str) -> str:
    """A character, by its Unicode name where it may not be visible or recognised."""
    if mark.isascii() and mark.isprintable():
        return f'"{mark}"'
    name = unicodedata.name(mark, "").lower() or "control character"
    return f"U+{ord(mark):04X} {name}"


def _estimate(right: int, texts: int) -> Estimate:
    low, high = wilson_interval(right, texts)
    assert low is not None, "validation and test are never empty"
    assert high is not None
    return Estimate(value=right / texts, low=low, high=high)
