"""OpenVINO, int8 weights and activations, calibrated on training texts by NNCF."""

from __future__ import annotations

from ..runtimes.calibration_texts import calibrating
from ..runtimes.feed import text_feed
from ..runtimes.openvino_mixed import shares_weights
from ..runtimes.openvino_model import MODEL_FILE, load_compiled, program, save_openvino
from ..variant import VNNI, ExportJob, Variant

# Of SmoothQuant, NNCF's default for transformers: MiniLM on news changes 0.6 % of its classes (results/studies/quick), without it
# 2.1 % (run 0025). It scales a weight by the inputs of each use, so a shared weight would be stored once per use: -1 is without it.
_ALPHA = 0.95


def export(job: ExportJob) -> None:
    import nncf
    import openvino
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, AdvancedSmoothQuantParameters

    model = openvino.Core().read_model(job.base / MODEL_FILE)
    names = {name for port in model.inputs for name in port.names}
    feeds = [text_feed(names, ids) for ids in calibrating(job.calibration)]
    quantised = nncf.quantize(
        model,
        nncf.Dataset(feeds),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(feeds),
        advanced_parameters=AdvancedQuantizationParameters(
            smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=-1 if shares_weights(model) else _ALPHA)
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
    program=program(),
    min_agreement=0.95,
    base="openvino-fp32",
    calibrates=True,
    needs=VNNI,
    without="OpenVINO's int8 is slower there than its fp32, and takes twice the memory",
)
