"""ONNX Runtime, int8 weights per channel, activations quantised at run time."""

from __future__ import annotations

from ..runtimes.onnx_export import quantise_weights
from ..runtimes.onnx_session import PROGRAM, load_session
from ..variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    quantise_weights(job.base, job.out_dir)


VARIANT = Variant(
    runtime="onnxruntime",
    precision="int8",
    packages=("onnxruntime", "onnx"),
    imports=("onnxruntime",),
    export=export,
    load=load_session,
    program=PROGRAM,
    min_agreement=0.95,
    base="onnx-fp32-fused",
)
