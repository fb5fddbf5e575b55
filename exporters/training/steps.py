"""The steps of a recipe: each has texts at once on a device, times devices, times accumulated batches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import RecipeError

if TYPE_CHECKING:
    from .recipe import Recipe

_WARMUP_RATIO = 0.1  # the default


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A training in steps of the optimizer."""

    per_device: int  # texts at once on a device
    accumulation: int  # batches of every device in one step
    per_epoch: int  # the last one may have fewer texts
    total: int
    warmup: int


def steps(rows: int, recipe: Recipe, devices: int = 1) -> Steps:
    """Steps over ``rows`` training texts on ``devices``; RecipeError if the batch size is no multiple of theirs.

    A step has ``batch_size`` texts however they are distributed, so that the number of steps depends only on rows and batch
    size, as in the Trainer of transformers from 4.50 on; earlier ones dropped an incomplete last step of an epoch
    (huggingface/transformers#36297).
    """
    per_device = _per_device(recipe, devices)
    per_epoch = max(1, math.ceil(rows / recipe.batch_size))
    total = per_epoch * recipe.epochs
    ratio = _WARMUP_RATIO if recipe.warmup_ratio is None else recipe.warmup_ratio
    return Steps(
        per_device=per_device,
        accumulation=recipe.batch_size // (devices * per_device),
        per_epoch=per_epoch,
        total=total,
        warmup=math.ceil(total * ratio) if recipe.warmup_steps is None else recipe.warmup_steps,
    )


def _per_device(recipe: Recipe, devices: int) -> int:
    """Texts at once on one device: as many as the recipe allows, if a step is a multiple of them."""
    most = recipe.per_device_batch_size or recipe.batch_size
    share, rest = divmod(recipe.batch_size, devices)
    per_device = max(1, min(most, share))
    if not rest and share % per_device == 0:
        return per_device
    unit = devices * per_device
    below = recipe.batch_size // unit * unit
    near = " or ".join(f"{size}" for size in (below, below + unit) if size)
    fitting = ", ".join(f"{size}" for size in range(1, share + 1) if share % size == 0) if not rest else ""
    advice = f"; or per_device_batch_size {fitting}" if fitting else ""
    raise RecipeError(
        f"recipe {recipe.name!r}: 'batch_size' is {recipe.batch_size}, expected a multiple of {unit} "
        f"(devices {devices} × per_device_batch_size {per_device}); batch_size {near} would do{advice}"
    )
