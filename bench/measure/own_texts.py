"""Batches of a labelled set's own texts at their own lengths, as a service meets them."""

from __future__ import annotations

import random
from itertools import cycle, islice
from statistics import median
from typing import TYPE_CHECKING

from ...exporters.checkpoints.tokenization import padded_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...exporters.checkpoints.tokenization import Pad
    from ...exporters.variant import Batch
    from .workload import Tokens

_SEED = 1
USUAL = 16  # texts that are timed alone
_FEWEST = 4  # batches of many
# Texts, at least and at most, and how many tokens they have together between these.
_OF_CASCADES, _TOKENS = (64, 128), 8192


def mostly_cut(tokens: Tokens, limit: int | None) -> bool:
    """Whether most texts have ``limit`` tokens, to which longer ones were cut: their own length is then that one."""
    return limit is not None and median(map(len, tokens)) >= limit


def texts_of_cascades(lengths: Sequence[int]) -> int:
    """How many texts are timed where how long one takes depends on more than its length; no text is timed twice.

    >>> texts_of_cascades([20] * 900), texts_of_cascades([80] * 900), texts_of_cascades([512] * 900), texts_of_cascades([9] * 50)
    (128, 102, 64, 50)
    """
    least, most = _OF_CASCADES
    return min(len(lengths), max(least, min(most, round(_TOKENS / median(lengths)))))


def sample(lengths: Sequence[int], count: int) -> list[int]:
    """``count`` texts by their place, with the same distribution of lengths, shortest first; fewer texts are repeated."""
    by_length = sorted(range(len(lengths)), key=lengths.__getitem__)
    chosen = min(count, len(by_length))
    middles = [by_length[(2 * part + 1) * len(by_length) // (2 * chosen)] for part in range(chosen)]  # of equal parts
    return sorted(islice(cycle(middles), count), key=lengths.__getitem__)


def own_batches(tokens: Tokens, size: int, pad: Pad, lengths: Sequence[int] = (), *, alone: int = USUAL) -> list[Batch]:
    """Batches of ``size`` texts of similar length, padded to the longest of each, in a seeded order.

    ``lengths``: of the texts for another model, by which they are chosen; empty: those of ``tokens``. ``alone``: batches of one
    text; of larger ones there are fewer.
    """
    count = max(_FEWEST, alone // size)
    texts = [tokens[place] for place in sample(lengths or [*map(len, tokens)], count * size)]
    batches = [padded_batch(texts[start : start + size], pad) for start in range(0, len(texts), size)]
    random.Random(_SEED).shuffle(batches)  # noqa: S311 - an order of measurements, not a secret
    return batches
