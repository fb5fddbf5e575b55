"""ONNX Runtime, int8 weights per channel, activations quantised as they come."""

from __future__ import annotations

from exporters.onnx_session import MODEL_FILE, load_session
from exporters.variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    assert job.base is not None
    quantize_dynamic(
        job.base / MODEL_FILE,
        job.out_dir / MODEL_FILE,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )


VARIANT = Variant(
    runtime="onnxruntime",
    precision="int8",
    packages=("onnxruntime", "onnx"),
    imports=("onnxruntime",),
    export=export,
    load=load_session,
    min_agreement=0.95,
    base="onnx-fp32",
)
