"""OpenVINO models: how a variant that is an OpenVINO file is written, compiled and fed."""

from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from exporters.too_long import refusing_too_long

if TYPE_CHECKING:
    from pathlib import Path

    from exporters.variant import Float32Array, Int64Array, Predictor

MODEL_FILE = "model.xml"


def save_openvino(model: Any, out_dir: Path, *, halved: bool = False) -> None:
    """Write ``model.xml`` and ``model.bin`` with the weights as they are, or ``halved``: fp32 as fp16.

    Raises OSError (ENOSPC) when they do not fit: OpenVINO's own error is a bare "iostream error", its file then gone.
    """
    import openvino

    try:
        openvino.save_model(model, out_dir / MODEL_FILE, compress_to_fp16=halved)
    except RuntimeError as error:
        needed = sum(op.get_byte_size() for op in model.get_ops() if op.get_type_name() == "Constant")
        if shutil.disk_usage(out_dir).free < needed:
            raise OSError(errno.ENOSPC, f"the model takes {needed} bytes") from error
        raise


def load_compiled(
    artifact: Path, threads: int, *, precision: Literal["f32", "bf16"] = "f32", group: int = 0
) -> Predictor:
    """A predictor over ``artifact/model.xml`` on the CPU, one stream of ``threads`` threads.

    What is no int8 operator is computed in ``precision``; it is said, because OpenVINO runs bf16 unasked where the CPU has it.
    Where weights alone are int8, fp32 activations are made int8 ``group`` at a time; 0: they stay fp32, which OpenVINO must be
    told as well.
    """
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(threads),
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(group),
    }
    compiled = openvino.Core().compile_model(artifact / MODEL_FILE, "CPU", settings)
    request = compiled.create_infer_request()
    names = {name for port in compiled.inputs for name in port.names}
    output = compiled.output("logits")

    def predict(input_ids: Int64Array, attention_mask: Int64Array) -> Float32Array:
        feed = {"input_ids": input_ids, "attention_mask": attention_mask}
        if "token_type_ids" in names:  # one text is one segment
            feed["token_type_ids"] = np.zeros_like(input_ids)
        logits: Float32Array = request.infer(feed, share_inputs=True)[output]
        return logits

    return refusing_too_long(predict, artifact)
