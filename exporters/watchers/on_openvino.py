"""What OpenVINO executes: the runtime model of what was compiled, after one inference, which gives it its shapes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from unittest import mock

from exporters.errors import ExportError
from exporters.watchers.product import Product, attention_multiply_adds, multiply_adds, precision_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporters.variant import Int64Array, Predictor

_MATRIX = 2
_PRODUCT_NAME = re.compile(r"(?:^|[/,])MatMul(?:_\d+)?(?=,|$)")  # of a node that was merged into another


def products(load: Callable[[], Predictor], input_ids: Int64Array, attention_mask: Int64Array) -> list[Product]:
    """Every matrix product of one forward pass of the models that ``load`` compiles, with the settings that it gives."""
    import openvino

    compile_model = openvino.Core.compile_model
    compiled: list[Any] = []

    def compile_and_keep(*arguments: Any, **keywords: Any) -> Any:
        compiled.append(compile_model(*arguments, **keywords))
        return compiled[-1]

    # A predictor hides its model; load() passes through here with the settings that decide the precision.
    with mock.patch.object(openvino.Core, "compile_model", compile_and_keep):
        predict = load()
    predict(input_ids, attention_mask)
    keys = input_ids.shape[1]
    return [
        product
        for model in compiled
        for node in model.get_runtime_model().get_ops()
        for product in _products(node, keys)
    ]


def _products(node: Any, keys: int) -> Iterator[Product]:
    facts = {name: fact.astype(str) for name, fact in node.get_rt_info().items()}
    layer, precision = facts["layerType"], precision_of(facts["runtimePrecision"])
    if layer in ("FullyConnected", "MatMul"):
        kind: Any = "weights" if len(_shape(node.input(1))) == _MATRIX else "attention"
        yield Product(kind, precision, multiply_adds(_shape(node.input(0)), _shape(node.output(0))))
    elif layer == "ScaledDotProductAttention" or _holds_attention(layer, facts["originalLayersNames"]):
        query, output = _shape(node.input(0)), _shape(node.output(0))
        yield Product("attention", precision, attention_multiply_adds(query, output, keys))


def _holds_attention(layer: str, merged: str) -> bool:
    """Whether a generated kernel holds the two products of an attention: no other products are merged into one."""
    return layer == "Subgraph" and len(_PRODUCT_NAME.findall(merged)) == 2  # noqa: PLR2004 - scores and values


def _shape(port: Any) -> list[int]:
    shape = port.get_partial_shape()
    if shape.is_dynamic:
        raise ExportError(f"OpenVINO does not say the shape of {port.get_node().get_friendly_name()}")
    return [int(size) for size in shape.to_shape()]
