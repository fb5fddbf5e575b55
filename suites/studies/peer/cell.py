"""Runs in the peer's environment: measures each point by optimum-benchmark, one process for each, as its users do.

    PEER-ENV/bin/python -I suites/studies/peer/cell.py plan.json reports.jsonl

Imports nothing of deploybench. Appends one line with the peer's complete report for every point.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

MARK = "peer point done: "
_FIX = "DEPLOYBENCH_PEER_FIX"  # the process whose children need ``fix``

# The peer's backend and settings for each of our variants.
_ONNX: dict[str, Any] = {"export": True}
_PLAIN_OPENVINO = {"export": True, "ov_config": {"INFERENCE_PRECISION_HINT": "f32"}}
BACKENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "torch-eager": ("PyTorchConfig", {}),
    "torchscript": ("PyTorchConfig", {"torch_compile": True}),
    "onnx-fp32": ("ORTConfig", _ONNX),
    "onnx-int8-dynamic": (
        "ORTConfig",
        {
            **_ONNX,
            "auto_quantization": "avx512_vnni",  # int8 weights, uint8 activations, full range, as in our variant on every CPU
            "auto_quantization_config": {"is_static": False, "per_channel": True},
        },
    ),
    "openvino-fp32": ("OVConfig", {**_PLAIN_OPENVINO, "load_in_8bit": False}),
    "openvino-int8": ("OVConfig", {**_PLAIN_OPENVINO, "load_in_8bit": True}),
}


def fix() -> None:
    """Restore the one name of optimum 1.x that the peer's last release needs; nothing else is changed.

    optimum 1.27, which has the name, does not import with this torch, and its optimum-intel not with this nncf.
    """
    import optimum.onnxruntime
    import optimum.pipelines

    tasks = {"text-classification": {"class": (optimum.onnxruntime.ORTModelForSequenceClassification,)}}
    vars(optimum.pipelines)["ORT_SUPPORTED_TASKS"] = tasks


def measure(plan: dict[str, Any], point: dict[str, Any]) -> dict[str, Any]:
    """The peer's report of one point, by its process launcher."""
    import optimum_benchmark as peer

    config, settings = BACKENDS[point["variant"]]
    os.environ[_FIX] = str(os.getpid()) if config == "ORTConfig" else ""
    scenario = peer.InferenceConfig(
        latency="latency" in point["metrics"],
        memory="memory" in point["metrics"],
        input_shapes={"batch_size": point["batch_size"], "sequence_length": point["sequence_length"]},
        **plan["scenario"],  # empty: its own defaults
    )
    backend = getattr(peer, config)(
        model=plan["checkpoint"], task="text-classification", library="transformers", device="cpu", **settings
    )
    report: dict[str, Any] = peer.Benchmark.launch(
        peer.BenchmarkConfig(name="peer", backend=backend, scenario=scenario, launcher=peer.ProcessConfig())
    ).to_dict()
    return report


def main(plan_file: str, reports_file: str) -> None:
    """Measure all points in turn, none after ``enough_s`` seconds; a point that fails has its reason, the others go on."""
    plan = json.loads(Path(plan_file).read_text(encoding="utf-8"))
    begin = time.perf_counter()
    for point in plan["points"]:
        start = time.perf_counter()
        if start - begin >= plan["enough_s"]:
            break
        try:
            answer: dict[str, Any] = {"report": measure(plan, point)}
        except Exception as error:  # noqa: BLE001 - the peer raises anything
            answer = {"failed": str(error).strip() or repr(error)}
        seconds = time.perf_counter() - start
        with Path(reports_file).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**point, "seconds": seconds, **answer}) + "\n")
        name = f"{point['variant']} {point['batch_size']} x {point['sequence_length']}"
        print(f"{MARK}{name}, {seconds:.0f} s{', failed' if 'failed' in answer else ''}", flush=True)  # noqa: T201


if __name__ == "__mp_main__" and os.environ.get(_FIX) == str(os.getppid()):  # the launcher's process
    fix()
if __name__ == "__main__":
    main(*sys.argv[1:])
