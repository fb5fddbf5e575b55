"""ONNX export by optimum or PyTorch, optionally with each attention as one node; and quantisation of weights.

PyTorch's TorchScript exporter, which optimum calls, decomposes PyTorch's fused attention into small operators, which ONNX Runtime's
optimiser fuses again only if they match its patterns of older models. So the exporter is given an operator for attention.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..checkpoints.tokenization import reads_types
from ..errors import ExportError, first_line
from .feed import INPUTS
from .onnx_graph import input_names, keep_normalisations_apart, use_weights_by_name
from .onnx_session import MODEL_FILE
from .torch_model import example_inputs, logits_alone, trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OPERATION = "aten::scaled_dot_product_attention"
_OPSET = 14  # the first one for which PyTorch exports it
_OPSET_ALONE = 17  # without optimum; the first one that has LayerNormalization
_HEADS_FIRST = [0, 2, 1, 3]  # (batch, tokens, heads, numbers) to (batch, heads, tokens, numbers), and back


def export_onnx(checkpoint: Path, tokenizer: Path, out_dir: Path) -> None:
    """Write ``model.onnx``, with dynamic batch and length and every weight stored once, and no other file.

    By optimum; by PyTorch alone where optimum does not know the architecture, or its model takes other inputs than a variant is
    given. Raises ExportError if that cannot be either.
    """
    from optimum.exporters.onnx import main_export

    file = out_dir / MODEL_FILE
    given = INPUTS[: 2 + reads_types(tokenizer)]
    try:
        # exporters/artifacts/parity.py validates: in another process, on real texts, and in the same way for every variant.
        main_export(str(checkpoint), output=out_dir, task="text-classification", device="cpu", do_validation=False)
        fits = {*given} <= input_names(file) <= {*INPUTS}
    except ValueError:  # no configuration for it, or one with further inputs
        fits = False
    for one in out_dir.iterdir():  # optimum also writes config and tokenizer, which an artifact has already
        if not fits or not one.name.startswith(MODEL_FILE):
            one.unlink()
    if not fits:
        _export_by_pytorch(checkpoint, tokenizer, file)
    use_weights_by_name(file)


def _export_by_pytorch(checkpoint: Path, tokenizer: Path, file: Path) -> None:
    import torch

    model, example = logits_alone(checkpoint), example_inputs(tokenizer)
    names = INPUTS[: len(example)]
    trace(model, tokenizer)  # or the exporter would write a graph that is bound to the sizes of its example
    try:
        torch.onnx.export(
            model,
            example,
            file,
            input_names=[*names],
            output_names=["logits"],
            dynamic_axes={**{name: {0: "batch", 1: "tokens"} for name in names}, "logits": {0: "batch"}},
            opset_version=_OPSET_ALONE,
            dynamo=False,
        )
    except RuntimeError as error:
        raise ExportError(
            f"{type(model.model).__name__}: neither optimum nor PyTorch can write it as ONNX ({first_line(error)})"
        ) from error


def quantise_weights(base: Path, out_dir: Path, *, reduced: bool = False) -> None:
    """Write the model of the artifact ``base`` with int8 weights per channel; ``reduced``: with 7 bits."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    unknown = onnx.TensorProto.FLOAT  # the output type of a fused attention, which the quantiser cannot infer
    quantize_dynamic(
        base / MODEL_FILE,
        out_dir / MODEL_FILE,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=reduced,
        extra_options={"DefaultTensorType": unknown},
    )
    keep_normalisations_apart(out_dir / MODEL_FILE)


@contextmanager
def attention_as_one_node(heads: int) -> Iterator[None]:
    """Within the block, exports write a fused attention of ``heads`` heads as ONNX Runtime's MultiHeadAttention.

    It reads the outputs of the projections directly: splitting into heads, and joining them, are part of it.
    """
    from torch.onnx import register_custom_op_symbolic, unregister_custom_op_symbolic  # type: ignore[attr-defined] # their documented place

    register_custom_op_symbolic(_OPERATION, _attention(heads), _OPSET)
    try:
        yield
    finally:
        unregister_custom_op_symbolic(_OPERATION, _OPSET)


def _attention(heads: int) -> Any:
    """The symbolic of PyTorch's fused attention: MultiHeadAttention, or PyTorch's own export if that cannot express it."""
    from torch.onnx import symbolic_helper as helper
    from torch.onnx import symbolic_opset14 as stock

    @helper.parse_args("v", "v", "v", "v", "f", "b", "v", "b")
    def attention(
        g: Any,
        query: Any,
        key: Any,
        value: Any,
        mask: Any = None,
        dropout: float = 0.0,
        is_causal: bool = False,
        scale: Any = None,
        enable_gqa: bool = False,
    ) -> Any:
        scales = {} if helper._is_none(scale) else {"scale_f": helper._maybe_get_const(scale, "f")}
        known = all(isinstance(number, float) for number in scales.values())
        if is_causal or enable_gqa or dropout or not known or helper._is_bool(mask):
            return stock.scaled_dot_product_attention(g, query, key, value, mask, dropout, is_causal, scale, enable_gqa)
        inputs = [_before_heads(g, one) for one in (query, key, value)]
        if not helper._is_none(mask):
            none = helper._optional_input_placeholder_tensor(g)
            inputs += [none, none, mask]  # neither bias nor lengths; the mask is added to the scores
        joined = g.op("com.microsoft::MultiHeadAttention", *inputs, num_heads_i=heads, **scales)
        split = g.op("Reshape", joined, _numbers(g, [0, 0, heads, -1]))
        result = g.op("Transpose", split, perm_i=_HEADS_FIRST)
        result.setType(query.type())
        return result

    return attention


def _before_heads(g: Any, value: Any) -> Any:
    """The value before its split into heads, ``(batch, tokens, heads x numbers)``; joined again if the split is not found."""
    from torch.onnx import symbolic_helper as helper

    transposed = value.node()
    if transposed.kind() == "onnx::Transpose" and helper._node_get(transposed, "perm") == _HEADS_FIRST:
        split = transposed.inputsAt(0).node()
        if split.kind() == "onnx::Reshape":  # its input has three axes, or the graph will not load
            return split.inputsAt(0)
    return g.op("Reshape", g.op("Transpose", value, perm_i=_HEADS_FIRST), _numbers(g, [0, 0, -1]))


def _numbers(g: Any, numbers: list[int]) -> Any:
    import torch

    return g.op("Constant", value_t=torch.tensor(numbers, dtype=torch.int64))
