"""OpenVINO, static int8 of ``openvino-int8``; operators that are not int8, attention above all, run in bf16 instead of fp32."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..runtimes.openvino_model import copy_base, load_compiled, program
from ..variant import BF16
from . import openvino_int8

VARIANT = replace(
    openvino_int8.VARIANT,
    export=copy_base,
    load=partial(load_compiled, precision="bf16"),
    program=program(precision="bf16"),
    base="openvino-int8",
    calibrates=False,
    needs=BF16,
    without="without bf16 it is openvino-int8",
)
