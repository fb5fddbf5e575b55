"""Lengths of texts in tokens: the bins that accuracy is shown by, and what is typical of a group of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Tokens = npt.NDArray[np.int32]

_ENDS = (
    32,
    64,
    128,
    256,
    512,
)  # tokens, the last of each bin; the same for every set, so that sets can be held together
LENGTHS = (
    *(f"{start}–{end}" for start, end in zip((1, *(end + 1 for end in _ENDS)), _ENDS, strict=False)),
    f"over {_ENDS[-1]}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical:
    """Mean and median length, in tokens."""

    mean: float
    median: float


def length_bins(tokens: Tokens) -> npt.NDArray[np.int64]:
    """Index in LENGTHS of each text."""
    return np.searchsorted(_ENDS, tokens).astype(np.int64)


def typical(tokens: Tokens) -> Typical | None:
    """None without texts."""
    if not len(tokens):
        return None
    return Typical(mean=float(tokens.mean(dtype=np.float64)), median=float(np.median(tokens)))
