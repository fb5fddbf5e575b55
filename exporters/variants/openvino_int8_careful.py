"""OpenVINO, static int8 of ``openvino-int8``; products that cost answers stay in floats: bf16 where the CPU has it, else fp32."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..checkpoints.checkpoint import RANDOM_WEIGHTS_FILE, head_of
from ..runtimes.careful import NO_CLASSES
from ..runtimes.openvino_mixed import mixed_openvino
from ..runtimes.openvino_model import copy_base, load_compiled, program, save_openvino
from . import openvino_int8

if TYPE_CHECKING:
    from ..variant import ExportJob


def export(job: ExportJob) -> None:
    if (job.checkpoint / RANDOM_WEIGHTS_FILE).is_file():
        job.unneeded.append(NO_CLASSES)
        copy_base(job)
        return
    int8, fp32 = job.bases
    model, choice = mixed_openvino(fp32, int8, job.calibration, head_of(job.checkpoint))
    (job.notes if choice.left else job.unneeded).append(choice.note)
    save_openvino(model, job.out_dir)


VARIANT = replace(
    openvino_int8.VARIANT,
    packages=("openvino",),
    export=export,
    load=partial(load_compiled, precision=None),
    program=program(precision=None),
    base="openvino-int8",
    least_share=0.75,
)
