"""What each choice in the ONNX int8 export is worth: the shipped artifact and the same without it, in one interleaved run.

    python -m deploybench.suites.studies.runtimes.onnx_choices --work-dir .deploybench
    python -m deploybench.suites.studies.runtimes.onnx_choices --checkpoint arch:bert-base-uncased --time-budget 300

The row "by torch.export" is PyTorch's other ONNX exporter (attention as opset 23's Attention). It needs ``pip install onnxscript``
and is left out otherwise.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import say
from ....bench.pipeline.prepare import prepare
from ....bench.worker.client import call_in_child
from ....exporters.runtimes.onnx_session import MODEL_FILE
from ..side_by_side import Side, manifest_of_files, measure, table
from ..study import Answer, run_alone, study_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....bench.pipeline.options import Options
    from ....bench.pipeline.prepare import Prepared

SHIPPED, FUSED, PLAIN = "onnx-int8-dynamic", "onnx-fp32-fused", "onnx-fp32"
_OPSET = 23  # the first with an Attention
_EVERY_PRODUCT = {"MatMulConstBOnly": False}  # not of a constant alone


def one_scale_a_weight(prepared: Prepared, out_dir: Path) -> None:
    """Quantise per tensor."""
    _quantise(prepared.artifacts[FUSED].path / MODEL_FILE, out_dir, per_channel=False)


def embedding_in_fp32(prepared: Prepared, out_dir: Path) -> None:
    """Quantise only matrix products."""
    _quantise(prepared.artifacts[FUSED].path / MODEL_FILE, out_dir, op_types_to_quantize=["MatMul", "Gemm"])


def attention_in_parts(prepared: Prepared, out_dir: Path) -> None:
    """Quantise the graph as optimum exports it, without fused attention."""
    _quantise(prepared.artifacts[PLAIN].path / MODEL_FILE, out_dir)


def int8_attention(prepared: Prepared, out_dir: Path) -> None:
    """Quantise the products of attention as well, scores and values: both sides when they are computed."""
    _quantise(prepared.artifacts[PLAIN].path / MODEL_FILE, out_dir, extra_options=_EVERY_PRODUCT)


def int8_values(prepared: Prepared, out_dir: Path) -> None:
    """Quantise attention's product with the values alone: the scores before the softmax stay in fp32."""
    import onnx

    model = prepared.artifacts[PLAIN].path / MODEL_FILE
    nodes = onnx.load(model, load_external_data=False).graph.node
    weights = {one.name for one in onnx.load(model).graph.initializer}
    softmax = {output for node in nodes if node.op_type == "Softmax" for output in node.output}
    scores = [
        node.name
        for node in nodes
        if node.op_type == "MatMul" and not weights & {*node.input} and node.input[0] not in softmax
    ]
    _quantise(model, out_dir, extra_options=_EVERY_PRODUCT, nodes_to_exclude=scores)


def fused_normalisation(prepared: Prepared, out_dir: Path) -> None:
    """Let ONNX Runtime fuse what is added with the LayerNormalization that reads it."""
    import onnx

    from ....exporters.runtimes.onnx_graph import drop_unread

    model = onnx.load(prepared.artifacts[SHIPPED].path / MODEL_FILE)
    drop_unread(model.graph)
    onnx.save(model, out_dir / MODEL_FILE)


def mask_always_read(prepared: Prepared, out_dir: Path) -> None:
    """Export one attention node for batches with and without padding."""
    from transformers import AutoConfig

    from ....exporters.runtimes.onnx_export import attention_as_one_node, export_onnx
    from ....exporters.runtimes.onnx_graph import drop_round_trips, keep_normalisations_apart

    checkpoint = prepared.checkpoint.path
    heads = AutoConfig.from_pretrained(checkpoint, local_files_only=True).num_attention_heads
    with tempfile.TemporaryDirectory() as folder:
        with attention_as_one_node(heads):
            export_onnx(checkpoint, prepared.inputs.tokenizer, Path(folder))
        drop_round_trips(Path(folder, MODEL_FILE))
        keep_normalisations_apart(Path(folder, MODEL_FILE))
        _quantise(Path(folder, MODEL_FILE), out_dir)


def by_torch_export(prepared: Prepared, out_dir: Path) -> None:
    """Export with ``torch.export``."""
    import onnx
    import torch

    from ....exporters.runtimes.torch_model import example_inputs, logits_alone

    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    program: Any = torch.onnx.export(
        logits_alone(prepared.checkpoint.path),
        example_inputs(prepared.inputs.tokenizer),
        dynamo=True,
        dynamic_shapes=(axes, axes),
        opset_version=_OPSET,
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
    )
    with tempfile.TemporaryDirectory() as folder:
        program.save(Path(folder, MODEL_FILE))
        graph = onnx.load(Path(folder, MODEL_FILE))
        del graph.graph.value_info[:]  # the quantiser transposes weights, and fails on their old shapes
        onnx.save(graph, Path(folder, MODEL_FILE))
        # It confuses opset 23's Attention with its own operator of that name, and writes a file that does not load.
        _quantise(Path(folder, MODEL_FILE), out_dir, op_types_to_quantize=["MatMul", "Gemm", "Gather"])


def _quantise(model: Path, out_dir: Path, **changed: Any) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    options = {"DefaultTensorType": onnx.TensorProto.FLOAT, **changed.pop("extra_options", {})}
    settings = {"weight_type": QuantType.QInt8, "per_channel": True, "extra_options": options}
    quantize_dynamic(model, out_dir / MODEL_FILE, **{**settings, **changed})


ALTERNATIVES = {
    "fused normalisation": fused_normalisation,
    "one scale a weight": one_scale_a_weight,
    "embedding in fp32": embedding_in_fp32,
    "attention in parts": attention_in_parts,
    "int8 attention": int8_attention,
    "int8 values": int8_values,
    "mask always read": mask_always_read,
    "by torch.export": by_torch_export,
}


def compare(options: Options) -> dict[str, Any]:
    """Every figure of the study; the shipped artifact comes first."""
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(options)
        shipped = prepared.artifacts[SHIPPED].path
        sides = [Side(name=SHIPPED, variant=SHIPPED, path=shipped)]
        for name, make in ALTERNATIVES.items():
            if make is by_torch_export and importlib.util.find_spec("onnxscript") is None:
                say(f"{name}: left out: onnxscript is not installed")
                continue
            folder = Path(scratch, name.replace(" ", "-"))
            folder.mkdir()
            say(f"exporting: {name}")
            call_in_child(make, prepared, folder, threads=options.threads)
            manifest_of_files(folder)
            sides.append(Side(name=name, variant=SHIPPED, path=folder))
        figures = measure(sides, prepared)
    return {"checkpoint": prepared.checkpoint.name, "threads": options.threads, "artifacts": figures}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    flags = ("--checkpoint", "--threads", "--profile", "--target-width", "--time-budget", "--work-dir")
    defaults = {"checkpoint": "arch:albert-base-v2", "variants": (PLAIN, FUSED, SHIPPED)}
    return run_alone("onnx_choices", study_parser(__doc__, flags, **defaults), arguments, _answer)


def _answer(options: Options, _: object) -> Answer:
    figures = compare(options)
    return Answer(f"onnx_choices-{figures['checkpoint'].replace(':', '-')}", figures, table(figures["artifacts"]))


if __name__ == "__main__":
    sys.exit(main())
