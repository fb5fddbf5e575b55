"""OpenVINO, weights stored as int8, a quarter of the size, and dequantised for every matrix product: executed in fp32."""

from __future__ import annotations

from functools import partial

from ..runtimes.openvino_model import MODEL_FILE, load_compiled, program, save_openvino
from ..variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    import nncf
    import openvino

    save_openvino(nncf.compress_weights(openvino.Core().read_model(job.base / MODEL_FILE)), job.out_dir)


VARIANT = Variant(
    runtime="openvino",
    precision="fp32",
    packages=("openvino", "nncf"),
    imports=("openvino",),
    export=export,
    load=partial(load_compiled, group=0),
    program=program(group=0),
    min_agreement=0.95,
    base="openvino-fp32",
    default=False,
)
