"""Leak check: memory before and after 50 more batches of one text, at the shortest length, in a new process."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from deploybench.bench.measure.memory.leaks import BATCHES, SteadyMemory, measure_steady
from deploybench.bench.measure.workload import full_batch
from deploybench.bench.runs.measurement import Measurement, Workload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploybench.bench.pipeline.prepare import Prepared

METRICS = ("steady_held", "steady_resident")


@pytest.mark.usefixtures("thorough")
def test_leak(
    variant_name: str, artifact: Path, prepared: Prepared, cell: Callable[..., Any], replay: Callable[..., None]
) -> None:
    """The row times the batches; a leak is marked in the report and fails nothing."""
    length, threads = min(prepared.sequence_lengths), prepared.options.threads
    workload = Workload(batch_size=1, sequence_length=length, padding="full", threads=threads)
    measured = functools.partial(Measurement, variant=variant_name, workload=workload)
    batch = full_batch(prepared.tokens, 1, length)
    measure = functools.partial(measure_steady, variant_name, artifact, batch, threads)
    steady = cell(SteadyMemory, workload, measure, *(measured(metric=metric) for metric in METRICS))

    assert len(steady.seconds) == BATCHES
    readings = zip(METRICS, (steady.held, steady.resident), strict=True)
    replay(steady.seconds, *(measured(metric=metric, values=values) for metric, values in readings))
