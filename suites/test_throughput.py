"""Throughput of the thread budget: one process of all threads, or as many processes of one thread; at the longest length."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bench.measure.concurrency import BLOCKS, ServedTexts, measure_served
from bench.measure.workload import full_batch
from bench.pipeline.options import THROUGHPUT_BATCH_SIZE
from bench.runs.measurement import Measurement, Workload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.pipeline.prepare import Prepared


@pytest.mark.usefixtures("thorough")
def test_throughput(
    variant_name: str, artifact: Path, prepared: Prepared, cell: Callable[..., Any], replay: Callable[..., None]
) -> None:
    """What the row times is a batch of the one process, its mean in each block."""
    length, threads, size = max(prepared.sequence_lengths), prepared.options.threads, THROUGHPUT_BATCH_SIZE
    if threads == 1:
        pytest.skip("one thread can be shared out in one way only")
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
