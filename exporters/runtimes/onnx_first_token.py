"""Restrict the last layer of an ONNX graph to the first token, the only one that the classifier reads."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TOKENS = 1  # axis: (batch, tokens, numbers)
_QUERY, _MASK = 0, 5  # indices of inputs of a MultiHeadAttention
_ELEMENTWISE = ("Add", "Sub", "Mul", "Div", "Pow", "Erf", "Tanh", "Sqrt", "Relu", "Gelu")


def keep_first_token(file: Path) -> bool:
    """Remove computation for other tokens from the last layer and rewrite the file; returns whether there was any.

    Keys and values are needed for all tokens; queries, and everything after attention, only for the token that the classifier
    reads. This saves 7 % of the matrix products of a model with twelve layers, 14 % with six.
    """
    import onnx

    model = onnx.load(file, load_external_data=False)
    nodes = list(model.graph.node)
    inside = _readers_of_first(model.graph)
    if not any(nodes[index].op_type == "MatMul" for index in inside):
        return False
    given = {name for index in inside for name in nodes[index].output}
    del model.graph.node[:]
    for index, node in enumerate(nodes):
        for place, axis in inside.get(index, {}).items():
            if node.input[place] not in given:
                first = _first(node.input[place], f"{node.output[0]}_first_{place}", axis)
                model.graph.node.extend(first)
                node.input[place] = first[-1].output[0]
        model.graph.node.append(node)
    onnx.save(model, file)
    return True


def _readers_of_first(graph: Any) -> dict[int, dict[int, int]]:
    """Nodes, by index, of whose result only the first token is read: the token axis of each input that may be cut, by its index."""
    constants = {weight.name: weight for weight in graph.initializer}
    constants |= {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
    readers = Counter(_read_names(graph))
    asked = Counter[str]()  # how many readers of a value need only its first token
    inside = {}
    for index, node in reversed(list(enumerate(graph.node))):  # in topological order: readers come later
        if _takes_first_token(node, constants):
            needed = {0: _TOKENS}
        elif len(node.output) == 1 and 0 < asked[node.output[0]] == readers[node.output[0]]:
            needed = _needed(node, constants)
        else:
            continue
        asked.update(node.input[place] for place in needed)
        if needed:
            inside[index] = needed
    return inside


def _takes_first_token(node: Any, constants: Mapping[str, Any]) -> bool:
    from onnx import numpy_helper

    if node.op_type != "Gather" or node.input[1] not in constants or _axis(node, default=0) != _TOKENS:
        return False
    index = numpy_helper.to_array(constants[node.input[1]])
    return index.ndim == 0 and index == 0


def _needed(node: Any, constants: Mapping[str, Any]) -> dict[int, int]:
    """Token axes, by index of input, along which the first token suffices for that of the result; empty if unknown."""
    if node.op_type in _ELEMENTWISE:
        return {place: _TOKENS for place, name in enumerate(node.input) if name not in constants}
    if node.op_type == "LayerNormalization" and _axis(node, default=-1) == -1:
        return {0: _TOKENS}
    if node.op_type == "MatMul" and node.input[1] in constants:
        return {0: _TOKENS}
    if node.op_type == "MultiHeadAttention":  # the mask is for (batch, heads, queries, keys)
        return {_QUERY: _TOKENS} | ({_MASK: _TOKENS + 1} if len(node.input) > _MASK else {})
    return {}


def _axis(node: Any, *, default: int) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == "axis"), default)


def _read_names(graph: Any) -> list[str]:
    """Names that are read, once per reader: nodes, nodes in their branches, and the graph's outputs."""
    names = [name for node in graph.node for name in node.input] + [output.name for output in graph.output]
    for node in graph.node:
        names += [name for attribute in node.attribute if attribute.HasField("g") for name in _read_names(attribute.g)]
    return names


def _first(value: str, name: str, axis: int) -> list[Any]:
    """Nodes that slice the first of ``value`` along ``axis``, keeping the axis."""
    from onnx import helper

    numbers = {f"{name}_{what}": number for what, number in (("start", 0), ("end", 1), ("axis", axis))}
    nodes = [helper.make_node("Constant", [], [one], value_ints=[number]) for one, number in numbers.items()]
    return [*nodes, helper.make_node("Slice", [value, *numbers], [name], name=name)]
