"""Token ids of texts, by the checkpoint's own tokenizer; tokenising loads neither a model nor PyTorch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ..errors import CheckpointError, DataError, first_line
from ..texts import shown
from .checkpoint import tokenizer_config

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Self

    from ..texts import Text
    from ..variant import Batch

FAST_FILE = "tokenizer.json"
INPUTS_FILE = "inputs.json"  # beside it: how texts become inputs
_LONG = 16  # characters for each token that is read: from here on a text of a pair is cut before it is encoded
_SPARE = 64  # tokens that are kept beyond those that are read: the last word of what is cut may be divided otherwise
_NO_LIMIT = 2**31 - 1  # tokens: the file stores the truncation side only together with a length

Side = Literal["left", "right"]
Ids: TypeAlias = Sequence[int]  # of one text, special tokens included; TypedIds for a model that reads types


class Pad(NamedTuple):
    """Padding of the shorter texts of a batch."""

    id: int
    side: Side = "right"
    type: int = 0  # token type, for a model that reads types


class TypedIds(tuple[int, ...]):  # noqa: SLOT001 - a tuple cannot have slots
    """Token ids of a text with the token type of each, for a model that reads both: 1 marks the second text of a pair.

    Slices of them have types as well.
    """

    types: tuple[int, ...]

    def __new__(cls, ids: Iterable[int], types: Iterable[int]) -> Self:  # noqa: D102 - as its arguments say
        made = super().__new__(cls, ids)
        made.types = tuple(types)
        return made

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return TypedIds(found, self.types[place]) if isinstance(place, slice) else found

    def __reduce__(self) -> tuple[type[TypedIds], tuple[tuple[int, ...], tuple[int, ...]]]:
        return TypedIds, (tuple(self), self.types)


def join(*parts: Ids) -> Ids:
    """Parts of a text, one after the other."""
    ids = [one for part in parts for one in part]
    types = [one for part in parts if isinstance(part, TypedIds) for one in part.types]
    return TypedIds(ids, types) if types else ids


def ids_to_json(ids: Ids) -> Any:
    """How a file holds the ids of a text: a list, or an object of two lists."""
    return {"ids": [*ids], "types": [*ids.types]} if isinstance(ids, TypedIds) else [*ids]


def ids_from_json(found: Any) -> Ids:
    """The ids that ``ids_to_json`` wrote."""
    return TypedIds(found["ids"], found["types"]) if isinstance(found, dict) else found


def padded_batch(tokens: Sequence[Sequence[int]], pad: Pad, length: int = 0) -> Batch:
    """Ids and mask, and types of typed ids, ``(texts, tokens)``; padded to the longest text, or to ``length`` if that is more."""
    import numpy as np

    length = max(length, *(len(text) for text in tokens))
    input_ids = np.full((len(tokens), length), pad.id, dtype=np.int64)
    attention_mask, token_types = np.zeros_like(input_ids), np.full_like(input_ids, pad.type)
    for row, text in enumerate(tokens):
        place = slice(length - len(text), length) if pad.side == "left" else slice(len(text))
        input_ids[row, place] = text
        attention_mask[row, place] = 1
        if isinstance(text, TypedIds):
            token_types[row, place] = text.types
    return (input_ids, attention_mask, *([token_types] if isinstance(tokens[0], TypedIds) else []))


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer that AutoTokenizer loads; raises CheckpointError if there is no fast one."""
    try:
        tokenizer = saved_tokenizer(folder)
    except Exception as error:  # tokenizers and protobuf raise plain exceptions
        raise CheckpointError(
            f"{folder}: its tokenizer cannot be loaded ({first_line(error)}); save it again beside the model"
        ) from error
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"{folder}: {type(tokenizer).__name__} has no fast version, expected one that can be saved as {FAST_FILE}"
        )
    return tokenizer


