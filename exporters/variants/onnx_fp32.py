"""ONNX Runtime, fp32, exported by optimum."""

from __future__ import annotations

from ..runtimes.onnx_export import export_onnx
from ..runtimes.onnx_graph import keep_normalisations_apart
from ..runtimes.onnx_session import MODEL_FILE, PROGRAM, load_session
from ..variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    export_onnx(job.checkpoint, job.tokenizer, job.out_dir)
    keep_normalisations_apart(job.out_dir / MODEL_FILE)


VARIANT = Variant(
    runtime="onnxruntime",
    precision="fp32",
    packages=("onnxruntime", "onnx", "optimum", "optimum-onnx", "torch", "transformers"),
    imports=("onnxruntime",),
    export=export,
    load=load_session,
    program=PROGRAM,
    logits_atol=1e-4,
)
