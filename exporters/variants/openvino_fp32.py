"""OpenVINO, fp32 stored and executed, converted from the PyTorch module."""

from __future__ import annotations

from ..runtimes.feed import INPUTS
from ..runtimes.openvino_first_token import keep_first_token
from ..runtimes.openvino_model import load_compiled, program, save_openvino
from ..runtimes.torch_model import example_inputs, logits_alone, trace
from ..variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    import openvino

    # Not from ONNX: there PyTorch's fused attention is many operators, not all of which OpenVINO fuses again.
    example = example_inputs(job.tokenizer)
    traced = trace(logits_alone(job.checkpoint), job.tokenizer)
    model = openvino.convert_model(traced, example_input=example, input=[([-1, -1], openvino.Type.i64)] * len(example))
    names = (*INPUTS[: len(example)], "logits")
    for port, name in zip([*model.inputs, *model.outputs], names, strict=True):
        port.get_tensor().set_names({name})
    keep_first_token(model)
    save_openvino(model, job.out_dir)


VARIANT = Variant(
    runtime="openvino",
    precision="fp32",
    packages=("openvino", "torch", "transformers"),
    imports=("openvino",),
    export=export,
    load=load_compiled,
    program=program(),
    logits_atol=1e-4,
)
