"""Invariance: whether a prediction depends on the other texts of its batch, or on padding."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from bench.measure.invariance import BATCH_SIZE, TEXTS, Invariance, measure_invariance
from bench.measure.workload import Sample, spread
from bench.runs.measurement import Measurement, Workload
from bench.runs.metrics import ARRANGEMENTS, INVARIANCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.pipeline.prepare import Prepared


def test_invariance(
    variant_name: str, artifact: Path, prepared: Prepared, cell: Callable[..., Any], replay: Callable[..., None]
) -> None:
    """The row times each text alone; a changed label is reported and fails nothing."""
    threads, length = prepared.options.threads, prepared.full_length
    workload = Workload(batch_size=BATCH_SIZE, sequence_length=length, padding="longest", threads=threads)
    measured = functools.partial(Measurement, variant=variant_name, workload=workload)
    tokens = [text[: length - 1] + text[-1:] if len(text) > length else text for text in spread(prepared.tokens, TEXTS)]
    sample = Sample(tokens=tokens, pad=prepared.inputs.pad, max_length=length)
    measure = functools.partial(measure_invariance, variant_name, artifact, sample, threads)
    found = cell(Invariance, workload, measure, *(measured(metric=metric) for metric in INVARIANCE))

    assert len(found.flips) == len(found.changes) == len(ARRANGEMENTS)
    values = [value for pair in zip(found.flips, found.changes, strict=True) for value in pair]
    replay(found.seconds, *(measured(metric=name, values=(one,)) for name, one in zip(INVARIANCE, values, strict=True)))
