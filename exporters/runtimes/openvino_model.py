"""OpenVINO models: written, compiled and called."""

from __future__ import annotations

import errno
import json
import shutil
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..variant import Program
from .feed import feed
from .too_long import refusing_too_long

if TYPE_CHECKING:
    from pathlib import Path

    from ..variant import ExportJob, Float32Array, Int64Array, Predictor

MODEL_FILE = "model.xml"
Precision: TypeAlias = Literal["f32", "bf16"]


def save_openvino(model: Any, out_dir: Path, *, halved: bool = False) -> None:
    """Write ``model.xml`` and ``model.bin`` with the weights as they are, or ``halved``: fp32 as fp16.

    Raises OSError (ENOSPC) if the disk is full: OpenVINO then removes its file and raises only "iostream error".
    """
    import openvino

    try:
        openvino.save_model(model, out_dir / MODEL_FILE, compress_to_fp16=halved)
    except RuntimeError as error:
        needed = sum(op.get_byte_size() for op in model.get_ops() if op.get_type_name() == "Constant")
        if shutil.disk_usage(out_dir).free < needed:
            raise OSError(errno.ENOSPC, f"the model takes {needed} bytes") from error
        raise


def copy_base(job: ExportJob) -> None:
    """Export the files of the base artifact unchanged, for a variant that differs only in how they are loaded."""
    for name in (MODEL_FILE, "model.bin"):
        shutil.copyfile(job.base / name, job.out_dir / name)


def load_compiled(artifact: Path, threads: int, *, precision: Precision | None = "f32", group: int = 0) -> Predictor:
    """A predictor over ``artifact/model.xml`` on the CPU, one stream of ``threads`` threads."""
    import openvino

    settings = {**_settings(precision, group), "INFERENCE_NUM_THREADS": str(threads)}
    compiled = openvino.Core().compile_model(artifact / MODEL_FILE, "CPU", settings)
    request = compiled.create_infer_request()
    names = {name for port in compiled.inputs for name in port.names}
    output = compiled.output("logits")

    def predict(*batch: Int64Array) -> Float32Array:
        logits: Float32Array = request.infer(feed(names, *batch), share_inputs=True)[output]
        return logits

    return refusing_too_long(predict, artifact)


def program(*, precision: Precision | None = "f32", group: int = 0) -> Program:
    """How to serve what ``load_compiled`` loads with the same arguments."""
    return Program(
        imports=("import openvino",),
        load=f"""\
settings = {json.dumps(_settings(precision, group))}
settings["INFERENCE_NUM_THREADS"] = str(threads)
model = openvino.Core().compile_model(folder / "{MODEL_FILE}", "CPU", settings)""",
        predict="""\
logits = model(inputs)["logits"]""",
        settings=_settings(precision, group),
    )


def _settings(precision: Precision | None, group: int) -> dict[str, str]:
    """Settings that decide the logits, and one stream.

    Operators that are not int8 run in ``precision``; None: in bf16 on CPUs that have it, else in fp32, as OpenVINO chooses. If
    only the weights are int8, fp32 activations are quantised in groups of ``group`` numbers; 0 keeps them fp32, which must be
    set as well.
    """
    hint = {"INFERENCE_PRECISION_HINT": precision} if precision else {}
    return {
        **hint,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(group),
    }
