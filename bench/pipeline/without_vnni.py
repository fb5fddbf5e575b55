"""Does an int8 variant predict the same on a CPU without VNNI? Its labels in a process whose libraries do without it.

ONNX Runtime takes no such setting; its sums are looked at instead (``exporters/inspection/saturation.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.worker.client import Worker
from exporters.artifacts.catalogue import find_variant
from exporters.errors import ExportError, WorkerError
from exporters.inspection.saturation import cut_share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.measure.workload import Batch
    from exporters.variant import Float32Array

_SUMMED = 5  # batches whose sums are looked at: one of each shape and padding
LIMITS = {  # of oneDNN, which OpenVINO and PyTorch use, and of PyTorch's own kernels and FBGEMM
    "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
    "DNNL_MAX_CPU_ISA": "AVX512_CORE",
    "FBGEMM_ENABLE_INSTRUCTIONS": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}


def without_vnni(
    name: str, artifact: Path, batches: Sequence[Batch], reference: Sequence[Float32Array], threads: int
) -> dict[str, float]:
    """``agreement`` with the reference's labels without VNNI, or the share of int8 sums that are ``cut``.

    Empty for what is no int8 variant, and where it cannot be found out.
    """
    variant = find_variant(name)
    if variant.precision != "int8":
        return {}
    try:
        with Worker(f"{name} without VNNI", threads, environment=LIMITS) as worker:
            if variant.runtime == "onnxruntime":
                return {"cut": worker.call(cut_share, artifact, batches[:_SUMMED])}
            worker.start(name, artifact, threads)
            logits = [logits for logits, _ in worker.predict(batches)]
    except (ExportError, WorkerError):
        return {}
    same = [ours.argmax(axis=1) == theirs.argmax(axis=1) for ours, theirs in zip(logits, reference, strict=True)]
    return {"agreement": float(np.concatenate(same).mean())}
