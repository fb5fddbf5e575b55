"""OpenVINO, int8 weights and activations, calibrated on training texts by NNCF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exporters.openvino_model import MODEL_FILE, load_compiled, save_openvino
from exporters.variant import ExportJob, Variant

if TYPE_CHECKING:
    from collections.abc import Sequence


def export(job: ExportJob) -> None:
    import nncf
    import openvino
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, AdvancedSmoothQuantParameters

    assert job.base is not None
    model = openvino.Core().read_model(job.base / MODEL_FILE)
    quantised = nncf.quantize(
        model,
        nncf.Dataset([_feed(model, ids) for ids in job.calibration]),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(job.calibration),
        # SmoothQuant scales a weight by the inputs of each of its uses, so a shared weight would be stored once per use.
        advanced_parameters=AdvancedQuantizationParameters(
            smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=-1)
        ),
    )
    save_openvino(quantised, job.out_dir)


def _feed(model: Any, ids: Sequence[int]) -> dict[str, np.ndarray]:
    """One calibration text as a batch of one, for the inputs that the model has."""
    input_ids = np.asarray([ids], dtype=np.int64)
    feed = {
        "input_ids": input_ids,
        "attention_mask": np.ones_like(input_ids),
        "token_type_ids": np.zeros_like(input_ids),
    }
    names = {name for port in model.inputs for name in port.names}
    return {name: array for name, array in feed.items() if name in names}


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
