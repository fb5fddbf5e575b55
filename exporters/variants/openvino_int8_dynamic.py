"""OpenVINO, weights stored as int8, activations made int8 as they come, 32 neighbours on one scale: nothing to calibrate."""

from __future__ import annotations

import shutil
from functools import partial

from exporters.runtimes.openvino_model import example, load_compiled
from exporters.variant import VNNI, ExportJob, Variant


def export(job: ExportJob) -> None:
    assert job.base is not None
    for name in ("model.xml", "model.bin"):
        shutil.copyfile(job.base / name, job.out_dir / name)


VARIANT = Variant(
    runtime="openvino",
    precision="int8",
    packages=("openvino", "nncf"),
    imports=("openvino",),
    export=export,
    load=partial(load_compiled, group=32),
    example=example(group=32),
    min_agreement=0.95,
    base="openvino-fp32-int8-weights",
    needs=VNNI,
    default=False,
)
