"""Static int8 by NNCF, with the most sensitive matrix products left in fp32 if int8 changes too many labels.

Not nncf.quantize_with_accuracy_control: it reverts one use of a weight at a time, so that a weight shared by layers stays
quantised, and is stored twice, until all its uses are reverted; on ALBERT it reverted everything.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from exporters.runtimes.feed import text_feed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.variant import Float32Array, Int64Array

# Share of labels that may change: a fifth of what parity allows, since the model is calibrated on these texts.
_LOSS = 0.01
_SPARED = 1  # labels that may change however few the texts are: one may be close to the boundary in fp32 as well
_RANKED = 16  # texts on which products are ranked; fewer suffice than for calibration

_Feed = dict[str, "Int64Array"]


def quantise(model: Any, calibration: Sequence[Sequence[int]], *, judged: bool = True) -> tuple[Any, list[str]]:
    """The int8 model, and the names of the matrix products left in fp32.

    None are left if the labels of the calibration texts hold, or are not to be ``judged``. All uses of a weight are left
    together, so that it is stored once. If no selection holds the labels, all products are left.
    """
    names = {name for port in model.inputs for name in port.names}
    feeds = [text_feed(names, ids) for ids in calibration]
    quantised, left = _quantised(model, feeds, []), list[str]()
    if not judged:
        return quantised, left
    expected = _logits(model, feeds)
    if _holds(expected, _logits(quantised, feeds)):
        return quantised, left
    for group in _by_damage(model, feeds[:_RANKED], expected[:_RANKED]):
        left += group
        quantised = _quantised(model, feeds, left)
        if _holds(expected, _logits(quantised, feeds)):
            break
    return quantised, left


def _holds(expected: Float32Array, found: Float32Array) -> bool:
    changed = int((expected.argmax(axis=1) != found.argmax(axis=1)).sum())
    return changed <= max(_SPARED, _LOSS * len(expected))


def _by_damage(model: Any, feeds: Sequence[_Feed], expected: Float32Array) -> list[list[str]]:
    """The groups of products, in descending order of how much each alone in int8 changes the logits."""
    groups = _groups(model)

    def damage(group: list[str]) -> float:
        others = [name for other in groups if other is not group for name in other]
        return float(np.abs(_logits(_quantised(model, feeds, others), feeds) - expected).mean())

    return sorted(groups, key=damage, reverse=True)


def _groups(model: Any) -> list[list[str]]:
    """The names of all matrix products, grouped by weight; each attention is a group of its own.

    Attention is computed in floats, but its queries and keys may be quantised, so that the products before it write int8, which
    is faster. A weight is identified by content: OpenVINO has a constant for each use, and stores equal ones once.
    """
    groups: dict[str, list[str]] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() in ("MatMul", "ScaledDotProductAttention"):
            name, right = node.get_friendly_name(), node.input_value(1).get_node()
            weight = right.get_type_name() == "Constant"
            key = hashlib.sha256(right.data.tobytes()).hexdigest() if weight else name
            groups.setdefault(key, []).append(name)
    return list(groups.values())


def _quantised(model: Any, feeds: Sequence[_Feed], left: Sequence[str]) -> Any:
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, AdvancedSmoothQuantParameters

    return nncf.quantize(
        model,
        nncf.Dataset(feeds),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(feeds),
        ignored_scope=nncf.IgnoredScope(names=list(left)),
        # SmoothQuant scales a weight by the inputs of each use, so a shared weight would be stored once per use.
        advanced_parameters=AdvancedQuantizationParameters(
            smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=-1)
        ),
    )


def _logits(model: Any, feeds: Sequence[_Feed]) -> Float32Array:
    """Logits of every text, ``(texts, num_labels)``; operators that are not int8 in fp32, which must be set."""
    import openvino

    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([compiled(feed)["logits"] for feed in feeds])
