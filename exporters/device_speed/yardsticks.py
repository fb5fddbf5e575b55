"""The machine's current rates of matrix products, a copy and a loop, which a variant's speed is compared with.

To be called in a process of its own with the thread budget of the variants.
"""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

# Rows, columns and depth of every product: as many operations as a linear layer of ALBERT-base at 512 tokens.
_SIZE = 1024
_OPERATIONS = 2.0 * _SIZE**3  # multiplications and additions
_COPIED = 256 * 1024 * 1024  # bytes; far more than the caches hold
_PASSES = 200_000
_BUDGET_S = 0.2


def rate(name: str, threads: int) -> float:
    """One reading of yardstick ``name``, a key of YARDSTICKS: operations/s, bytes/s or passes/s by the median call.

    The first call is a warm-up; calls are repeated for 0.2 s. If one call takes longer, the first is the reading.
    """
    call, amount = YARDSTICKS[name](threads)
    first = _seconds(call)
    seconds: list[float] = []
    while sum(seconds) + first < _BUDGET_S:
        seconds.append(_seconds(call))
    return amount / statistics.median(seconds or [first])


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _torch_product(threads: int, dtype: str) -> tuple[Callable[[], Any], float]:
    """On a CPU without bf16 instructions, bf16 is emulated and slow, but still a reading."""
    import torch

    torch.set_num_threads(threads)
    left, right, output = (torch.ones(_SIZE, _SIZE, dtype=getattr(torch, dtype)) for _ in range(3))
    return lambda: torch.mm(left, right, out=output), _OPERATIONS


def _int8(threads: int) -> tuple[Callable[[], Any], float]:
    """Unsigned times signed, by ONNX Runtime: its fastest int8 product on CPUs (suites/studies/runtimes/int8_yardstick.py)."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    # A constant, so that it is packed once.
    weight = numpy_helper.from_array(np.ones((_SIZE, _SIZE), dtype=np.int8), "weight")
    shape = [_SIZE, _SIZE]
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["rows", "weight"], ["output"])],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("output", TensorProto.INT32, shape)],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rows = np.ones(shape, dtype=np.uint8)
    return lambda: session.run(None, {"rows": rows}), _OPERATIONS


def _copy(threads: int) -> tuple[Callable[[], Any], float]:
    """Bytes copied, each read once and written once; by PyTorch, since NumPy copies with one thread."""
    import torch

    torch.set_num_threads(threads)
    source, target = torch.ones(_COPIED, dtype=torch.uint8), torch.empty(_COPIED, dtype=torch.uint8)
    return lambda: target.copy_(source), float(_COPIED)


def _python(_: int) -> tuple[Callable[[], Any], float]:
    """Passes of an interpreted loop, on one thread."""

    def loop() -> int:
        total = 0
        for number in range(_PASSES):
            total += number & 7
        return total

    return loop, float(_PASSES)


YARDSTICKS: dict[str, Callable[[int], tuple[Callable[[], Any], float]]] = {
    "fp32": partial(_torch_product, dtype="float32"),
    "bf16": partial(_torch_product, dtype="bfloat16"),
    "int8": _int8,
    "copy": _copy,
    "python": _python,
}
