"""Invariance: whether a prediction depends on the other texts of its batch, or on padding."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from deploybench.bench.measure.invariance import BATCH_SIZE, TEXTS, Invariance, measure_invariance
from deploybench.bench.measure.workload import Sample, spread
from deploybench.bench.pipeline.options import PROFILES
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.metrics import ARRANGEMENTS, INVARIANCE
from deploybench.exporters.checkpoints.tokenization import join

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploybench.bench.pipeline.prepare import Prepared
    from deploybench.bench.pipeline.recorder import Recorder


def test_invariance(
    variant_name: str,
    artifact: Path,
    prepared: Prepared,
    recorder: Recorder,
    cell: Callable[..., Any],
    replay: Callable[..., None],
) -> None:
    """The row times each text alone; a changed label is reported and fails nothing."""
    threads, length = prepared.options.threads, prepared.full_length
    workload = Workload(batch_size=BATCH_SIZE, sequence_length=length, padding="longest", threads=threads)
    measured = functools.partial(Measurement, variant=variant_name, workload=workload)
    tokens = [
        join(text[: length - 1], text[-1:]) if len(text) > length else text for text in spread(prepared.tokens, TEXTS)
    ]
    sample = Sample(tokens=tokens, pad=prepared.inputs.pad, max_length=length)
    measure = functools.partial(measure_invariance, variant_name, artifact, sample, threads, prepared.checkpoint.head)
    blanks = [measured(metric=metric) for metric in INVARIANCE]
    if prepared.checkpoint.random_weights and not PROFILES[prepared.options.profile].thorough:
        reason = "random weights: measured in the profiles standard and full"
        recorder.add(*(replace(blank, status="not_measured", reason=reason) for blank in blanks))
        pytest.skip(reason)
    found = cell(Invariance, workload, measure, *blanks)

    assert len(found.flips) == len(found.changes) == len(ARRANGEMENTS)
    values = [value for pair in zip(found.flips, found.changes, strict=True) for value in pair]
    replay(found.seconds, *(measured(metric=name, values=(one,)) for name, one in zip(INVARIANCE, values, strict=True)))
