"""ONNX Runtime sessions: an ONNX file, loaded and called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..variant import Program
from .feed import feed

if TYPE_CHECKING:
    from pathlib import Path

    from ..variant import Float32Array, Int64Array, Predictor

MODEL_FILE = "model.onnx"

PROGRAM = Program(
    imports=("import onnxruntime",),
    load=f"""\
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(folder / "{MODEL_FILE}", options)""",
    predict="""\
zeros = np.zeros_like(inputs["input_ids"])
feed = {one.name: inputs.get(one.name, zeros) for one in session.get_inputs()}
[logits] = session.run(["logits"], feed)""",
)


def load_session(artifact: Path, threads: int) -> Predictor:
    """A predictor over ``artifact/model.onnx`` with ``threads`` threads for one operator and one operator at a time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifact / MODEL_FILE, options, providers=["CPUExecutionProvider"])
    names = {node.name for node in session.get_inputs()}

    def predict(*batch: Int64Array) -> Float32Array:
        logits: Float32Array = session.run(["logits"], feed(names, *batch))[0]
        return logits

    return predict
