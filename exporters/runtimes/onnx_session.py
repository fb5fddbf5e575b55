"""ONNX Runtime sessions: an ONNX file, loaded and called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..variant import SOFTMAX, Example
from .feed import feed

if TYPE_CHECKING:
    from pathlib import Path

    from ..variant import Float32Array, Int64Array, Predictor

MODEL_FILE = "model.onnx"
NOT_USED = ["SkipLayerNormFusion"]  # its kernel is scalar; those of Add and LayerNormalization are vectorised

EXAMPLE = Example(
    imports=("import numpy as np", "import onnxruntime"),
    answer=f"""\
session = onnxruntime.InferenceSession(folder / "{MODEL_FILE}", disabled_optimizers={json.dumps(NOT_USED)})
zeros = np.zeros_like(inputs["input_ids"])
feed = {{one.name: np.array(inputs.get(one.name, zeros)) for one in session.get_inputs()}}
[logits] = session.run(["logits"], feed)[0]
chances = {SOFTMAX["numpy"]}""",
)


def load_session(artifact: Path, threads: int) -> Predictor:
    """A predictor over ``artifact/model.onnx`` with ``threads`` threads for one operator and one operator at a time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        artifact / MODEL_FILE, options, providers=["CPUExecutionProvider"], disabled_optimizers=NOT_USED
    )
    names = {node.name for node in session.get_inputs()}

    def predict(*batch: Int64Array) -> Float32Array:
        logits: Float32Array = session.run(["logits"], feed(names, *batch))[0]
        return logits

    return predict
