"""Passes over an exported ONNX graph; each replaces the file by an equivalent model.

All but ``attend_without_mask`` keep every logit, bit for bit.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_JOINED = 3  # axes: batch, tokens, numbers of all heads
_MASK = 5  # index of the mask among the inputs of a MultiHeadAttention
_APART = "_apart"  # end of the name of a result that nobody reads


def input_names(file: Path) -> set[str]:
    """Names of the graph's inputs."""
    return {one.name for one in _read(file).graph.input}


def use_weights_by_name(file: Path) -> None:
    """Let every node read a shared weight directly instead of through an Identity.

    optimum stores a weight that several layers share once, and passes it to all layers but the first through an Identity.
    The quantiser of ONNX Runtime takes that for an activation: of ALBERT-base's 75 linear layers it left 66 in fp32, and
    kept their weights in the file.
    """
    model = _read(file)
    weights = {weight.name for weight in model.graph.initializer}
    copies = [node for node in model.graph.node if node.op_type == "Identity" and node.input[0] in weights]
    _bypass(model.graph, {node.output[0]: node.input[0] for node in copies})
    _write(model, file)


def drop_round_trips(file: Path) -> None:
    """Remove the two Reshapes after an attention that split its result into heads and join them again.

    A MultiHeadAttention gives ``(batch, tokens, numbers)``; PyTorch's attention gives ``(batch, heads, tokens, numbers)``,
    which every model transposes back. The exporter removes the two transpositions, but not the Reshapes around them.
    """
    model = _read(file)
    makers = {output: node for node in model.graph.node for output in node.output}
    origins = {}
    for joined in model.graph.node:
        split = makers.get(joined.input[0]) if joined.op_type == "Reshape" else None
        attention = makers.get(split.input[0]) if split is not None and split.op_type == "Reshape" else None
        if attention is not None and attention.op_type == "MultiHeadAttention" and _axes(joined, makers) == _JOINED:
            origins[joined.output[0]] = attention.output[0]
    _bypass(model.graph, origins)
    _write(model, file)


def attend_without_mask(file: Path) -> None:
    """Run every attention without its mask if that is all zeros: a batch without padding uses ONNX Runtime's flash kernel.

    That kernel supports no mask, and does not store the scores of all pairs of tokens. An If selects by the values of the mask
    in each batch, so that any other mask is applied.
    """
    from onnx import helper

    model = _read(file)
    nodes, open_masks = [], {}
    for node in model.graph.node:
        if node.op_type != "MultiHeadAttention" or len(node.input) <= _MASK:
            nodes.append(node)
            continue
        mask = node.input[_MASK]
        if mask not in open_masks:
            open_masks[mask] = f"{mask}_open"
            nodes += _is_zero(mask, open_masks[mask])
        branches = {"then_branch": _branch(node, "open"), "else_branch": _branch(node, "masked")}
        del branches["then_branch"].node[0].input[_MASK - 2 :]  # and the two empty inputs before it
        nodes.append(helper.make_node("If", [open_masks[mask]], node.output, name=f"{node.name}_if", **branches))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _write(model, file)


def keep_normalisations_apart(file: Path) -> None:
    """Keep ONNX Runtime from fusing a LayerNormalization with the Add that it reads, into SkipLayerNormalization.

    The fused kernel is scalar; those of Add and of LayerNormalization are vectorised. It fuses an Add that nothing else reads, so a
    Shape, which costs nothing and whose result nobody reads, reads it as well. The graph says it, not an option of the session, so
    that it holds in every program that loads the file. It is the last pass, since others remove what nobody reads.
    """
    from onnx import helper

    model = _read(file)
    read = {node.input[0] for node in model.graph.node if node.op_type == "LayerNormalization"}
    weights = {weight.name for weight in model.graph.initializer}
    known = {name for node in model.graph.node for name in node.output}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        apart = f"{node.output[0]}{_APART}"
        if (
            node.op_type == "Add"
            and node.output[0] in read
            and not weights.intersection(node.input)
            and apart not in known
        ):
            nodes.append(helper.make_node("Shape", [node.output[0]], [apart]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _write(model, file)


def _is_zero(name: str, result: str) -> list[Any]:
    """Nodes that test whether all numbers of a tensor are zero."""
    from onnx import TensorProto, helper

    return [
        helper.make_node("ReduceMin", [name], [f"{result}_least"], keepdims=0),
        helper.make_node("ReduceMax", [name], [f"{result}_most"], keepdims=0),
        helper.make_node("Cast", [f"{result}_least"], [f"{result}_below"], to=TensorProto.BOOL),
        helper.make_node("Cast", [f"{result}_most"], [f"{result}_above"], to=TensorProto.BOOL),
        helper.make_node("Or", [f"{result}_below", f"{result}_above"], [f"{result}_not"]),
        helper.make_node("Not", [f"{result}_not"], [result]),
    ]


def _branch(node: Any, name: str) -> Any:
    """A subgraph with one copy of ``node``."""
    from onnx import TensorProto, helper

    copy = helper.make_node(node.op_type, node.input, [f"{node.output[0]}_{name}"], f"{node.name}_{name}")
    copy.domain = node.domain
    copy.attribute.extend(node.attribute)
    result = helper.make_tensor_value_info(copy.output[0], TensorProto.FLOAT, None)
    return helper.make_graph([copy], name, [], [result])


def count_operators(file: Path) -> Counter[str]:
    """Number of nodes of each operator, including those in branches."""
    return Counter(node.op_type for node in _with_branches(_read(file).graph.node))


def _axes(reshape: Any, makers: dict[str, Any]) -> int | None:
    """The rank of a Reshape's output, if its shape is concatenated in the graph."""
    shape = makers.get(reshape.input[1])
    return len(shape.input) if shape is not None and shape.op_type == "Concat" else None


def _bypass(graph: Any, origins: dict[str, str]) -> None:
    """Let every node read ``origins[name]`` instead of ``name``."""
    for node in _with_branches(graph.node):
        for index, name in enumerate(node.input):
            node.input[index] = origins.get(name, name)
    drop_unread(graph)


def drop_unread(graph: Any) -> None:
    """Remove the nodes and the weights that nothing reads."""
    makers = {name: node for node in graph.node for name in node.output}
    waiting, needed = [output.name for output in graph.output], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            made_from = _with_branches([makers[name]]) if name in makers else ()
            waiting += [one for node in made_from for one in node.input]
    alive = [node for node in graph.node if needed.intersection(node.output)]
    del graph.node[:]
    graph.node.extend(alive)
    weights = [weight for weight in graph.initializer if weight.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)
    typed = [info for info in graph.value_info if info.type.WhichOneof("value")]  # the quantiser accepts no others
    del graph.value_info[:]
    graph.value_info.extend(typed)


def _with_branches(nodes: Iterable[Any]) -> Iterator[Any]:
    """Nodes, and those in the branches of an If or the body of a Loop, which read outer names."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield from _with_branches(attribute.g.node)


def _read(file: Path) -> Any:
    import onnx

    return onnx.load(file, load_external_data=False)  # external weights stay in their file


def _write(model: Any, file: Path) -> None:
    import onnx

    onnx.save(model, file)
