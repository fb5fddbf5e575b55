"""The checkpoint that a training starts from: its digest, and which of its weights are kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..checkpoints.checkpoint import digest_files
from ..errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_UNNAMED = re.compile(r"LABEL_\d+")  # transformers' name of an unnamed class


def base_digest(base: Path | None) -> str | None:
    """SHA-256 (hexadecimal) of configuration and weights; None for a training from scratch."""
    return None if base is None else digest_files([*base.glob("config.json"), *base.glob("*.safetensors")])


def check_encoder(base: Path, model: Any, new: Sequence[str]) -> None:
    """Refuse ``new`` weights within the encoder; the pooler may be new together with the head: a language model has neither."""
    within = f"{model.base_model_prefix}."
    head_is_new = not all(name.startswith(within) for name in new)
    missing = [name for name in new if name.startswith(within) and not (head_is_new and ".pooler." in name)]
    if missing:
        raise CheckpointError(
            f"{base}: {len(missing)} weights of its encoder are missing or of another shape, {missing[0]!r} first; "
            "expected all of them, since a training would start from random ones; pass the folder of a complete model"
        )


def match_head(model: Any, before: Mapping[int, str], label_names: Sequence[str]) -> list[str]:
    """Make the last layer's rows those of ``label_names``; returns the names of its weights if they were initialised anew.

    ``before``: classes of the base checkpoint by row. Rows of the same classes in another order are permuted, rows of unnamed
    classes are kept, and for other classes the layer is initialised anew.
    """
    import torch

    names = [before.get(index, "") for index in range(len(label_names))]
    if names == list(label_names) or all(_UNNAMED.fullmatch(name) for name in names):
        return []
    same = sorted(names) == sorted(label_names)
    changed = []
    with torch.no_grad():
        for place, layer in _last_layers(model, len(label_names)):
            for name, weights in layer.named_parameters(recurse=False):
                if same:
                    weights.copy_(weights[[names.index(label) for label in label_names]])
                else:
                    changed.append(f"{place}.{name}")
                    _initialise(weights, model.config)
    return sorted(changed)


def start_at(model: Any, outputs: Sequence[float]) -> None:
    """Make a new head give ``outputs`` of any text: from 0 the first epochs would learn nothing but them."""
    import torch

    with torch.no_grad():
        for _, layer in _last_layers(model, len(outputs)):
            if layer.bias is not None:
                layer.bias.copy_(torch.tensor(outputs))


def _last_layers(model: Any, classes: int) -> list[tuple[str, Any]]:
    import torch

    return [
        (place, layer)
        for place, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
        and layer.out_features == classes
        and not place.startswith(f"{model.base_model_prefix}.")
    ]


def _initialise(weights: Any, config: Any) -> None:
    if weights.dim() > 1:
        weights.normal_(0.0, getattr(config, "initializer_range", 0.02))
    else:
        weights.zero_()
