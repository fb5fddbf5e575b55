"""A device's rate of large matrix products in a precision, which the speed of a model is compared with."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from .stopwatch import each_timed

SIZES = {"cuda": 8192, "cpu": 1024}  # rows, columns and depth: enough to use all of a device
_TRIED = 3  # products that estimate how many fill those seconds
_PRODUCTS = {"cuda": 200, "cpu": 10}  # timed ones
# Seconds of untimed products before them: a GPU's clock falls from its boost to its sustained rate.
_BEFORE = {"cuda": 3.0, "cpu": 0.0}


def set_products(precision: str) -> None:
    """Have this process multiply fp32 matrices in TF32 for the precision "tf32", and in full fp32 for all others."""
    import torch

    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")


def dtype_of(precision: str) -> Any:
    """PyTorch's dtype for a precision; TF32 is fp32 with other matrix products."""
    import torch

    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)


def matrix_rate(precision: str, device: str) -> float:
    """Operations/s (2 per multiply-add) of the product of two square matrices of SIZES, by the median product.

    Random numbers, not ones: a GPU at its power limit multiplies ones faster than anything that a model has.
    """
    import torch

    set_products(precision)
    size = SIZES[device]
    left, right = (torch.randn(size, size, device=device, dtype=dtype_of(precision)) for _ in range(2))
    output = torch.empty_like(left)

    def product() -> None:
        torch.mm(left, right, out=output)

    before = math.ceil(_BEFORE[device] / median(each_timed(product, _TRIED, device).seconds))
    timed = each_timed(product, before + _PRODUCTS[device], device)
    return 2.0 * size**3 / median(timed.seconds[before:])
