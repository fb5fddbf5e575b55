"""OpenVINO, fp32 in file and in execution."""

from __future__ import annotations

from exporters import onnx_session
from exporters.openvino_model import load_compiled, save_openvino
from exporters.variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    import openvino

    assert job.base is not None
    save_openvino(openvino.convert_model(job.base / onnx_session.MODEL_FILE), job.out_dir)


VARIANT = Variant(
    runtime="openvino",
    precision="fp32",
    packages=("openvino",),
    imports=("openvino",),
    export=export,
    load=load_compiled,
    logits_atol=1e-4,
    base="onnx-fp32",
)
