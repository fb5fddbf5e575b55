"""Lengths of texts in words: how many of each class are how long."""

from __future__ import annotations

from bisect import bisect_left

_ENDS = (8, 16, 32, 64, 128, 256, 512, 1024)  # words, the last of each bin; the same for every file
LENGTHS = (
    *(f"{start}–{end}" for start, end in zip((0, *(end + 1 for end in _ENDS)), _ENDS, strict=False)),
    f"over {_ENDS[-1]}",
)


def length_bin(words: int) -> int:
    """Index in LENGTHS.

    >>> LENGTHS[length_bin(0)], LENGTHS[length_bin(8)], LENGTHS[length_bin(9)], LENGTHS[length_bin(5000)]
    ('0–8', '0–8', '9–16', 'over 1024')
    """
    return bisect_left(_ENDS, words)
