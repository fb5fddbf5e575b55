"""Pickled weights, read only with --allow-pickle and converted to safetensors."""

from __future__ import annotations

import pickle
import shutil
from typing import TYPE_CHECKING

from ..errors import CheckpointError, first_line
from .checkpoint import PICKLED_FILE, read_config, tokenizer_files
from .classifier import check_complete

if TYPE_CHECKING:
    from pathlib import Path


def convert_pickled(checkpoint: Path, out_dir: Path) -> None:
    """Write ``checkpoint`` with its pickled weights as safetensors into ``out_dir``; reads only tensors, runs no code.

    Raises CheckpointError for a file that is damaged or holds anything but tensors, and for an incomplete classifier.
    """
    from transformers import AutoModelForSequenceClassification

    # Checked before loading: save_pretrained writes a classifier's configuration in any case.
    read_config(checkpoint)
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            checkpoint, use_safetensors=False, output_loading_info=True, local_files_only=True
        )
    except (pickle.UnpicklingError, RuntimeError, OSError, ValueError, EOFError) as error:
        raise _unreadable(checkpoint, error) from error
    check_complete(checkpoint, info)
    model.save_pretrained(out_dir, safe_serialization=True)
    for file in tokenizer_files(checkpoint):
        shutil.copyfile(file, out_dir / file.name)


def convert_pickled_base(checkpoint: Path, out_dir: Path) -> None:
    """The same for a checkpoint to fine-tune, which may lack a classifier's head: all tensors under their own names."""
    import torch
    from safetensors.torch import save_file

    try:
        tensors = torch.load(checkpoint / PICKLED_FILE, map_location="cpu", weights_only=True)
        # Copies, since safetensors refuses one tensor under two names.
        whole = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
        save_file(whole, out_dir / "model.safetensors", metadata={"format": "pt"})
    except Exception as error:  # bytes that are no pickle can raise anything
        raise _unreadable(checkpoint, error) from error
    config = checkpoint / "config.json"
    for file in [*([config] if config.is_file() else []), *tokenizer_files(checkpoint)]:
        shutil.copyfile(file, out_dir / file.name)


def _unreadable(checkpoint: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{checkpoint}: its pickled weights cannot be read ({first_line(error)}); "
        "save the model again with safe_serialization=True"
    )
