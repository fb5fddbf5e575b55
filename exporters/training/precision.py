"""The precision that a recipe trains in on this device."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import RecipeError

if TYPE_CHECKING:
    from .recipe import Recipe

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
_GPU_ONLY = ("tf32", "fp16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device and what it supports."""

    name: str = "cpu"
    gpu: bool
    bf16: bool  # has fast bf16; a CPU can compute in it as well


def this_device() -> Device:
    """The device that transformers trains on."""
    import torch

    asked_for_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true"  # `accelerate launch --cpu`
    gpu = torch.cuda.is_available() and not asked_for_cpu
    name = torch.cuda.get_device_name() if gpu else "cpu"
    return Device(name=name, gpu=gpu, bf16=gpu and torch.cuda.is_bf16_supported(including_emulation=False))


def fast_precisions(device: Device) -> tuple[str, ...]:
    """Precisions that the device has fast matrix products in; NVIDIA's Ampere introduced TF32 together with bf16."""
    if not device.gpu:
        return ("fp32",)
    return PRECISIONS if device.bf16 else ("fp32", "fp16")


def chosen_precision(recipe: Recipe, device: Device) -> str:
    """The recipe's precision; for "auto" the faster of bf16 and fp16 on a GPU, and fp32, the reference, on a CPU.

    Raises RecipeError for a precision that the device does not support.
    """
    if recipe.precision == "auto":
        return ("bf16" if device.bf16 else "fp16") if device.gpu else "fp32"
    if recipe.precision in _GPU_ONLY and not device.gpu:
        raise RecipeError(
            f"recipe {recipe.name!r}: 'precision' is {recipe.precision!r}, which needs a GPU, and there is none; "
            "use 'fp32', or 'auto' for the fastest of the device"
        )
    return recipe.precision


def training_arguments(precision: str, device: Device) -> dict[str, Any]:
    """Arguments for transformers' TrainingArguments that select ``precision``."""
    arguments: dict[str, Any] = {"bf16": precision == "bf16", "fp16": precision == "fp16", "use_cpu": not device.gpu}
    if device.gpu:
        arguments["tf32"] = precision == "tf32"  # otherwise it is on by default, and fp32 would be TF32
    return arguments


def overrule_launcher(precision: str) -> None:
    """Have accelerate use the recipe's precision: it would silently use that of the launcher's configuration."""
    os.environ["ACCELERATE_MIXED_PRECISION"] = precision if precision in ("bf16", "fp16") else "no"
