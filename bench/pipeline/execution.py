"""How an artifact really executes: number format, cores, stored weights, operators, and labels on a CPU without VNNI.

Each is found once, in processes that have all cores. What cannot be found out is left empty: that is no failure of the variant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...exporters.artifacts.catalogue import find_variant
from ...exporters.errors import ExportError, WorkerError
from ...exporters.head import SINGLE_LABEL
from ...exporters.inspection.executed import executed_precision
from ...exporters.inspection.operators import RUNS, profile
from ...exporters.inspection.saturation import cut_share
from ...exporters.inspection.stored import stored_weights
from ..analysis.precision import precision_problem
from ..worker.client import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ...exporters.artifacts.artifact import Artifact
    from ...exporters.head import Head
    from ...exporters.variant import Batch, Float32Array

LIMITS = {  # of oneDNN, which OpenVINO and PyTorch use, and of PyTorch's own kernels and FBGEMM
    "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
    "DNNL_MAX_CPU_ISA": "AVX512_CORE",
    "FBGEMM_ENABLE_INSTRUCTIONS": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}
_ROUNDS = 5
_LONGEST_S = 0.5  # of repeated passes
_LONGEST_LIMITED_S = 2.0  # of batches with fewer instructions: bf16 is then emulated, some twenty times as slow
_SUMMED = 5  # batches whose int8 sums are computed: one of each shape and padding


def how_it_runs(
    worker: Worker, artifact: Artifact, batches: Iterable[Batch], watched: Batch, threads: int
) -> dict[str, Any]:
    """Fields of ``VariantInfo``; ``worker`` has loaded the artifact and must not be used afterwards."""
    [(_, seconds)] = worker.predict([watched])
    profiled = (artifact.variant, artifact.path, threads, watched, _fitting(RUNS, seconds))
    return {
        "cores_used": _cores_used(worker, batches),
        "stored": _inspect(worker, stored_weights, (artifact.path,), None),
        "operators": _inspect(worker, profile, profiled, {}),
        **executed(worker, artifact, watched, threads),
    }


def _cores_used(worker: Worker, batches: Iterable[Batch]) -> float:
    """CPU seconds per second, the highest of all batches: a runtime may use all threads for large batches alone."""
    most = 0.0
    for batch in batches:
        rounds = worker.ask("time", _fitting(_ROUNDS, worker.ask("warm_up", [batch]) / 1e9), None)
        most = max(most, sum(cpu for _, cpu in rounds) / sum(wall for wall, _ in rounds))
    return most


def _fitting(most: int, seconds: float) -> int:
    """As many passes of so many seconds each as fit into some seconds, from 1 to ``most``."""
    return max(1, min(most, int(_LONGEST_S / max(seconds, 1e-9))))


def _inspect(worker: Worker, inspect: Callable[..., Any], arguments: tuple[Any, ...], unknown: Any) -> Any:
    try:
        return worker.call(inspect, *arguments)
    except (ExportError, WorkerError):
        return unknown


def executed(worker: Worker, artifact: Artifact, batch: Batch, threads: int) -> dict[str, Any]:
    """The number formats that it executes, and whether they are those of its name; nothing of NumPy, which has no choice."""
    variant = find_variant(artifact.variant)
    if variant.runtime == "numpy" and not variant.trace:
        return {}
    try:
        found = worker.call(executed_precision, artifact.variant, artifact.path, threads, batch)
    except (ExportError, WorkerError) as error:
        return {"executed_unknown": str(error)}
    formats = found["weights"], found["attention"]
    return {
        "executed": found["weights"],
        "executed_attention": found["attention"],
        "executed_problem": precision_problem(variant.precision, *formats, variant.least_share),
    }


def without_vnni(  # noqa: PLR0913, PLR0917 - what is run, and what it is compared with
    name: str,
    artifact: Path,
    batches: Sequence[Batch],
    reference: Sequence[Float32Array],
    threads: int,
    head: Head = SINGLE_LABEL,
) -> dict[str, float]:
    """For an int8 variant on a CPU without VNNI: ``agreement`` with the reference's labels, or the share of sums ``cut``.

    Labels are those of the first batches, as many as are computed within some seconds.
    ONNX Runtime has no setting that limits instructions; the sums that would saturate are computed instead. Empty for a variant
    of another precision.
    """
    variant = find_variant(name)
    if variant.precision != "int8":
        return {}
    try:
        with Worker(f"{name} without VNNI", threads, environment=LIMITS) as worker:
            if variant.runtime == "onnxruntime":
                return {"cut": worker.call(cut_share, artifact, batches[:_SUMMED])}
            worker.start(name, artifact, threads)
            logits = _predict_for(worker, batches, _LONGEST_LIMITED_S)
    except (ExportError, WorkerError):
        return {}
    return {"agreement": head.agreement(np.concatenate(reference[: len(logits)]), np.concatenate(logits))}


def _predict_for(worker: Worker, batches: Sequence[Batch], seconds: float) -> list[Float32Array]:
    """Logits of the first batches, until so many seconds are used up."""
    found: list[Float32Array] = []
    for batch in batches:
        [(logits, spent)] = worker.predict([batch])
        found.append(logits)
        seconds -= spent
        if seconds <= 0:
            break
    return found
