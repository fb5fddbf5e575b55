"""Token ids of texts, by the checkpoint's own tokenizer; no model and no PyTorch in the process that tokenises."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from exporters.checkpoint import TOKENIZER_FILES
from exporters.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FAST_FILE = "tokenizer.json"


def convert_tokenizer(checkpoint: Path, out_dir: Path) -> None:
    """Write the checkpoint's tokenizer with a ``tokenizer.json`` into ``out_dir``; imports transformers."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, use_fast=True, local_files_only=True)
    except (OSError, ValueError, TypeError) as error:
        line = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"{checkpoint}: its tokenizer cannot be loaded ({line}); save it again beside the model"
        ) from error
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"{checkpoint}: {type(tokenizer).__name__} has no fast version, expected one that can be saved as {FAST_FILE}"
        )
    tokenizer.save_pretrained(out_dir)


def copy_tokenizer(checkpoint: Path, out_dir: Path) -> None:
    """Copy a tokenizer that has its ``tokenizer.json`` already."""
    for name in TOKENIZER_FILES:
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, out_dir / name)


def tokenise(folder: Path, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, special tokens included, cut at ``max_length`` tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / FAST_FILE))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
