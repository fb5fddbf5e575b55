"""Multi-label figures: precision, recall and F1 of each label, from the labels that texts have and those that they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .scores import Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Texts by label, ``(rows, labels)``: a row for the examples, or one for each resample of them."""

    hits: Numbers  # that have the label and are given it
    actual: Numbers  # that have it
    given: Numbers

    @classmethod
    def of(cls, labels: npt.NDArray[np.int8], given: npt.NDArray[np.int8], weights: npt.NDArray[np.integer]) -> Self:
        """From 0 and 1, ``(examples, labels)``, for each row of ``weights`` ``(rows, examples)``."""
        rows = weights.astype(np.float32)  # exact up to 2**24 texts
        parts = np.concatenate([labels & given, labels, given], axis=1).astype(np.float32)
        hits, actual, told = np.split((rows @ parts).astype(np.float64), 3, axis=1)
        return cls(hits=hits, actual=actual, given=told)

    @property
    def precision(self) -> Numbers:
        """Of each label; NaN where it is given to no text."""
        return _divide(self.hits, self.given)

    @property
    def recall(self) -> Numbers:
        """Of each label; NaN where no text has it."""
        return _divide(self.hits, self.actual)

    @property
    def f1(self) -> Numbers:
        """Of each label; NaN where no text has it or is given it."""
        return _divide(2 * self.hits, self.actual + self.given)

    @property
    def macro_f1(self) -> Numbers:
        """Mean over all labels, ``(rows,)``; an undefined one counts as 0, as in scikit-learn with ``zero_division=0``."""
        found: Numbers = np.nan_to_num(self.f1).mean(axis=1)
        return found

    @property
    def micro_f1(self) -> Numbers:
        """Of all decisions together, ``(rows,)``; 0 where there are none."""
        return np.nan_to_num(_divide(2 * self.hits.sum(axis=1), (self.actual + self.given).sum(axis=1)))


def _divide(top: Numbers, bottom: Numbers) -> Numbers:
    return np.divide(top, bottom, out=np.full(bottom.shape, np.nan), where=bottom != 0)
