"""What OpenVINO executes: the runtime model of what was compiled, after one inference, which gives it its shapes."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from exporters.errors import ExportError
from exporters.watchers.product import Product, multiply_adds, precision_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporters.variant import Float32Array, Int64Array, Predictor

_MATRIX = 2
_PRODUCT_NAME = re.compile(r"(?:^|[/,])MatMul(?:_\d+)?(?=,|$)")  # of a node that was merged into another


def products(load: Callable[[], Predictor], input_ids: Int64Array, attention_mask: Int64Array) -> list[Product]:
    """Every matrix product of one forward pass of the models that ``load`` compiles, with the settings that it gives."""
    batch = (input_ids, attention_mask)
    compiled, logits = _compiled(load, batch, 1, {})
    nodes = [node for model in compiled for node in model.get_runtime_model().get_ops()]
    rounded = "fp32"  # what the products run in that have fp32 activations and int8 weights
    if any(_decompresses(node) for node in nodes):
        _, exact = _compiled(load, batch, 1, {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"})
        rounded = "fp32" if np.array_equal(logits, exact) else "int8"
    return [product for node in nodes for product in _products(node, input_ids.shape[1], rounded)]


def operators(
    load: Callable[[], Predictor], input_ids: Int64Array, attention_mask: Int64Array, runs: int
) -> dict[str, tuple[int, float]]:
    """How many operators of each type one forward pass runs, and their seconds: OpenVINO's own average of all runs."""
    count: Counter[str] = Counter()
    microseconds: Counter[str] = Counter()
    compiled, _ = _compiled(load, (input_ids, attention_mask), 1 + runs, {"PERF_COUNT": True})
    for model in compiled:
        for node in model.get_runtime_model().get_ops():
            facts = {name: fact.astype(str) for name, fact in node.get_rt_info().items()}
            if facts["execTimeMcs"].isdigit():  # "not_executed" is what was folded away
                count[facts["layerType"]] += 1
                microseconds[facts["layerType"]] += int(facts["execTimeMcs"])
    return {name: (number, microseconds[name] / 1e6) for name, number in count.items()}


def _compiled(
    load: Callable[[], Predictor], batch: tuple[Int64Array, Int64Array], runs: int, more: dict[str, Any]
) -> tuple[list[Any], Float32Array]:
    """The models that ``load`` compiles, with ``more`` settings over its own, after ``runs`` forward passes; the last's logits."""
    import openvino

    compile_model = openvino.Core.compile_model
    compiled: list[Any] = []

    def compile_and_keep(core: Any, model: Any, device: str, settings: Any = None) -> Any:
        compiled.append(compile_model(core, model, device, {**(settings or {}), **more}))
        return compiled[-1]

    # A predictor hides its model; load() passes through here with the settings that decide the precision.
    with mock.patch.object(openvino.Core, "compile_model", compile_and_keep):
        predict = load()
    return compiled, [predict(*batch) for _ in range(runs)][-1]


def _decompresses(node: Any) -> bool:
    """Whether a product has float activations and int8 weights.

    OpenVINO's ``runtimePrecision`` is then that of the weights, whatever is computed, and nothing else in its runtime model
    says whether the kernel rounds the activations; its results do.
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
        # Scores are of the first input, the query; values are the last one. Either may be int8 alone.
        query, values = node.input(0), node.input(node.get_input_size() - 1)
        for port, numbers in ((query, _shape(query)), (values, _shape(node.output(0)))):
            name = precision_of(port.get_element_type().to_string())
            yield Product("attention", name, float(math.prod(numbers) * keys))


def _holds_attention(layer: str, merged: str) -> bool:
    """Whether a generated kernel holds the two products of an attention: no other products are merged into one."""
    products = len(_PRODUCT_NAME.findall(merged))
    return layer == "Subgraph" and ("/ScaledDotProductAttention" in merged or products == 2)  # noqa: PLR2004 - scores and values


def _shape(port: Any) -> list[int]:
    shape = port.get_partial_shape()
    if shape.is_dynamic:
        raise ExportError(f"OpenVINO does not say the shape of {port.get_node().get_friendly_name()}")
    return [int(size) for size in shape.to_shape()]
