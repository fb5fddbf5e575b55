"""ONNX Runtime, fp32, exported by optimum."""

from __future__ import annotations

from exporters.onnx_graph import use_weights_by_name
from exporters.onnx_session import MODEL_FILE, load_session
from exporters.variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    from optimum.exporters.onnx import main_export

    # Validation is ours (exporters/parity.py): in another process, on real texts, and for every variant alike.
    main_export(str(job.checkpoint), output=job.out_dir, task="text-classification", device="cpu", do_validation=False)
    for file in job.out_dir.iterdir():  # optimum also writes config and tokenizer, which every artifact has already
        if not file.name.startswith(MODEL_FILE):
            file.unlink()
    use_weights_by_name(job.out_dir / MODEL_FILE)


VARIANT = Variant(
    runtime="onnxruntime",
    precision="fp32",
    packages=("onnxruntime", "onnx", "optimum", "optimum-onnx", "torch", "transformers"),
    imports=("onnxruntime",),
    export=export,
    load=load_session,
    logits_atol=1e-4,
)
