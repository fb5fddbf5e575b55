"""OpenVINO, executed in bf16, weights stored as fp16."""

from __future__ import annotations

from functools import partial

from ..runtimes.openvino_model import MODEL_FILE, load_compiled, program, save_openvino
from ..variant import BF16, ExportJob, Variant


def export(job: ExportJob) -> None:
    import openvino

    save_openvino(openvino.Core().read_model(job.base / MODEL_FILE), job.out_dir, halved=True)


VARIANT = Variant(
    runtime="openvino",
    precision="bf16",
    packages=("openvino",),
    imports=("openvino",),
    export=export,
    load=partial(load_compiled, precision="bf16"),
    program=program(precision="bf16"),
    min_agreement=0.95,
    base="openvino-fp32",
    needs=BF16,
)
