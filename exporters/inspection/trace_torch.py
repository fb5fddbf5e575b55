"""What PyTorch executes: the operators dispatched by eager, scripted and compiled modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .product import Product, attention_multiply_adds, multiply_adds, precision_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..variant import Batch, Float32Array, Int64Array, Predictor

# Index of the left operand by operator. The right one is a weight, or in _BY_RANK an activation if it has a batch axis.
_BY_WEIGHTS = {"linear": 0, "mm": 0, "_int_mm": 0, "addmm": 1, "mkldnn_linear": 0, "_linear_pointwise": 0}
_BY_RANK = {"matmul": 0, "bmm": 0, "baddbmm": 1}
_ATTENTION = ("scaled_dot_product_attention", "_scaled_dot_product_flash_attention_for_cpu")
_MATRIX = 2


def products(load: Callable[[], Predictor], batch: Batch) -> list[Product]:
    """Every matrix product of one forward pass of the predictor that ``load`` returns."""
    from torch.utils._python_dispatch import TorchDispatchMode

    predict: Callable[[Int64Array, Int64Array], Float32Array] = load()
    seen: list[Product] = []

    class Watch(TorchDispatchMode):
        """Executes every operator unchanged, and records the products."""

        @classmethod
        def ignore_compile_internals(cls) -> bool:
            """Let compiled code run: under other modes torch.compile silently falls back to eager."""
            return True

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            output = func(*args, **(kwargs or {}))
            product = _product(func.namespace, func._schema.name.partition("::")[2], args, output)  # noqa: SLF001
            if product:
                seen.append(product)
            return output

    with Watch():
        predict(*batch)
    return seen


def operators(load: Callable[[], Predictor], batch: Batch, runs: int) -> list[dict[str, tuple[int, float]]]:
    """For each of ``runs`` forward passes: number and own seconds of the operators of each type."""
    import torch

    predict, passes = load(), []
    for _ in range(runs):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            predict(*batch)
        found = profiler.key_averages()
        passes.append({event.key: (event.count, event.self_cpu_time_total / 1e6) for event in found})
    return passes


def _product(namespace: str, name: str, args: Any, output: Any) -> Product | None:
    if namespace == "quantized" and name.startswith("linear") and "pack" not in name:  # packing is no product
        return Product("weights", "fp16" if "fp16" in name else "int8", multiply_adds(args[0].shape, output.shape))
    if name in _ATTENTION:
        query, key = args[:2]
        values = output if name == _ATTENTION[0] else output[0]
        return Product("attention", _executed(query), attention_multiply_adds(query.shape, values.shape, key.shape[-2]))
    if name in _BY_WEIGHTS:
        left = args[_BY_WEIGHTS[name]]
        return Product("weights", _executed(left), multiply_adds(left.shape, output.shape))
    if name in _BY_RANK:
        left, right = args[_BY_RANK[name] :][:2]
        kind: Any = "weights" if right.dim() == _MATRIX else "attention"
        return Product(kind, _executed(left), multiply_adds(left.shape, output.shape))
    return None


def _executed(operand: Any) -> str:
    """The operand's precision, or bf16 if PyTorch may round fp32 operands to bf16 within the product."""
    import torch

    precision = precision_of(str(operand.dtype))
    settings: Any = torch.backends.mkldnn
    rounds = settings.matmul.fp32_precision == "bf16"  # set_float32_matmul_precision("medium") sets it as well
    if precision == "fp32" and rounds and torch.ops.mkldnn._is_mkldnn_bf16_supported():  # noqa: SLF001
        return "bf16"
    return precision
