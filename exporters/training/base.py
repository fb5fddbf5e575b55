"""The checkpoint that a training begins from: which one it is, and what goes on of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from exporters.checkpoints.checkpoint import digest_files
from exporters.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_UNNAMED = re.compile(r"LABEL_\d+")  # transformers' name of a class that has none


def base_digest(base: Path | None) -> str | None:
    """SHA-256 (hexadecimal) of configuration and weights; None for a training from scratch."""
    return None if base is None else digest_files([*base.glob("config.json"), *base.glob("*.safetensors")])


def check_encoder(base: Path, model: Any, new: Sequence[str]) -> None:
    """Refuse ``new`` weights within the encoder; a pooler's may be, where the head's are: a model of words alone has neither."""
    within = f"{model.base_model_prefix}."
    head_is_new = not all(name.startswith(within) for name in new)
    made_up = [name for name in new if name.startswith(within) and not (head_is_new and ".pooler." in name)]
    if made_up:
        raise CheckpointError(
            f"{base}: {len(made_up)} weights of its encoder are missing or of another shape, {made_up[0]!r} first; "
            "expected all of them, for a training would begin with random ones; pass the folder of a whole model"
        )


def match_head(model: Any, before: Mapping[int, str], label_names: Sequence[str]) -> list[str]:
    """Have the last layer's rows stand for ``label_names``; names of its weights if it begins anew, for its classes are others.

    ``before`` are the base's classes by row; rows of the same classes in another order change places, and unnamed ones stay.
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
                    _begin_anew(weights, model.config)
    return sorted(changed)


def _last_layers(model: Any, classes: int) -> list[tuple[str, Any]]:
    import torch

    return [
        (place, layer)
        for place, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
        and layer.out_features == classes
        and not place.startswith(f"{model.base_model_prefix}.")
    ]


def _begin_anew(weights: Any, config: Any) -> None:
    if weights.dim() > 1:
        weights.normal_(0.0, getattr(config, "initializer_range", 0.02))
    else:
        weights.zero_()
