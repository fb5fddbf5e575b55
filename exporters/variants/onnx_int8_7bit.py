"""ONNX Runtime, int8 weights reduced to 7 bits, which do not saturate the 16-bit sums of CPUs without VNNI."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..runtimes.onnx_export import quantise_weights
from . import onnx_int8_dynamic

if TYPE_CHECKING:
    from ..variant import ExportJob


def export(job: ExportJob) -> None:
    quantise_weights(job.base, job.out_dir, reduced=True)


VARIANT = replace(onnx_int8_dynamic.VARIANT, export=export, default=False)
