"""Accuracy of one model by groups of texts: length, class, source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...statistics import wilson_interval

if TYPE_CHECKING:
    import numpy.typing as npt

    from ...statistics import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Number of texts of a group, and how many of them were predicted right."""

    texts: int
    right: int

    @property
    def accuracy(self) -> float | None:
        """None for a group without texts."""
        return self.right / self.texts if self.texts else None

    @property
    def interval(self) -> Interval:
        """Wilson's interval of the accuracy."""
        return wilson_interval(self.right, self.texts)


def by_group(member: npt.NDArray[np.int64], right: npt.NDArray[np.bool_], groups: int) -> list[Group]:
    """Counts of ``groups`` groups; ``member``: index of each text's group, ``(texts,)``; ``right``: ``(texts,)``."""
    texts = np.bincount(member, minlength=groups).tolist()
    called_right = np.bincount(member[right], minlength=groups).tolist()
    return [Group(texts=of_group, right=good) for of_group, good in zip(texts, called_right, strict=True)]
