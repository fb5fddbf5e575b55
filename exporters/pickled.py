"""Pickled weights, read only when asked for and turned into safetensors at once."""

from __future__ import annotations

import pickle
import shutil
from typing import TYPE_CHECKING

from exporters.checkpoint import TOKENIZER_FILES
from exporters.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path


def convert_pickled(checkpoint: Path, out_dir: Path) -> None:
    """Write ``checkpoint`` with its pickled weights as safetensors into ``out_dir``; reads tensors only, runs no code.

    Raises CheckpointError for a file that is torn or holds anything but tensors.
    """
    from transformers import AutoModelForSequenceClassification

    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            checkpoint, use_safetensors=False, local_files_only=True
        )
    except (pickle.UnpicklingError, RuntimeError, OSError, ValueError, EOFError) as error:
        line = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"{checkpoint}: its pickled weights cannot be read ({line}); save the model again with safe_serialization=True"
        ) from error
    model.save_pretrained(out_dir, safe_serialization=True)
    for name in TOKENIZER_FILES:
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, out_dir / name)
