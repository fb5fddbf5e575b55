"""ONNX models whose matrix products are partly int8: those of an int8 model, some replaced by those of its fp32 model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .calibration_texts import judging
from .careful import Group, choose
from .feed import text_feed
from .onnx_graph import drop_unread
from .onnx_session import MODEL_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from ..head import Head
    from ..variant import Float32Array, Int64Array
    from .calibration_texts import Texts
    from .careful import Choice

_MOST = 1 / 5  # of the weights in floats: fp32, in which they take four times the time of int8


def mixed_onnx(fp32: Path, int8: Path, texts: Texts, head: Head) -> tuple[Any, Choice]:
    """The int8 model with the products that ``choose`` leaves in floats, and the choice."""
    import onnx

    base, plain = onnx.load(fp32 / MODEL_FILE), onnx.load(int8 / MODEL_FILE)
    names = {one.name for one in base.graph.input}
    feeds = [text_feed(names, ids) for ids in judging(texts)]

    def logits(left: Collection[str], count: int) -> Float32Array:
        return _logits(mixed(plain, base, left), feeds[:count])

    choice = choose(_groups(base), logits, _logits(base, feeds), _MOST, head=head)
    return mixed(plain, base, choice.left), choice


def mixed(plain: Any, base: Any, left: Collection[str]) -> Any:
    """A copy of the int8 model ``plain`` with the products ``left``, called by their outputs, as in the fp32 model ``base``."""
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(plain)
    graph = model.graph
    originals = {node.output[0]: node for node in base.graph.node if node.output[0] in left}
    nodes = [originals.get(node.output[0], node) for node in plain.graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    known = {weight.name for weight in graph.initializer}
    read = {name for node in originals.values() for name in node.input}
    graph.initializer.extend(one for one in base.graph.initializer if one.name in read - known)
    drop_unread(graph)
    return model


def _groups(model: Any) -> list[Group]:
    """All products with a stored weight, by weight."""
    sizes = {one.name: int(np.prod(one.dims)) for one in model.graph.initializer}
    groups: dict[str, list[str]] = {}
    for node in model.graph.node:
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in sizes:
            groups.setdefault(node.input[1], []).append(node.output[0])
    return [Group(tuple(names), len(names) * sizes[weight]) for weight, names in groups.items()]


def _logits(model: Any, feeds: Sequence[dict[str, Int64Array]]) -> Float32Array:
    """Logits of every text, ``(texts, num_labels)``."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["logits"], feed)[0] for feed in feeds])
