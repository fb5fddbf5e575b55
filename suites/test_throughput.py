"""Throughput at the longest length: one process with all threads, and as many processes with one thread each."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from deploybench.bench.measure.concurrency import BLOCKS, ServedTexts, measure_served
from deploybench.bench.measure.workload import full_batch
from deploybench.bench.pipeline.options import THROUGHPUT_BATCH_SIZE
from deploybench.bench.runs.measurement import Measurement, Workload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploybench.bench.pipeline.prepare import Prepared


@pytest.mark.usefixtures("thorough")
def test_throughput(
    variant_name: str, artifact: Path, prepared: Prepared, cell: Callable[..., Any], replay: Callable[..., None]
) -> None:
    """The row times a batch of the one process, as the mean of each block."""
    length, threads, size = max(prepared.sequence_lengths), prepared.options.threads, THROUGHPUT_BATCH_SIZE
    if threads == 1:
        pytest.skip("one thread cannot be divided among processes")
    alone = Workload(batch_size=size, sequence_length=length, padding="full", threads=threads)
    together = replace(alone, threads=1, instances=threads)
    measured = functools.partial(Measurement, variant=variant_name, metric="served_throughput")
    batch = full_batch(prepared.tokens, size, length)
    measure = functools.partial(measure_served, variant_name, artifact, batch, threads)
    served = cell(ServedTexts, together, measure, measured(workload=alone), measured(workload=together))

    assert len(served.alone) == len(served.together) == BLOCKS
    assert min(*served.alone, *served.together) > 0
    seconds = [size / rate for rate in served.alone]
    replay(
        seconds,
        measured(workload=alone, values=served.alone, blocks=tuple(range(BLOCKS))),
        measured(workload=together, values=served.together, blocks=tuple(range(BLOCKS))),
    )
