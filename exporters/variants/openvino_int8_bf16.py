"""OpenVINO, int8 as calibrated, and what is no int8 operator, attention above all, in bf16 instead of fp32."""

from __future__ import annotations

import shutil
from functools import partial

from exporters.runtimes.openvino_model import example, load_compiled
from exporters.variant import BF16, ExportJob, Variant


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
    load=partial(load_compiled, precision="bf16"),
    example=example(precision="bf16"),
    min_agreement=0.95,
    base="openvino-int8",
    needs=BF16,
)
