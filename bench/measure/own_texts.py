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
_BATCHES, _FEWEST = 16, 4  # of one text; of many


def mostly_cut(tokens: Tokens, limit: int | None) -> bool:
    """Whether most texts have ``limit`` tokens, to which longer ones were cut: their own length is then that one."""
    return limit is not None and median(map(len, tokens)) >= limit


def sample(lengths: Sequence[int], count: int) -> list[int]:
    """``count`` texts by their place, with the same distribution of lengths, shortest first; fewer texts are repeated."""
    by_length = sorted(range(len(lengths)), key=lengths.__getitem__)
    chosen = min(count, len(by_length))
    middles = [by_length[(2 * part + 1) * len(by_length) // (2 * chosen)] for part in range(chosen)]  # of equal parts
    return sorted(islice(cycle(middles), count), key=lengths.__getitem__)


def own_batches(tokens: Tokens, size: int, pad: Pad, lengths: Sequence[int] = ()) -> list[Batch]:
    """Batches of ``size`` texts of similar length, padded to the longest of each, in a seeded order.

    ``lengths``: of the texts for another model, by which they are chosen; empty: those of ``tokens``.
    """
    count = max(_FEWEST, _BATCHES // size)
    texts = [tokens[place] for place in sample(lengths or [*map(len, tokens)], count * size)]
    batches = [padded_batch(texts[start : start + size], pad) for start in range(0, len(texts), size)]
    random.Random(_SEED).shuffle(batches)  # noqa: S311 - an order of measurements, not a secret
    return batches
