"""Latencies of made-up slices: one value for each launch and block."""

import numpy as np

from deploybench.bench.runs.measurement import Measurement, Workload

OWN_TEXTS = Workload(batch_size=1, sequence_length=128, padding="bucketed", threads=2)


def row_of(seconds, name="onnx-fp32", beside=None, workload=OWN_TEXTS):
    """The row of ``seconds`` and of the control ``beside`` them, both (launches, blocks)."""
    launches, blocks = seconds.shape
    return Measurement(
        variant=name,
        metric="latency",
        workload=workload,
        values=tuple(seconds.ravel().tolist()),
        launches=tuple(np.repeat(range(launches), blocks).tolist()),
        blocks=tuple(np.tile(range(blocks), launches).tolist()),
        beside=() if beside is None else tuple(beside.ravel().tolist()),
    )
