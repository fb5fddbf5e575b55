"""OpenVINO models whose matrix products are partly int8: those of an int8 model, some replaced by those of its fp32 model.

Not nncf.quantize_with_accuracy_control: it reverts one use of a weight at a time, so that a weight shared by layers stays
quantised, and is stored twice, until all its uses are reverted; on ALBERT it reverted everything. Replacing needs no second
quantisation either, so that a search costs little.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .calibration_texts import judging
from .careful import Group, choose
from .feed import text_feed
from .openvino_model import MODEL_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from ..head import Head
    from ..variant import Float32Array, Int64Array
    from .calibration_texts import Texts
    from .careful import Choice

_PRODUCTS = ("MatMul", "ScaledDotProductAttention")
_MOVES = ("Reshape", "Transpose")  # between a quantisation and the product that reads it
_MOST = 1 / 5  # of the weights in floats: in bf16 they take twice the time of int8, so that 85 % of its speed remain
_ATTENTION = 20_000  # numbers: attention has no weight, but is no more for free than a small product
_ADDED = ("FakeQuantize", "Multiply")  # by NNCF: quantisation, and the scales of SmoothQuant


def mixed_openvino(fp32: Path, int8: Path, texts: Texts, head: Head) -> tuple[Any, Choice]:
    """The int8 model with the products that ``choose`` leaves in floats, and the choice."""
    import openvino

    core = openvino.Core()
    base, plain = core.read_model(fp32 / MODEL_FILE), core.read_model(int8 / MODEL_FILE)
    names = {name for port in base.inputs for name in port.names}
    feeds = [text_feed(names, ids) for ids in judging(texts)]

    def logits(left: Collection[str], count: int) -> Float32Array:
        return _logits(mixed(plain, base, left), feeds[:count])

    choice = choose(_groups(base), logits, _logits(base, feeds, "f32"), _MOST, head=head)
    return mixed(plain, base, choice.left), choice


def mixed(plain: Any, base: Any, left: Collection[str]) -> Any:
    """A copy of the int8 model ``plain`` with the products ``left`` as in the fp32 model ``base``."""
    model = plain.clone()
    originals = {node.get_friendly_name(): node for node in base.get_ops()}
    for node in model.get_ordered_ops():
        original = originals.get(node.get_friendly_name())
        if node.get_friendly_name() not in left or original is None:
            continue
        for place in (0, 1):
            weight = original.input_value(place)
            if weight.get_node().get_type_name() == "Constant":
                node.input(place).replace_source_output(weight)
            else:
                _read_original(node.input(place), originals)
        _restore_bias(node, originals)
    model.validate_nodes_and_infer_types()
    return model


def _read_original(port: Any, originals: dict[str, Any]) -> None:
    """Let an input, or the Reshape or Transpose before it, read what it read before NNCF put nodes of its own between them."""
    source = port.get_source_output().get_node()
    while source.get_type_name() in _MOVES and source.get_friendly_name() in originals:
        port = source.input(0)
        source = port.get_source_output().get_node()
    while source.get_friendly_name() not in originals and source.get_type_name() in _ADDED:
        port.replace_source_output(source.input_value(0))
        source = port.get_source_output().get_node()


def _restore_bias(product: Any, originals: dict[str, Any]) -> None:
    """Undo the correction of a bias, which NNCF fits to the errors of int8."""
    for reader in product.output(0).get_target_inputs():
        add = reader.get_node()
        original = originals.get(add.get_friendly_name())
        if add.get_type_name() != "Add" or original is None or original.get_type_name() != "Add":
            continue
        for place in (0, 1):
            bias = original.input_value(place)
            if bias.get_node().get_type_name() == "Constant":
                add.input(place).replace_source_output(bias)


def _groups(model: Any) -> list[Group]:
    """All matrix products by weight; each attention is a group of its own.

    Attention is computed in floats, but its queries and keys may be quantised, so that the products before it write int8, which
    is faster. A weight is identified by content: OpenVINO has a constant for each use, and stores equal ones once.
    """
    groups: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for name, weight in _products(model):
        key = name if weight is None else hashlib.sha256(weight.tobytes()).hexdigest()
        groups.setdefault(key, []).append(name)
        sizes[key] = sizes.get(key, 0) + (_ATTENTION if weight is None else weight.size)
    return [Group(tuple(names), sizes[key]) for key, names in groups.items()]


def shares_weights(model: Any) -> bool:
    """Whether some products share a weight, as the layers of ALBERT do."""
    return any(len(group.names) > 1 for group in _groups(model))


def _products(model: Any) -> Iterator[tuple[str, Any]]:
    for node in model.get_ordered_ops():
        if node.get_type_name() in _PRODUCTS:
            right = node.input_value(1).get_node()
            yield node.get_friendly_name(), right.data if right.get_type_name() == "Constant" else None


def _logits(model: Any, feeds: Sequence[dict[str, Int64Array]], precision: str = "") -> Float32Array:
    """Logits of every text, ``(texts, num_labels)``; operators that are not int8 in ``precision``, or as OpenVINO chooses."""
    import openvino

    hint = {"INFERENCE_PRECISION_HINT": precision} if precision else {}
    compiled = openvino.Core().compile_model(model, "CPU", hint)
    return np.concatenate([compiled(feed)["logits"] for feed in feeds])
