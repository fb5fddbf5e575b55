"""What OpenVINO executes: its runtime model after one inference, which determines the shapes."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from ..errors import ExportError
from .product import Product, multiply_adds, precision_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..variant import Batch, Float32Array, Predictor

_MATRIX = 2
_PRODUCT_NAME = re.compile(r"(?:^|[/,])MatMul(?:_\d+)?(?=,|$)")  # of a node that was fused into another


def products(load: Callable[[], Predictor], batch: Batch) -> list[Product]:
    """Every matrix product of one forward pass of the models that ``load`` compiles, with its settings."""
    compiled, logits = _compiled(load, batch, {})
    nodes = [node for model in compiled for node in model.get_runtime_model().get_ops()]
    rounded = "fp32"  # precision of products with fp32 activations and int8 weights
    if any(_decompresses(node) for node in nodes):
        _, exact = _compiled(load, batch, {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"})
        rounded = "fp32" if np.array_equal(logits, exact) else "int8"
    return [product for node in nodes for product in _products(node, batch[0].shape[1], rounded)]


def operators(load: Callable[[], Predictor], batch: Batch, runs: int) -> list[dict[str, tuple[int, float]]]:
    """For each of ``runs`` forward passes: number and seconds of the operators of each type."""
    import openvino

    create = openvino.CompiledModel.create_infer_request
    requests: list[Any] = []

    def create_and_keep(compiled: Any) -> Any:
        requests.append(create(compiled))
        return requests[-1]

    with mock.patch.object(openvino.CompiledModel, "create_infer_request", create_and_keep):
        _, predict = _loaded(load, {"PERF_COUNT": True})
    passes = []
    for _ in range(runs):
        predict(*batch)
        passes.append(_operators(node for request in requests for node in request.profiling_info))
    return passes


def _operators(nodes: Iterable[Any]) -> dict[str, tuple[int, float]]:
    count: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for node in nodes:
        if node.status == node.EXECUTED:  # others were optimised away
            count[node.node_type] += 1
            seconds[node.node_type] += node.real_time.total_seconds()
    return {name: (number, seconds[name]) for name, number in count.items()}


def _compiled(load: Callable[[], Predictor], batch: Batch, more: dict[str, Any]) -> tuple[list[Any], Float32Array]:
    """The models that ``load`` compiles, with its settings updated by ``more``, after a forward pass; and its logits."""
    compiled, predict = _loaded(load, more)
    return compiled, predict(*batch)


def _loaded(load: Callable[[], Predictor], more: dict[str, Any]) -> tuple[list[Any], Predictor]:
    """The models that ``load`` compiles, with its settings updated by ``more``, and its predictor."""
    import openvino

    compile_model = openvino.Core.compile_model
    compiled: list[Any] = []

    def compile_and_keep(core: Any, model: Any, device: str, settings: Any = None) -> Any:
        compiled.append(compile_model(core, model, device, {**(settings or {}), **more}))
        return compiled[-1]

    # A predictor hides its model; load() calls this with the settings that decide the precision.
    with mock.patch.object(openvino.Core, "compile_model", compile_and_keep):
        predict = load()
    return compiled, predict


def _decompresses(node: Any) -> bool:
    """Whether a product has float activations and int8 weights.

    OpenVINO's ``runtimePrecision`` is then that of the weights, whatever is computed, and its runtime model does not tell
    whether the kernel quantises the activations; the logits do.
    """
    if node.get_rt_info()["layerType"].astype(str) != "FullyConnected":
        return False
    left, right = (precision_of(node.input(index).get_element_type().to_string()) for index in (0, 1))
    return left != "int8" and right == "int8"


def _products(node: Any, keys: int, rounded: str) -> Iterator[Product]:
    facts = {name: fact.astype(str) for name, fact in node.get_rt_info().items()}
    layer, precision = facts["layerType"], precision_of(facts["runtimePrecision"])
    if _decompresses(node):
        left = precision_of(node.input(0).get_element_type().to_string())
        precision = rounded if left == "fp32" else left  # only fp32 is quantised dynamically
    if layer in ("FullyConnected", "MatMul"):
        kind: Any = "weights" if len(_shape(node.input(1))) == _MATRIX else "attention"
        yield Product(kind, precision, multiply_adds(_shape(node.input(0)), _shape(node.output(0))))
    elif layer == "ScaledDotProductAttention" or _holds_attention(layer, facts["originalLayersNames"]):
        # The first input is the query, the last one the values. Each of them may be int8.
        query, values = node.input(0), node.input(node.get_input_size() - 1)
        for port, numbers in ((query, _shape(query)), (values, _shape(node.output(0)))):
            name = precision_of(port.get_element_type().to_string())
            yield Product("attention", name, float(math.prod(numbers) * keys))


def _holds_attention(layer: str, merged: str) -> bool:
    """Whether a generated kernel contains the two products of an attention, the only ones that are fused into one."""
    products = len(_PRODUCT_NAME.findall(merged))
    return layer == "Subgraph" and ("/ScaledDotProductAttention" in merged or products == 2)  # noqa: PLR2004 - scores and values


def _shape(port: Any) -> list[int]:
    shape = port.get_partial_shape()
    if shape.is_dynamic:
        raise ExportError(f"OpenVINO does not say the shape of {port.get_node().get_friendly_name()}")
    return [int(size) for size in shape.to_shape()]
