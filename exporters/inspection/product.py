"""An executed matrix product, as every trace reports it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_PRECISIONS = {
    "fp32": ("float32", "float", "f32"),
    "bf16": ("bfloat16", "bf16"),
    "fp16": ("float16", "f16", "half"),
    "fp64": ("float64", "double", "f64"),
    "int8": ("int8", "uint8", "i8", "u8"),
}
_NAMES = {name: precision for precision, names in _PRECISIONS.items() for name in names}


class Product(NamedTuple):
    """One product, or the two of a fused attention."""

    kind: Literal["weights", "attention"]  # weights: one operand is a constant of the model
    precision: str  # "fp32", "bf16", "int8"
    multiply_adds: float


def precision_of(name: str) -> str:
    """The project's name of a number format, by the runtime's name.

    >>> precision_of("u8"), precision_of("torch.float32"), precision_of("i4")
    ('int8', 'fp32', 'i4')
    """
    return _NAMES.get(name.removeprefix("torch."), name)


def multiply_adds(left: Sequence[int], output: Sequence[int]) -> float:
    """Multiply-adds of one product, by the shapes of its left operand and its output.

    >>> multiply_adds((8, 512, 768), (8, 512, 3072)) == 8 * 512 * 768 * 3072
    True
    """
    return float(math.prod(left) * output[-1])


def attention_multiply_adds(query: Sequence[int], output: Sequence[int], keys: int) -> float:
    """Multiply-adds of scores and values together, for any order of the axes."""
    return float((math.prod(query) + math.prod(output)) * keys)
