"""A checkpoint as a transformers classifier."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Literal

from ..errors import CheckpointError
from .checkpoint import INDEX_FILE, weights_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_configuration(folder: Path) -> Any:
    """The transformers configuration in ``folder``; raises what transformers does."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def load_classifier(folder: Path, *, dtype: Literal["float32", "bfloat16"] = "float32") -> Any:
    """The checkpoint's module in eval mode, in ``dtype``, with PyTorch's fused attention if the architecture supports it.

    Raises CheckpointError if weights are missing.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    model, info = AutoModelForSequenceClassification.from_pretrained(
        folder,
        dtype=getattr(torch, dtype),
        use_safetensors=True,
        output_loading_info=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    check_complete(folder, info)
    return model.eval()


def copy_classifier(checkpoint: Path, out_dir: Path) -> None:
    """Copy what ``load_classifier`` reads."""
    weights = weights_files(checkpoint)
    index = [checkpoint / INDEX_FILE] if len(weights) > 1 or weights[0].name != "model.safetensors" else []
    for source in [checkpoint / "config.json", *weights, *index]:
        shutil.copyfile(source, out_dir / source.name)


def missing_weights(info: Mapping[str, Any]) -> list[str]:
    """Names of weights that ``from_pretrained`` did not find in the model's shape, and therefore initialised at random."""
    # transformers 4 gives names, 5 names with both shapes.
    of_another_shape = (one if isinstance(one, str) else one[0] for one in info["mismatched_keys"])
    return sorted({*info["missing_keys"], *of_another_shape})


def check_complete(folder: Path, info: Mapping[str, Any]) -> None:
    """Refuse a model with missing weights, by ``from_pretrained``'s loading info: transformers initialises those at random."""
    missing = missing_weights(info)
    if missing:
        raise CheckpointError(
            f"{folder}: {len(missing)} weights are missing or of another shape, {missing[0]!r} first; "
            "expected a fine-tuned classifier with all of its weights"
        )
