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
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, use_fast=True, local_files_only=True)
    except Exception as error:  # tokenizers and protobuf raise bare ones
        raise CheckpointError(
            f"{checkpoint}: its tokenizer cannot be loaded ({first_line(error)}); save it again beside the model"
        ) from error
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"{checkpoint}: {type(tokenizer).__name__} has no fast version, expected one that can be saved as {FAST_FILE}"
        )
    tokenizer.save_pretrained(out_dir)


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


def tokenise(folder: Path, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, special tokens included, cut at ``max_length`` tokens."""
    tokenizer = _read_fast(folder)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def count_tokens(folder: Path, texts: Sequence[str]) -> list[int]:
    """Tokens of each whole text, special tokens included, wherever a model cuts it."""
    tokenizer = _read_fast(folder)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return [len(encoding.ids) for encoding in tokenizer.encode_batch_fast(list(texts))]


def _read_fast(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / FAST_FILE
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # it raises a bare one
        raise CheckpointError(
            f"{path}: cannot be read as a tokenizer ({first_line(error)}); fetch or save the tokenizer again"
        ) from error
