"""Restrict the last layer of an OpenVINO model to the first token, the only one that the classifier reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ELEMENTWISE = ("Add", "Subtract", "Multiply", "Divide", "Power", "SquaredDifference", "Gelu", "Tanh", "Erf", "Relu")
_QUERY, _MASK = 0, 3  # indices of inputs of a fused attention
_TOKENS, _HEADS = 1, 1  # axes: (batch, tokens, numbers), and (batch, heads, tokens, numbers) in attention


def keep_first_token(model: Any) -> bool:
    """Remove computation for other tokens from the last layer, in place; returns whether there was any.

    As in ``exporters/runtimes/onnx_first_token.py``, but also through attention that is written out, since every rank is known.
    """
    # By reader and index of its input: the axis along which it needs only the first.
    axes: dict[tuple[str, int], int] = {}
    inside = []
    for node in reversed(model.get_ordered_ops()):
        if node.get_output_size() != 1:
            continue
        readers = {(port.get_node().get_name(), port.get_index()) for port in node.output(0).get_target_inputs()}
        asked = {axes.get(reader) for reader in readers}
        if _takes_first_token(node):
            needed = {0: _TOKENS}
        elif len(asked) == 1 and (axis := asked.pop()) is not None:
            needed = _needed(node, axis)
        else:
            continue
        inside += [node] if needed else []
        axes |= {(node.get_name(), place): axis for place, axis in needed.items()}
    if not any(node.get_type_name() == "MatMul" for node in inside):
        return False
    _cut(inside, axes)
    model.validate_nodes_and_infer_types()
    return True


def _takes_first_token(node: Any) -> bool:
    if node.get_type_name() != "Gather":
        return False
    index, axis = _constant(node, 1), _constant(node, 2)
    return index is not None and axis is not None and (index.ndim, index.sum(), axis.sum()) == (0, 0, _TOKENS)


def _needed(node: Any, axis: int) -> dict[int, int]:
    """Axes, by index of input, along which the first suffices for the first of the result along ``axis``; empty if unknown."""
    kind, rank = node.get_type_name(), len(node.get_output_partial_shape(0))
    ranks = [len(node.get_input_partial_shape(place)) for place in range(node.get_input_size())]
    if kind in _ELEMENTWISE:
        own = {place: axis - rank + ranks[place] for place in range(len(ranks))}  # broadcasting aligns axes at the end
        return {place: one for place, one in own.items() if one >= 0 and _constant(node, place) is None}
    if kind == "ScaledDotProductAttention" and axis == _HEADS + 1:
        return {place: axis for place in (_QUERY, _MASK) if place < len(ranks) and ranks[place] > axis}
    if kind == "MatMul" and axis == rank - 2 and not node.get_attributes()["transpose_a"]:
        return {0: ranks[0] - 2}
    if kind == "Transpose" and (order := _constant(node, 1)) is not None:
        return {0: int(order[axis])}
    alike = (
        (kind == "Softmax" and axis != node.get_attributes()["axis"] % rank)
        or (kind == "MVN" and (over := _constant(node, 1)) is not None and axis not in over % rank)
        or (kind == "Reshape" and axis == _TOKENS and _keeps_tokens(node))
    )
    return {0: axis} if alike else {}


def _constant(node: Any, place: int) -> Any:
    source = node.input_value(place).get_node()
    return source.data if source.get_type_name() == "Constant" else None


def _keeps_tokens(reshape: Any) -> bool:
    """Whether a Reshape only splits a token's numbers into heads, or joins them."""
    before, after = (list(shape)[_TOKENS + 1 :] for shape in _shapes(reshape))
    known = all(size.is_static for size in [*before, *after]) and bool(before) and bool(after)
    return known and np.prod([size.get_length() for size in before]) == np.prod([size.get_length() for size in after])


def _shapes(node: Any) -> tuple[Any, Any]:
    return node.get_input_partial_shape(0), node.get_output_partial_shape(0)


def _cut(inside: Sequence[Any], axes: Mapping[tuple[str, int], int]) -> None:
    """Slice the first token from every input of ``inside`` that has all of them."""
    from openvino import opset13

    names = {node.get_name() for node in inside}
    for node in inside:
        if node.get_type_name() == "Reshape":  # 0: as in the input
            numbers = [size.get_length() for size in list(_shapes(node)[1])[_TOKENS + 1 :]]
            node.input(1).replace_source_output(opset13.constant([0, 0, *numbers], np.int64).output(0))
            node.set_attribute("special_zero", True)
        for port in node.inputs():
            axis, source = axes.get((node.get_name(), port.get_index())), port.get_source_output()
            if axis is not None and source.get_node().get_name() not in names:
                first = opset13.slice(source, *(opset13.constant([number], np.int64) for number in (0, 1, 1, axis)))
                port.replace_source_output(first.output(0))
