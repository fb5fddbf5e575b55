"""Static int8 by NNCF, and back to fp32 where it costs labels: the products that int8 hurts most stay as they were.

Not nncf.quantize_with_accuracy_control: it takes one use of a weight after the other, so that a weight that layers share is
damaged, and stored as both, until its last use is found; on a shared ALBERT it put everything back.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from exporters.runtimes.calibration import calibration_feed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.variant import Float32Array, Int64Array

_LOSS = (
    0.01  # share of labels that may change: a fifth of what parity allows, for these texts have calibrated the model
)
_SPARED = 1  # labels that may change however few the texts are: one may hang by a thread in fp32 as well
_RANKED = 16  # texts on which products are ranked: the order asks for less than the scales do

_Feed = dict[str, "Int64Array"]


def quantise(model: Any, calibration: Sequence[Sequence[int]], *, judged: bool = True) -> tuple[Any, list[str]]:
    """Give the int8 model, and the names of the products left in fp32: none, if labels hold on the calibration texts.

    None either where labels are not to be ``judged``. All uses of a weight stay in fp32 together, so that it is stored once.
    Where no choice of products holds the labels, all of them are left.
    """
    names = {name for port in model.inputs for name in port.names}
    feeds = [calibration_feed(ids, names) for ids in calibration]
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
    """The groups of products, those first that change the logits most when no other product is int8."""
    groups = _groups(model)

    def damage(group: list[str]) -> float:
        others = [name for other in groups if other is not group for name in other]
        return float(np.abs(_logits(_quantised(model, feeds, others), feeds) - expected).mean())

    return sorted(groups, key=damage, reverse=True)


def _groups(model: Any) -> list[list[str]]:
    """The names of all matrix products, those together that use one weight; an attention is alone.

    Attention itself is computed in floats, but its queries and keys are rounded: the products before it then write int8, which
    is quicker.

    One weight by its content: OpenVINO has a constant for each use, and stores those once that are alike.
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
        # SmoothQuant scales a weight by the inputs of each of its uses, so a shared weight would be stored once per use.
        advanced_parameters=AdvancedQuantizationParameters(
            smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=-1)
        ),
    )


def _logits(model: Any, feeds: Sequence[_Feed]) -> Float32Array:
    """Of every text, ``(texts, num_labels)``; what is not int8 in fp32, which OpenVINO has to be told."""
    import openvino

    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([compiled(feed)["logits"] for feed in feeds])
