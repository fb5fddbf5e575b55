"""A text as what near-duplicates share: its words, and the runs of five words in it, as numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]
    Shingles = npt.NDArray[np.uint64]

RUN = 5  # words
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # of scripts that put no blanks between words: each is one
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
_ADDRESS = re.compile(r"https?://\S+|www\.\S+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Vocabulary:
    """Numbers of the words that were met, in that order."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, text: str) -> Ids:
        """Words of a text in small letters, without punctuation and web addresses."""
        plain = text.lower()
        if "http" in plain or "www." in plain:
            plain = _ADDRESS.sub(" ", plain)
        ids = self._ids
        found = [ids.setdefault(word, len(ids)) for word in _WORD.findall(plain)]
        return np.array(found, dtype=np.int64)

    def words(self) -> list[str]:
        """By their numbers."""
        return list(self._ids)


def shingles(ids: Ids) -> Shingles:
    """The runs of RUN words of a text as 64-bit hashes, sorted, each once; a shorter text is one run, one without words none."""
    if not len(ids):
        return np.empty(0, dtype=np.uint64)
    words = _mixed(ids.astype(np.uint64))
    runs = max(1, len(ids) - RUN + 1)
    found = np.full(runs, min(len(ids), RUN), dtype=np.uint64)
    for place in range(min(len(ids), RUN)):
        found = found * _FACTOR + words[place : place + runs]
    return np.unique(_mixed(found))


def _mixed(numbers: Shingles) -> Shingles:
    """Spread numbers over all 64 bits, one to one. Source: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    numbers = numbers + _FACTOR
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
