"""What gives a label away: a column's value, a word or a mark that tells the class alone, tried on texts it was not chosen on.

For each feature the rule is made of the training split: texts that have it are of the class most of them have, the others likewise.
How often that is right is counted on validation and test, so that what was picked from a hundred thousand words by chance shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench.statistics import Estimate, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy.typing as npt

    Counts: TypeAlias = npt.NDArray[np.int64]

_FIT, _HELD = 0, 1  # texts that rules are made of, and that they are tried on


@dataclass(frozen=True, slots=True, kw_only=True)
class Giveaway:
    """One rule, and how often it is right where it was not made."""

    name: str
    texts: int  # of all splits, that have the feature; of a column: distinct values
    of_class: tuple[float, ...]  # share of each class's texts that have it; empty for a column
    accuracy: Estimate


class Totals:
    """Texts of each class, ``(2, classes)``: those that rules are made of, and those that they are tried on."""

    def __init__(self, classes: int) -> None:
        self.counts: Counts = np.zeros((2, classes), dtype=np.int64)

    def add(self, label: int, *, held: bool) -> None:
        """One more text."""
        self.counts[_HELD if held else _FIT, label] += 1

    @property
    def base(self) -> Estimate:
        """Accuracy of calling every text what most are: what a rule must exceed to say anything."""
        return _estimate(int(self.counts[_HELD, self.counts[_FIT].argmax()]), int(self.counts[_HELD].sum()))


class Features:
    """In how many texts of each class a feature is, by its number; there may be a million features."""

    def __init__(self, classes: int) -> None:
        self._counts = np.zeros((2, classes, 1024), dtype=np.int32)

    def add(self, features: npt.NDArray[np.int64], label: int, *, held: bool) -> None:
        """One more text, which has ``features``, each once."""
        if len(features) and features.max() >= self._counts.shape[2]:
            wider = np.zeros((*self._counts.shape[:2], 2 * int(features.max()) + 2), dtype=np.int32)
            wider[:, :, : self._counts.shape[2]] = self._counts
            self._counts = wider
        self._counts[_HELD if held else _FIT, label, features] += 1

    def best(self, names: list[str], totals: Totals, most: int) -> tuple[Giveaway, ...]:
        """The rules that are right most often where they are made, best first as they are tried; none that says nothing there."""
        counts = self._counts[:, :, : len(names)].astype(np.int64)
        fit, held = counts
        rest_fit, rest_held = (total[:, None] - part for total, part in zip(totals.counts, (fit, held), strict=True))
        chosen, rest = fit.argmax(axis=0), rest_fit.argmax(axis=0)
        made_right = fit.max(axis=0) + rest_fit.max(axis=0)
        order = np.argsort(-made_right, kind="stable")[:most]
        of_class = counts.sum(axis=0) / np.maximum(totals.counts.sum(axis=0), 1)[:, None]
        found = [
            Giveaway(
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
    """A column, taken for the label: each value is called what most of its texts are, an unknown one what most texts are."""

    def __init__(self, name: str, classes: int) -> None:
        self._name = name
        self._classes = classes
        self._values: dict[Hashable, list[int]] = {}  # counts by split kind, then class

    def add(self, value: Hashable, label: int, *, held: bool) -> None:
        """One more text with ``value``."""
        counts = self._values.get(value)
        if counts is None:
            counts = self._values[value] = [0] * (2 * self._classes)
        counts[held * self._classes + label] += 1

    def giveaway(self, totals: Totals) -> Giveaway:
        """How well the values tell the class."""
        usual = int(totals.counts[_FIT].argmax())
        right = 0
        for counts in self._values.values():
            fit, held = counts[: self._classes], counts[self._classes :]
            right += held[max(range(self._classes), key=fit.__getitem__) if any(fit) else usual]
        accuracy = _estimate(right, int(totals.counts[_HELD].sum()))
        return Giveaway(name=self._name, texts=len(self._values), of_class=(), accuracy=accuracy)


def _estimate(right: int, texts: int) -> Estimate:
    low, high = wilson_interval(right, texts)
    assert low is not None, "validation and test are never empty"
    assert high is not None
    return Estimate(value=right / texts, low=low, high=high)
