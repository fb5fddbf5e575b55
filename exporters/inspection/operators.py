"""The time of each operator in a forward pass, by the runtime's own profiler, and by kind of work."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..artifacts.catalogue import find_variant
from .executed import trace_module

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..variant import Batch

UNTIMED, RUNS = 2, 10  # passes, of which the fastest timed one counts: in others a thread was interrupted

KINDS = {  # the runtimes' names of operators by kind of work; all others are "other"
    "products": (
        "MatMul", "FusedMatMul", "Gemm", "FusedGemm", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul",
        "QLinearMatMul", "QGemm", "FullyConnected", "aten::addmm", "aten::mm", "aten::bmm", "aten::baddbmm",
        "quantized::linear_dynamic", "mkldnn::_linear_pointwise", "aoti_torch_cpu_addmm_out", "aoti_torch_cpu_mm_out",
        "aoti_torch_cpu_bmm_out",
    ),
    "attention": (
        "MultiHeadAttention", "Attention", "QAttention", "Softmax", "ScaledDotProductAttention", "MHA",
        "aten::_scaled_dot_product_flash_attention_for_cpu", "aten::_softmax",
        "aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu",
    ),
    "normalisation": (
        "LayerNormalization", "SkipLayerNormalization", "SimplifiedLayerNormalization", "MVN", "aten::native_layer_norm",
    ),
    "elementwise": (
        "Gelu", "FastGelu", "BiasGelu", "QuickGelu", "Tanh", "Erf", "Add", "Mul", "Sub", "Div", "Pow", "Sqrt", "Where",
        "Eltwise", "Subgraph", "aten::gelu", "aten::tanh", "aten::add", "aten::mul", "aten::pow", "aten::sub",
        "aten::add_", "aten::mul_", "aten::div", "aten::where",
    ),
    "quantisation": ("DynamicQuantizeLinear", "QuantizeLinear", "DequantizeLinear", "FakeQuantize"),
    "moves": (
        "Reshape", "Transpose", "Concat", "Slice", "Split", "Gather", "Expand", "Unsqueeze", "Squeeze", "Cast", "Shape",
        "Reorder", "Convert", "Broadcast", "StridedSlice", "aten::copy_", "aten::index_select", "aten::cat",
        "aten::clone", "aten::contiguous", "aten::embedding",
    ),
}  # fmt: skip
_KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One type of operator within one forward pass."""

    count: int
    seconds: float  # of all of them together


def profile(name: str, artifact: Path, threads: int, batch: Batch, runs: int = RUNS) -> dict[str, Operator]:
    """Operators of one forward pass by the runtime's own names; raises ImportError for a runtime without a trace.

    To be called in a process of its own: a profiler slows execution.
    """
    variant = find_variant(name)
    trace: Any = importlib.import_module(trace_module(variant))
    passes: list[dict[str, tuple[int, float]]] = trace.operators(
        lambda: variant.load(artifact, threads), batch, UNTIMED + runs
    )
    fastest = min(passes[UNTIMED:], key=lambda found: sum(seconds for _, seconds in found.values()))
    return {operator: Operator(count=count, seconds=seconds) for operator, (count, seconds) in fastest.items()}


def seconds_by_kind(operators: Mapping[str, Operator]) -> dict[str, float]:
    """Seconds of each kind of work, including "other".

    >>> seconds_by_kind({"MatMul": Operator(count=2, seconds=0.5), "Loop": Operator(count=1, seconds=0.1)})["other"]
    0.1
    """
    found = dict.fromkeys((*KINDS, "other"), 0.0)
    for name, operator in operators.items():
        found[_KIND_OF.get(name, "other")] += operator.seconds
    return found
