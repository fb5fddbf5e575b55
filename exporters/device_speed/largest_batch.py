"""The largest batch that fits a device's memory: doubled until one does not fit, then halved in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def largest_batch(fits: Callable[[int], bool], most: int) -> int:
    """The largest number of texts from 1 to ``most`` for which ``fits``; 0 where one text is too many.

    What is larger than a batch that does not fit must not fit either. Tries at most 2 log2(``most``) + 1 batches.
    """
    fitting, tried = 0, 1
    while fitting < most and fits(tried):
        fitting, tried = tried, min(2 * tried, most)
    if fitting == most:
        return most
    while tried - fitting > 1:
        middle = (fitting + tried) // 2
        fitting, tried = (middle, tried) if fits(middle) else (fitting, middle)
    return fitting
