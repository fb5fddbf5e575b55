"""The largest batch that fits a device's memory: doubling until one does not fit, then bisection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def largest_batch(fits: Callable[[int], bool], most: int) -> int:
    """The largest number of texts from 1 to ``most`` for which ``fits``; 0 if one text is too many.

    ``fits`` must be monotonic. Tries at most 2 log2(``most``) + 1 batches.
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
