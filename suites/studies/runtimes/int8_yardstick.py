"""How much faster than fp32 int8 can be on this CPU: one linear layer of ALBERT-base, in both formats, by each runtime.

    python -m deploybench.suites.studies.runtimes.int8_yardstick

The layer is the first of the feed-forward block (768 to 3,072) over 512 tokens; each runtime and precision has a process
of its own, and all take turns. The speed-up of the best int8 layer over PyTorch's fp32 layer bounds that of every int8 variant over
torch-eager.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.machine.cpu import UNKNOWN, available_cores, cpu_features
from ....bench.worker.client import Worker
from ..study import Answer, run_study, study_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOKENS, INPUT, OUTPUT = 512, 768, 3072
ALTERNATIONS, ROUNDS = 9, 20
# Instruction sets for int8, fastest first; the first that this CPU has names the file.
_INT8_UNITS = ("amx_int8", "avx512_vnni", "avx_vnni", "avx2", "i8mm", "asimddp")
OPERATIONS = 2 * TOKENS * INPUT * OUTPUT  # multiplications and additions

_layers: dict[str, Callable[[np.ndarray], Any]] = {}  # in a child process, which holds one


def build(name: str, folder: Path, threads: int) -> None:
    """Make the layer ``name`` in this process."""
    runtime, precision = name.split("-")
    _layers[name] = _MAKERS[runtime](precision, folder, threads)


def run(name: str) -> list[float]:
    """Seconds of each of ROUNDS calls of the layer, after three untimed ones."""
    layer = _layers[name]
    rows = np.random.default_rng(0).standard_normal((TOKENS, INPUT)).astype(np.float32)
    seconds = []
    for step in range(ROUNDS + 3):
        start = time.perf_counter()
        layer(rows)
        if step >= 3:  # noqa: PLR2004 - the untimed ones
            seconds.append(time.perf_counter() - start)
    return seconds


def _linear(threads: int) -> Any:
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    return torch.nn.Linear(INPUT, OUTPUT).eval()


def _torch(precision: str, _: Path, threads: int) -> Callable[[np.ndarray], Any]:
    import torch

    layer = _linear(threads)
    if precision == "int8":
        layer = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(layer), {torch.nn.Linear}, dtype=torch.qint8)

    def call(rows: np.ndarray) -> Any:
        with torch.inference_mode():
            return layer(torch.from_numpy(rows))

    return call


def _onnx_file(folder: Path, threads: int) -> Path:
    import torch

    path = folder / "linear.onnx"
    torch.onnx.export(_linear(threads), (torch.zeros(TOKENS, INPUT),), str(path), input_names=["rows"], dynamo=False)
    return path


def _onnxruntime(precision: str, folder: Path, threads: int) -> Callable[[np.ndarray], Any]:
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = _onnx_file(folder, threads)
    if precision == "int8":
        quantize_dynamic(path, folder / "int8.onnx", weight_type=QuantType.QInt8, per_channel=True)
        path = folder / "int8.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda rows: session.run(None, {"rows": rows})


def _openvino(precision: str, folder: Path, threads: int) -> Callable[[np.ndarray], Any]:
    import nncf
    import openvino

    model = openvino.convert_model(_onnx_file(folder, threads))
    if precision == "int8":
        rows = np.random.default_rng(1).standard_normal((8, TOKENS, INPUT)).astype(np.float32)
        model = nncf.quantize(model, nncf.Dataset(list(rows)), subset_size=8)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads), "NUM_STREAMS": "1"}
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    return lambda rows: request.infer([rows], share_inputs=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    study_parser(__doc__).parse_args(arguments)
    return run_study("int8_yardstick", _answer)


def _answer() -> Answer:
    threads = available_cores()
    names = [f"{runtime}-{precision}" for runtime in _MAKERS for precision in ("fp32", "int8")]
    medians: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(name, threads)) for name in names}
        for name, worker in workers.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            worker.call(build, name, folder, threads)
        for alternation in range(ALTERNATIONS):
            for name in names if alternation % 2 else reversed(names):
                medians[name].append(statistics.median(workers[name].call(run, name)))
    seconds = {name: statistics.median(values) for name, values in medians.items()}
    lines = [
        f"{name:<18} {value * 1e3:7.2f} ms {OPERATIONS / value / 1e9:8.1f} Gop/s  "
        f"{seconds['torch-fp32'] / value:5.2f}x torch-fp32\n"
        for name, value in seconds.items()
    ]
    unit = next((name for name in _INT8_UNITS if name in cpu_features()), UNKNOWN)
    figures = {"threads": threads, "operations": OPERATIONS, "median_seconds": medians}
    return Answer(f"int8_yardstick-{unit}", figures, "".join(lines))


_MAKERS = {"torch": _torch, "onnxruntime": _onnxruntime, "openvino": _openvino}


if __name__ == "__main__":
    sys.exit(main())
