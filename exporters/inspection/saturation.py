"""Saturation of ONNX Runtime's int8 sums on a CPU without VNNI, from real activations, since it cannot be made to run so here.

Its kernels for AVX2 and AVX-512 without VNNI add two products of uint8 activations and int8 weights in 16 bits, saturating
at 32,767 (vpmaddubsw; "When and why do I need to try U8U8", ONNX Runtime's guide to quantisation). With 7-bit weights no such
sum saturates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ExportError
from ..runtimes.feed import feed
from ..runtimes.onnx_session import MODEL_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ..variant import Batch

_LEAST, _MOST = -(2**15), 2**15 - 1
_ROWS = 4  # tokens of each product that are examined, spread over the batch


def cut_share(artifact: Path, batches: Sequence[Batch]) -> float:
    """Share of the sums of two neighbouring products that would saturate, over the integer products of all batches.

    To be called in a process of its own. Raises ExportError for a model without integer products.
    """
    import onnx
    import onnxruntime

    model = onnx.load(artifact / MODEL_FILE)
    products = list(_products(model.graph))
    if not products:
        raise ExportError(f"{artifact.name}: no product of integers with a weight, expected an int8 model")
    names = list(dict.fromkeys(name for name, _ in products))
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    plain = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # otherwise activations are fused away
    options.graph_optimization_level = plain
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    inputs = {one.name for one in session.get_inputs()}
    cut, total = 0, 0
    for batch in batches:
        found = session.run(names, feed(inputs, *batch))
        activations = dict(zip(names, found, strict=True))
        for name, weight in products:
            sums = pair_sums(_some_rows(activations[name]), weight)
            cut += int(((sums < _LEAST) | (sums > _MOST)).sum())
            total += sums.size
    return cut / total


def _products(graph: Any) -> Iterator[tuple[str, Any]]:
    """The name of the activations and the weight ``(inputs, outputs)`` of every integer product.

    In a dynamic model they are the operands; in a static one they are what the operands are dequantised from.
    """
    from onnx.numpy_helper import to_array

    weights = {one.name: one for one in graph.initializer}
    integers = {one.output[0]: one.input[0] for one in graph.node if one.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.op_type == "MatMulInteger" and node.input[1] in weights:
            yield node.input[0], to_array(weights[node.input[1]])
        elif node.op_type in ("MatMul", "Gemm"):
            left, right = (integers.get(name, "") for name in node.input[:2])
            if left and right in weights:
                turned = any(one.name == "transB" and one.i for one in node.attribute)
                weight = to_array(weights[right])
                yield left, weight.T if turned else weight


def pair_sums(activations: Any, weights: Any) -> npt.NDArray[np.int32]:
    """The sums of two neighbouring products, ``(rows, pairs, outputs)``, of ``(rows, inputs)`` and ``(inputs, outputs)``.

    >>> pair_sums(np.array([[255, 255, 1]], dtype=np.uint8), np.array([[127], [127], [-1]], dtype=np.int8)).tolist()
    [[[64770], [-1]]]
    """
    odd = activations.shape[1] % 2
    left = np.pad(activations, ((0, 0), (0, odd))).astype(np.int32)
    right = np.pad(weights, ((0, odd), (0, 0))).astype(np.int32)
    sums: npt.NDArray[np.int32] = left[:, 0::2, None] * right[None, 0::2] + left[:, 1::2, None] * right[None, 1::2]
    return sums


def _some_rows(activations: Any) -> Any:
    rows = activations.reshape(-1, activations.shape[-1])
    return rows[np.linspace(0, len(rows) - 1, min(_ROWS, len(rows))).astype(int)]
