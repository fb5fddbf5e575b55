"""ONNX Runtime, dynamic int8 of ``onnx-int8-dynamic``; products that cost answers stay in fp32."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from ..checkpoints.checkpoint import RANDOM_WEIGHTS_FILE, head_of
from ..runtimes.careful import NO_CLASSES
from ..runtimes.onnx_graph import keep_normalisations_apart
from ..runtimes.onnx_mixed import mixed_onnx
from ..runtimes.onnx_session import MODEL_FILE
from . import onnx_int8_dynamic

if TYPE_CHECKING:
    from ..variant import ExportJob


def export(job: ExportJob) -> None:
    import onnx

    int8, fp32 = job.bases[:2]
    if (job.checkpoint / RANDOM_WEIGHTS_FILE).is_file():
        job.unneeded.append(NO_CLASSES)
        shutil.copyfile(int8 / MODEL_FILE, job.out_dir / MODEL_FILE)
        return
    model, choice = mixed_onnx(fp32, int8, job.calibration, head_of(job.checkpoint))
    (job.notes if choice.left else job.unneeded).append(choice.note)
    onnx.save(model, job.out_dir / MODEL_FILE)
    keep_normalisations_apart(job.out_dir / MODEL_FILE)


VARIANT = replace(
    onnx_int8_dynamic.VARIANT,
    export=export,
    base="onnx-int8-dynamic",
    least_share=0.75,
    calibrates=True,
    default=False,  # what stays in fp32 takes four times the time of int8
)
