"""What a model reads of a text that is longer than it takes: its head, its tail, both, or all of it by windows.

Source of head+tail: Sun et al., "How to Fine-Tune BERT for Text Classification?", CCL 2019, section 5.3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise, takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from .tokenization import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..texts import Text
    from ..variant import Float32Array
    from .tokenization import Ids, Tokeniser

Pool: TypeAlias = Literal["mean", "max"]
POOLS: tuple[Pool, ...] = get_args(Pool)
Cut: TypeAlias = Literal["head", "tail", "head+tail"]
CUTS: tuple[Cut, ...] = get_args(Cut)
_HEAD_SHARE = 4  # head+tail: one in so many tokens is of the head


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """A text is read by windows that overlap, and has the mean of their logits, or of each output the largest."""

    length: int  # tokens of a window at most, special tokens included
    stride: int  # tokens of the text from the start of a window to that of the next
    pool: Pool = "mean"

    def __str__(self) -> str:
        return f"windows {self.length}/{self.stride}, {self.pool}"


class Whole(NamedTuple):
    """All tokens of a text."""

    ids: Ids  # special tokens included
    before: int  # special tokens at the start
    after: int  # and at the end

    def piece(self, *places: slice) -> Ids:
        """The tokens of the text at ``places``, between its special tokens."""
        content, end = len(self.ids) - self.special, len(self.ids) - self.after
        spans = (place.indices(content) for place in places)
        inner = (self.ids[self.before + start : self.before + stop] for start, stop, _ in spans)
        return join(self.ids[: self.before], *inner, self.ids[end:])

    @property
    def special(self) -> int:
        """Number of special tokens."""
        return self.before + self.after


class WholeTokeniser:
    """Makes all tokens of texts by a ``tokeniser`` that truncates nothing."""

    def __init__(self, tokeniser: Tokeniser) -> None:
        self._tokeniser = tokeniser

    def __call__(self, texts: Sequence[Text]) -> list[Whole]:
        """All tokens of each text, single ones; DataError for a text without tokens."""
        encodings = self._tokeniser.encode(texts)
        ids = self._tokeniser.ids(texts, encodings)
        return [
            Whole(found, _leading(one.special_tokens_mask), _leading(one.special_tokens_mask[::-1]))
            for found, one in zip(ids, encodings, strict=True)
        ]


def _leading(mask: Sequence[int]) -> int:
    """Special tokens before the first other one; 0 where there is no other, since nothing is then cut."""
    return sum(1 for _ in takewhile(bool, mask)) if not all(mask) else 0


def cut(text: Whole, length: int, which: Cut) -> Ids:
    """At most ``length`` tokens, special ones included: the first, the last, or the first quarter and the last three."""
    room = length - text.special
    if len(text.ids) <= length:
        return text.ids
    if which == "head":
        return text.piece(slice(room))
    head = (room + _HEAD_SHARE // 2) // _HEAD_SHARE if which == "head+tail" else 0  # 128 of 510, as in the paper
    content = len(text.ids) - text.special
    return text.piece(slice(head), slice(content - room + head, None))


def windows_of(text: Whole, windows: Windows) -> list[Ids]:
    """Tokens of each window, special ones included; the last window ends with the text and may be shorter."""
    room, content = windows.length - text.special, len(text.ids) - text.special
    if content <= room:
        return [text.ids]
    starts = range(0, content - room + windows.stride, windows.stride)
    return [text.piece(slice(start, start + room)) for start in starts]


def pooled(logits: Float32Array, counts: Sequence[int], pool: Pool) -> Float32Array:
    """Logits of texts ``(texts, outputs)`` from those of their windows ``(windows, outputs)``; ``counts``: windows of each text."""
    parts = [logits[start:end] for start, end in pairwise(accumulate(counts, initial=0))]
    found = [part.mean(axis=0) if pool == "mean" else part.max(axis=0) for part in parts]
    return np.asarray(found, dtype=np.float32).reshape(len(counts), logits.shape[1])
