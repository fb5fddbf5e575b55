"""ONNX Runtime, int8 weights of 7 bits: the same on CPUs without VNNI, whose kernels add two products in 16 bits."""

from __future__ import annotations

from exporters.onnx_session import load_session, quantise_weights
from exporters.variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    assert job.base is not None
    quantise_weights(job.base, job.out_dir, reduced=True)


VARIANT = Variant(
    runtime="onnxruntime",
    precision="int8",
    packages=("onnxruntime", "onnx"),
    imports=("onnxruntime",),
    export=export,
    load=load_session,
    min_agreement=0.95,
    default=False,
    base="onnx-fp32-fused",
)
