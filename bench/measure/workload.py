"""Batches of token ids, by size, length and padding policy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, cycle, islice
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import numpy as np

from ...exporters.checkpoints.tokenization import TypedIds, join, padded_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ...exporters.checkpoints.tokenization import Ids, Pad
    from ...exporters.variant import Batch, Int64Array

    Tokens = Sequence[Ids]

T = TypeVar("T")
N = TypeVar("N", bound=np.generic)
Padding: TypeAlias = Literal["max_length", "longest", "bucketed"]
_USUAL = 512  # tokens, the limit of most models
PADDINGS: tuple[Padding, ...] = ("max_length", "longest", "bucketed")


def full_batch(tokens: Tokens, batch_size: int, sequence_length: int) -> Batch:
    """A batch whose rows have ``sequence_length`` tokens without padding: concatenated texts between one first and last token."""

    def rows(texts: Tokens) -> Int64Array:
        first, last = texts[0][0], texts[0][-1]
        inner = cycle(list(chain.from_iterable(text[1:-1] for text in texts)) or [first])
        full = [[first, *islice(inner, sequence_length - 2), last] for _ in range(batch_size)]
        return np.asarray(full, dtype=np.int64)

    input_ids, types = rows(tokens), [text.types for text in tokens if isinstance(text, TypedIds)]
    return (input_ids, np.ones_like(input_ids), *([rows(types)] if types else []))


def full_text(tokens: Tokens, sequence_length: int) -> Ids:
    """The row of a ``full_batch`` as a text."""
    ids, _, *types = (part[0].tolist() for part in full_batch(tokens, 1, sequence_length))
    return TypedIds(ids, types[0]) if types else ids


def full_length(limit: int | None, tokens: Tokens) -> int:
    """Tokens to which ``max_length`` pads: the limit of the model, but at most 512 or the longest text.

    >>> full_length(64, [[1] * 9]), full_length(8192, [[1] * 9]), full_length(None, [[1] * 900])
    (64, 512, 900)
    """
    needed = max(_USUAL, *(len(text) for text in tokens))
    return needed if limit is None else min(limit, needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How texts become batches.

    ``max_length``: in order, all padded to the limit of the model; ``longest``: in order, padded to the longest of their batch;
    ``bucketed``: sorted by length, padded to the longest of their batch.
    """

    padding: Padding
    batch_size: int  # texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringBatches:
    """Texts cut into batches."""

    batches: tuple[Batch, ...]
    order: tuple[int, ...]  # index of the text of each row of the batches

    def in_text_order(self, rows: Sequence[npt.NDArray[N]]) -> npt.NDArray[N]:
        """One row for each text, in the order of the texts, from the rows of each batch."""
        stacked = np.concatenate(rows)
        found = np.empty_like(stacked)
        found[list(self.order)] = stacked
        return found

    @property
    def computed_tokens(self) -> int:
        """Number of tokens that a predictor computes, padding included."""
        return sum(batch[0].size for batch in self.batches)


def scoring_batches(tokens: Tokens, pad: Pad, policy: Policy, max_length: int) -> ScoringBatches:
    """Cut texts into batches; bucketed ones start with the longest (ties in order)."""
    order = list(range(len(tokens)))
    if policy.padding == "bucketed":
        order.sort(key=lambda row: -len(tokens[row]))
    length = max_length if policy.padding == "max_length" else 0
    cuts = [order[start : start + policy.batch_size] for start in range(0, len(order), policy.batch_size)]
    return ScoringBatches(
        batches=tuple(padded_batch([tokens[row] for row in cut], pad, length) for cut in cuts), order=tuple(order)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some texts for a model."""

    tokens: Tokens
    pad: Pad
    max_length: int  # tokens to which ``max_length`` pads

    def cut(self, policy: Policy) -> ScoringBatches:
        """The batches of all texts."""
        return scoring_batches(self.tokens, self.pad, policy, self.max_length)


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most ``count`` of the items, evenly spaced: some sets are sorted by label.

    >>> spread("abcdefg", 3), spread("ab", 3)
    (['a', 'c', 'e'], ['a', 'b'])
    """
    chosen = min(count, len(items))
    return [items[index * len(items) // chosen] for index in range(chosen)]


def parity_batches(tokens: Tokens, pad: Pad, max_length: int) -> tuple[Batch, ...]:
    """Batches of several shapes and paddings over the same texts: single, batched, with long padding, at full length."""
    texts = [tokens[i % len(tokens)] for i in range(64)]
    short = [join(text[:7], text[-1:]) for text in texts[:4]]
    far = min(max_length, max(len(text) for text in texts[8:12]) + 29)
    return (
        padded_batch(texts[:1], pad),
        padded_batch(short, pad),
        padded_batch(texts[1:4], pad),
        padded_batch(texts[8:12], pad, far),
        full_batch(texts, 1, max_length),
        *(padded_batch(texts[start : start + 8], pad) for start in range(0, 64, 8)),
    )
