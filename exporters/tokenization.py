"""Token ids of texts, by the checkpoint's own tokenizer; no model and no PyTorch in the process that tokenises."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from exporters.checkpoint import TOKENIZER_FILES
from exporters.errors import CheckpointError, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FAST_FILE = "tokenizer.json"


def convert_tokenizer(checkpoint: Path, out_dir: Path) -> None:
    """Write the checkpoint's tokenizer with a ``tokenizer.json`` into ``out_dir``; imports transformers."""
    try:
        tokenizer = saved_tokenizer(checkpoint)
    except Exception as error:  # tokenizers and protobuf raise bare ones
        raise CheckpointError(
            f"{checkpoint}: its tokenizer cannot be loaded ({first_line(error)}); save it again beside the model"
        ) from error
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"{checkpoint}: {type(tokenizer).__name__} has no fast version, expected one that can be saved as {FAST_FILE}"
        )
    tokenizer.save_pretrained(out_dir)


def saved_tokenizer(folder: Path) -> Any:
    """The tokenizer that transformers saved in ``folder``, of this version or another; raises what transformers does.

    Version 4 does not know the classes and lists of 5, and 5 takes the byte pairs of an ALBERT tokenizer for unigrams: of both,
    ``tokenizer.json`` can be read.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception:
        if not (folder / FAST_FILE).is_file():
            raise
        return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True, extra_special_tokens={})


def copy_tokenizer(checkpoint: Path, out_dir: Path) -> None:
    """Copy a tokenizer that has its ``tokenizer.json`` already; raises CheckpointError where that cannot be read."""
    _read_fast(checkpoint)  # here, since a later error would name the copy and not what must be mended
    for name in TOKENIZER_FILES:
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, out_dir / name)


def cut_texts_at(max_length: int, folder: Path) -> None:
    """Let the tokenizer in ``folder`` cut texts at ``max_length`` tokens and pad none by itself, as accuracy is measured."""
    tokenizer = _read_fast(folder)
    tokenizer.no_padding()  # one that was saved by a training to a fixed length pads every text to it
    tokenizer.enable_truncation(max_length)
    tokenizer.save(str(folder / FAST_FILE))


class Tokeniser:
    """The tokenizer in ``folder``, read once; it cuts texts at ``max_length`` tokens, special tokens included."""

    def __init__(self, folder: Path, max_length: int) -> None:
        self._tokenizer = _read_fast(folder)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        self._special = self._tokenizer.num_special_tokens_to_add(is_pair=False)

    def __call__(self, texts: Sequence[str]) -> tuple[list[list[int]], list[int]]:
        """Token ids of each text, and the tokens that the whole text would be."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return [one.ids for one in encodings], [self._whole(one) for one in encodings]

    def _whole(self, encoding: Any) -> int:
        """What was cut off comes in pieces, each with special tokens of its own."""
        return len(encoding.ids) + sum(len(piece.ids) - self._special for piece in encoding.overflowing)


def tokenise(folder: Path, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, special tokens included, cut at ``max_length`` tokens."""
    ids, _ = Tokeniser(folder, max_length)(texts)
    return ids


def _read_fast(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / FAST_FILE
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # it raises a bare one
        raise CheckpointError(
            f"{path}: cannot be read as a tokenizer ({first_line(error)}); fetch or save the tokenizer again"
        ) from error