def saved_tokenizer(folder: Path) -> Any:
    """The tokenizer that this or another version of transformers saved in ``folder``; raises transformers' errors.

    Version 4 does not know the classes and lists of 5, and 5 reads the byte pairs of an ALBERT tokenizer as unigrams; both can
    read ``tokenizer.json``.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception:
        if not (folder / FAST_FILE).is_file() or not _is_of_another_version(folder):
            raise
        return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True, extra_special_tokens={})


def _is_of_another_version(folder: Path) -> bool:
    """Whether transformers 5 may be reading what 4 saved, or 4 what 5 saved: its classes or lists of special tokens."""
    import transformers

    if not transformers.__version__.startswith("4."):
        return True
    saved = tokenizer_config(folder)
    return str(saved.get("tokenizer_class")).endswith("Backend") or isinstance(saved.get("extra_special_tokens"), list)


def save_tokenizer(tokenizer: Any, out_dir: Path, max_length: int | None, pad: Pad | None = None) -> None:
    """Write a loaded fast ``tokenizer`` so that ``tokenizer.json`` truncates and pads texts without transformers.

    It truncates to ``max_length`` tokens on the tokenizer's own side, and pads a batch to its longest text if ``pad`` is given.
    """
    tokenizer.save_pretrained(out_dir)
    fast = read_fast(out_dir)
    fast.no_padding()  # a tokenizer saved by a training with a fixed length pads every text to it
    fast.enable_truncation(max_length or _NO_LIMIT, direction=tokenizer.truncation_side)
    if pad is not None:
        fast.enable_padding(
            direction=pad.side,
            pad_id=pad.id,
            pad_type_id=pad.type,
            pad_token=tokenizer.convert_ids_to_tokens(pad.id),
        )
    fast.save(str(out_dir / FAST_FILE))


def cut_texts_at(max_length: int, folder: Path) -> None:
    """Make the tokenizer in ``folder`` truncate texts to ``max_length`` tokens, as when accuracy is measured."""
    tokenizer = read_fast(folder)
    _cut_at(tokenizer, max_length)
    if (tokenizer.padding or {}).get("length"):  # left by a training with a fixed length
        tokenizer.no_padding()
    tokenizer.save(str(folder / FAST_FILE))


class Tokeniser:
    """The tokenizer in ``folder``; it truncates texts to ``max_length`` tokens including special ones, or not if None."""

    def __init__(self, folder: Path, max_length: int | None) -> None:
        self._folder, self._tokenizer = folder, read_fast(folder)
        self._tokenizer.no_padding()
        _cut_at(self._tokenizer, max_length)
        self._special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self._typed = reads_types(folder)

    def __call__(self, texts: Sequence[Text]) -> tuple[list[Ids], list[int]]:
        """Token ids of each text, and the number of tokens before truncation; DataError for a text without tokens."""
        encodings = self.encode(texts)
        ids = self.ids(texts, encodings)
        return ids, [self._untruncated(text, one) for text, one in zip(texts, encodings, strict=True)]

    def ids(self, texts: Sequence[Text], encodings: Any) -> list[Ids]:
        """Token ids of each text from its encoding; DataError for a text without tokens."""
        for text, one in zip(texts, encodings, strict=True):
            if not one.ids:
                raise DataError(
                    f"text {shown(text)[:40]!a}: the tokenizer makes no token of it, expected at least one; remove it"
                )
        return [TypedIds(one.ids, one.type_ids) if self._typed else one.ids for one in encodings]

    def encode(self, texts: Sequence[Text]) -> Any:
        """Encodings of the package tokenizers; without ids for a text without tokens."""
        return self._tokenizer.encode_batch_fast([one if isinstance(one, str) else self._bounded(one) for one in texts])

    def _bounded(self, pair: tuple[str, str]) -> tuple[str, ...]:
        """A pair without what cannot be read: tokenizers keeps every piece of one text with every piece of the other."""
        truncation = self._tokenizer.truncation or {}
        limit = truncation.get("max_length", 0)
        if max(map(len, pair)) <= _LONG * limit or not limit:
            return pair
        first, second = (self._whole.encode(text, add_special_tokens=False).offsets for text in pair)

        def cut(text: str, places: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> str:
            kept = limit + _SPARE * (1 + (len(places) > len(others)))  # the longer one stays the longer one
            if len(places) <= kept:
                return text
            return text[places[-kept][0] :] if truncation["direction"] == "left" else text[: places[kept - 1][1]]

        return cut(pair[0], first, second), cut(pair[1], second, first)

    def _untruncated(self, text: Text, encoding: Any) -> int:
        """Tokens before truncation; each truncated piece of a single text has special tokens of its own."""
        if not encoding.overflowing or isinstance(text, str):
            return len(encoding.ids) + sum(len(piece.ids) - self._special for piece in encoding.overflowing)
        return len(self._whole.encode(*text).ids)

    @cached_property
    def _whole(self) -> Any:
        """A tokenizer that cuts nothing: pieces of pairs repeat each other."""
        tokenizer = read_fast(self._folder)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def reads_types(folder: Path) -> bool:
    """Whether the model of the tokenizer in ``folder`` is given token types, as ``write_inputs`` found out."""
    return _says(folder, "typed")


def reads_pairs(folder: Path) -> bool:
    """Whether the model of the tokenizer in ``folder`` is given pairs of texts."""
    return _says(folder, "pairs")


def _says(folder: Path, fact: str) -> bool:
    facts = folder / INPUTS_FILE
    return facts.is_file() and bool(json.loads(facts.read_text(encoding="utf-8")).get(fact))


def tokenise(folder: Path, texts: Sequence[Text], max_length: int | None) -> list[Ids]:
    """Token ids of each text including special tokens, truncated to ``max_length``."""
    ids, _ = Tokeniser(folder, max_length)(texts)
    return ids


def read_fast(folder: Path) -> Any:
    """The tokenizer in ``folder``, read by the package tokenizers; raises CheckpointError."""
    from tokenizers import Tokenizer

    path = folder / FAST_FILE
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # a plain Exception
        raise CheckpointError(
            f"{path}: cannot be read as a tokenizer ({first_line(error)}); fetch or save the tokenizer again"
        ) from error


def _cut_at(tokenizer: Any, max_length: int | None) -> None:
    side = (tokenizer.truncation or {}).get("direction", "right")
    tokenizer.enable_truncation(max_length or _NO_LIMIT, direction=side)
