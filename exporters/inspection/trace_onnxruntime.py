"""What ONNX Runtime executes: the nodes in its profile, after all graph optimisations."""

from __future__ import annotations

import bisect
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from .product import Product, attention_multiply_adds, multiply_adds, precision_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..variant import Batch, Predictor

_INT8 = ("MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QLinearMatMul", "QGemm", "QAttention")
_PRODUCTS = (*_INT8[:-1], "MatMul", "FusedMatMul", "Gemm", "FusedGemm", "MatMulNBits")
_ATTENTION = ("QAttention", "Attention", "MultiHeadAttention")
_MATRIX = 2


def products(load: Callable[[], Predictor], batch: Batch) -> list[Product]:
    """Every matrix product of one forward pass of the sessions that ``load`` creates, with its options."""
    profiles = _profiled(load, batch, 1)
    return [product for profile in profiles for event in profile for product in _products(event)]


def operators(load: Callable[[], Predictor], batch: Batch, runs: int) -> list[dict[str, tuple[int, float]]]:
    """For each of ``runs`` forward passes: number and seconds of the operators of each type."""
    count: list[Counter[str]] = [Counter() for _ in range(runs)]
    microseconds: list[Counter[str]] = [Counter() for _ in range(runs)]
    for profile in _profiled(load, batch, runs):
        starts = sorted(event["ts"] for event in profile if event["name"] == "model_run")
        for event in filter(_is_kernel, profile):
            index = bisect.bisect(starts, event["ts"]) - 1
            count[index][event["args"]["op_name"]] += 1
            microseconds[index][event["args"]["op_name"]] += event["dur"]
    return [
        {name: (number, spent[name] / 1e6) for name, number in counted.items()}
        for counted, spent in zip(count, microseconds, strict=True)
    ]


def _profiled(load: Callable[[], Predictor], batch: Batch, runs: int) -> list[list[Any]]:
    """The profile of every session that ``load`` creates, over ``runs`` forward passes."""
    import onnxruntime

    start = onnxruntime.InferenceSession.__init__
    sessions: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:

        def start_profiled(session: Any, model: Any, sess_options: Any = None, *rest: Any, **keywords: Any) -> None:
            options = sess_options or onnxruntime.SessionOptions()
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / f"session-{len(sessions)}")
            start(session, model, options, *rest, **keywords)
            sessions.append(session)

        # Profiling can be enabled only when a session is created, which load() does.
        with mock.patch.object(onnxruntime.InferenceSession, "__init__", start_profiled):
            predict = load()
        for _ in range(runs):
            predict(*batch)
        return [json.loads(Path(session.end_profiling()).read_text(encoding="utf-8")) for session in sessions]


def _is_kernel(event: dict[str, Any]) -> bool:
    """Whether an event is an operator's own time; that of an If repeats the time of its branch."""
    return event.get("cat") == "Node" and event["name"].endswith("_kernel_time") and event["args"]["op_name"] != "If"


def _products(event: dict[str, Any]) -> Iterator[Product]:
    if not _is_kernel(event):
        return
    node = event["args"]
    operator, inputs = node["op_name"], node["input_type_shape"]
    if operator not in _PRODUCTS and operator not in _ATTENTION:
        return
    [(numbers, left)], [output] = inputs[0].items(), node["output_type_shape"][0].values()
    numbers = precision_of(numbers)
    if operator in _PRODUCTS:
        # A packed weight is not listed among the inputs; the second input, or an unpacked weight, then has at most two axes.
        second = len(next(iter(inputs[1].values()))) if len(inputs) > 1 else 0
        precision = "int8" if operator in _INT8 else numbers
        yield Product("attention" if second > _MATRIX else "weights", precision, multiply_adds(left, output))
        return
    keys = left
    if operator == "MultiHeadAttention":  # the last layer has one query, but all keys
        keys = next(iter(inputs[1].values()))
    else:  # the other two also project query, key and value
        yield Product("weights", "int8" if operator in _INT8 else numbers, 3 * multiply_adds(left, output))
    yield Product("attention", numbers, attention_multiply_adds(output, output, keys[1]))
