"""Peak memory of one batch by sequence length: heap by memray and resident memory by the kernel, in a new process each."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from deploybench.bench.measure.memory.peaks import MemoryPeaks, measure_peaks
from deploybench.bench.measure.workload import full_batch
from deploybench.bench.pipeline.options import PROFILES
from deploybench.bench.runs.ledger import CellLedger
from deploybench.bench.runs.measurement import Measurement, Workload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploybench.bench.pipeline.prepare import Prepared
    from deploybench.bench.pipeline.recorder import Recorder

METRICS = ("peak_memory", "peak_resident", "load_peak_memory", "load_peak_resident")


def test_memory(
    variant_name: str,
    sequence_length: int,
    artifact: Path,
    prepared: Prepared,
    recorder: Recorder,
    cell: Callable[..., Any],
    replay: Callable[..., None],
) -> None:
    """The row times the batch of the pass without memray."""
    options, lengths = prepared.options, prepared.sequence_lengths
    place = (options.sequence_lengths or PROFILES[options.profile].sequence_lengths).index(sequence_length)
    if place >= len(lengths):
        pytest.skip(f"{prepared.checkpoint.name} takes at most {prepared.inputs.max_length} tokens")
    sequence_length = lengths[place]  # the checkpoint's own limit if it takes none of the profile's
    threads, size = options.threads, options.memory_batch_size
    workload = Workload(batch_size=size, sequence_length=sequence_length, padding="full", threads=threads)
    batch = full_batch(prepared.tokens, size, sequence_length)
    measured = functools.partial(Measurement, variant=variant_name, workload=workload)
    measure = functools.partial(measure_peaks, variant_name, artifact, batch, threads)
    peaks = cell(MemoryPeaks, workload, measure, *(measured(metric=metric) for metric in METRICS))

    assert peaks.peak_memory > 0
    assert peaks.peak_resident > 0
    recorder.cold_starts += [
        Measurement(variant=variant_name, metric=metric, values=(seconds,)) for metric, seconds in peaks.start.items()
    ]
    recorder.ledgers.append(CellLedger(variant=variant_name, workload=workload, ledger=peaks.ledger))
    replay((peaks.seconds,), *(measured(metric=metric, values=(getattr(peaks, metric),)) for metric in METRICS))
