"""Token ids of texts, by the tokenizer of the artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from .refused import Refused

_LONG = 16  # characters for each token that is read: from here on a text of a pair is cut before it is encoded
_SPARE = 64  # tokens that are kept beyond those that are read: the last word of what is cut may be divided otherwise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text, or pair of texts, as the model reads it."""

    ids: list[int]
    types: list[int]  # token types, which not every model reads
    truncated: bool

    def __len__(self) -> int:
        return len(self.ids)


class Texts:
    """The tokenizer in the folder of an artifact, which truncates as when its accuracy was measured."""

    def __init__(self, artifact: Path) -> None:
        folder = artifact / "tokenizer"
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        facts = folder / "inputs.json"
        said = json.loads(facts.read_text(encoding="utf-8")) if facts.is_file() else {}
        self.pairs, self._typed = bool(said.get("pairs")), bool(said.get("typed"))
        self._padding: dict[str, Any] | None = self._tokenizer.padding
        truncation = self._tokenizer.truncation or {}
        self.max_length: int = truncation.get("max_length", 0)
        self.direction: str = truncation.get("direction", "right")
        self._tokenizer.no_padding()
        self._whole: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._whole.no_padding()
        self._whole.no_truncation()

    @property
    def batched(self) -> bool:
        """Whether texts can be padded, and so computed together."""
        return self._padding is not None

    def tokens(self, texts: Sequence[tuple[str, ...]]) -> list[Tokens]:
        """Tokens of each text; raises Refused for one without any."""
        encoded = self._tokenizer.encode_batch_fast(
            [self._bounded(text) if len(text) > 1 else text[0] for text in texts]
        )
        if not all(one.ids for one in encoded):
            raise Refused(422, "inputs: the tokenizer makes no token of a text", "Tokenizer")
        return [Tokens(one.ids, one.type_ids, bool(one.overflowing)) for one in encoded]

    def _bounded(self, pair: tuple[str, ...]) -> tuple[str, ...]:
        """A pair without what cannot be read: tokenizers keeps every piece of one text with every piece of the other."""
        if max(map(len, pair)) <= _LONG * self.max_length or not self.max_length:
            return pair
        first, second = (self._whole.encode(text, add_special_tokens=False).offsets for text in pair)
        return self._cut(pair[0], first, second), self._cut(pair[1], second, first)

    def _cut(self, text: str, places: list[tuple[int, int]], others: list[tuple[int, int]]) -> str:
        """The longer text of a pair stays the longer one, of which one token more may be read."""
        kept = self.max_length + _SPARE * (1 + (len(places) > len(others)))
        if len(places) <= kept:
            return text
        return text[places[-kept][0] :] if self.direction == "left" else text[: places[kept - 1][1]]

    def inputs(self, batch: Sequence[Tokens]) -> dict[str, npt.NDArray[np.int64]]:
        """Arrays ``(texts, tokens)`` by name, padded to the longest text."""
        pad = self._padding or {"pad_id": 0, "pad_type_id": 0, "direction": "right"}
        shape = len(batch), max(map(len, batch))
        ids = np.full(shape, pad["pad_id"], dtype=np.int64)
        mask, types = np.zeros(shape, dtype=np.int64), np.full(shape, pad["pad_type_id"], dtype=np.int64)
        for row, text in enumerate(batch):
            place = slice(shape[1] - len(text), None) if pad["direction"] == "left" else slice(len(text))
            ids[row, place], mask[row, place], types[row, place] = text.ids, 1, text.types
        return {"input_ids": ids, "attention_mask": mask, **({"token_type_ids": types} if self._typed else {})}
