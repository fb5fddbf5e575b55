"""What OpenVINO executes: the runtime model of what was compiled, after one inference, which gives it its shapes."""

from __future__ import annotations

import re
from collections import Counter
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
    compiled = _compiled(load, (input_ids, attention_mask), 1, {})
    keys = input_ids.shape[1]
    return [
        product
        for model in compiled
        for node in model.get_runtime_model().get_ops()
        for product in _products(node, keys)
    ]


def operators(
    load: Callable[[], Predictor], input_ids: Int64Array, attention_mask: Int64Array, runs: int
) -> dict[str, tuple[int, float]]:
    """How many operators of each type one forward pass runs, and their seconds: OpenVINO's own average of all runs."""
    count: Counter[str] = Counter()
    microseconds: Counter[str] = Counter()
    for model in _compiled(load, (input_ids, attention_mask), 1 + runs, {"PERF_COUNT": True}):
        for node in model.get_runtime_model().get_ops():
            facts = {name: fact.astype(str) for name, fact in node.get_rt_info().items()}
            if facts["execTimeMcs"].isdigit():  # "not_executed" is what was folded away
                count[facts["layerType"]] += 1
                microseconds[facts["layerType"]] += int(facts["execTimeMcs"])
    return {name: (number, microseconds[name] / 1e6) for name, number in count.items()}


def _compiled(
    load: Callable[[], Predictor], batch: tuple[Int64Array, Int64Array], runs: int, more: dict[str, Any]
) -> list[Any]:
    """The models that ``load`` compiles, with ``more`` settings beside its own, after ``runs`` forward passes."""
    import openvino

    compile_model = openvino.Core.compile_model
    compiled: list[Any] = []

    def compile_and_keep(core: Any, model: Any, device: str, settings: Any = None) -> Any:
        compiled.append(compile_model(core, model, device, {**(settings or {}), **more}))
        return compiled[-1]

    # A predictor hides its model; load() passes through here with the settings that decide the precision.
    with mock.patch.object(openvino.Core, "compile_model", compile_and_keep):
        predict = load()
    for _ in range(runs):
        predict(*batch)
    return compiled


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
