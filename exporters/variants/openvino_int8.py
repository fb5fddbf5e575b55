"""OpenVINO, int8 weights and activations, calibrated on training texts by NNCF; sensitive matrix products stay in fp32."""

from __future__ import annotations

from exporters.checkpoints.checkpoint import RANDOM_WEIGHTS_FILE
from exporters.runtimes.openvino_model import MODEL_FILE, example, load_compiled, save_openvino
from exporters.runtimes.openvino_sensitive import quantise
from exporters.variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    import openvino

    assert job.base is not None
    judged = not (job.checkpoint / RANDOM_WEIGHTS_FILE).is_file()  # labels of random weights mean nothing
    quantised, left = quantise(openvino.Core().read_model(job.base / MODEL_FILE), job.calibration, judged=judged)
    if left:
        job.notes.append(
            f"{len(left)} of the matrix products stay in fp32: int8 changed too many labels ({', '.join(left)})"
        )
    save_openvino(quantised, job.out_dir)


VARIANT = Variant(
    runtime="openvino",
    precision="int8",
    packages=("openvino", "nncf"),
    imports=("openvino",),
    export=export,
    load=load_compiled,
    example=example(),
    min_agreement=0.95,
    base="openvino-fp32",
    calibrates=True,
)
