"""OpenVINO, int8 weights and activations, calibrated on training texts by NNCF."""

from __future__ import annotations

from exporters.calibration import calibration_feed
from exporters.openvino_model import MODEL_FILE, load_compiled, save_openvino
from exporters.variant import ExportJob, Variant


def export(job: ExportJob) -> None:
    import nncf
    import openvino
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, AdvancedSmoothQuantParameters

    assert job.base is not None
    model = openvino.Core().read_model(job.base / MODEL_FILE)
    names = {name for port in model.inputs for name in port.names}
    quantised = nncf.quantize(
        model,
        nncf.Dataset([calibration_feed(ids, names) for ids in job.calibration]),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(job.calibration),
        # SmoothQuant scales a weight by the inputs of each of its uses, so a shared weight would be stored once per use.
        advanced_parameters=AdvancedQuantizationParameters(
            smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=-1)
        ),
    )
    save_openvino(quantised, job.out_dir)


VARIANT = Variant(
    runtime="openvino",
    precision="int8",
    packages=("openvino", "nncf"),
    imports=("openvino",),
    export=export,
    load=load_compiled,
    min_agreement=0.95,
    base="openvino-fp32",
    calibrates=True,
)
