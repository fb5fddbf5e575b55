"""OpenVINO, int8 weights, activations quantised at run time in groups of 32 neighbours: needs no calibration."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..runtimes.openvino_model import copy_base, load_compiled, program
from ..variant import VNNI
from . import openvino_fp32_int8_weights

VARIANT = replace(
    openvino_fp32_int8_weights.VARIANT,
    precision="int8",
    export=copy_base,
    load=partial(load_compiled, group=32),
    program=program(group=32),
    base="openvino-fp32-int8-weights",
    needs=VNNI,
)
