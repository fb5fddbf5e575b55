"""Latency: one forward pass of one batch; variants are interleaved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.console import progress
from bench.measure.controls import CONTROLS, with_controls
from bench.measure.deadline import Deadline
from bench.measure.latency import LatencyRun
from bench.measure.yardsticks import Yardsticks
from bench.pipeline.options import PROFILES
from bench.pipeline.recorder import Recorder, count_operations

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.pipeline.prepare import Prepared
    from bench.runs.measurement import Measurement

_FOR_OTHERS = 0.3  # of the time budget: memory, load times and what is measured on demand come later


@pytest.fixture(scope="session")
def latencies(prepared: Prepared, recorder: Recorder, visible: Callable[[], Any]) -> dict[tuple[str, int], Measurement]:
    """Latency by variant and batch size; measured together, which makes them comparable."""
    options, budget = prepared.options, prepared.options.time_budget
    batches = prepared.timed_batches()
    recorder.operations = count_operations(prepared.checkpoint.path, batches, options.threads)
    with Yardsticks(options.threads, recorder.journal) as yardsticks:
        run = LatencyRun(
            with_controls(prepared.artifacts),
            options.schedule,
            options.threads,
            journal=recorder.journal,
            deadline=Deadline(budget, recorder.journal.elapsed, reserve=_FOR_OTHERS * budget),
            before_launch=yardsticks.read if PROFILES[options.profile].thorough else lambda: None,
        )
        yardsticks.read()
        with visible(), progress("timing", run.steps(batches), "latency") as bar:
            measured = run.measure(batches, bar.advance, bar.extend)
        yardsticks.read()
    recorder.add(*yardsticks.measurements(), *run.first_inferences(next(iter(batches))))
    recorder.cold_starts += run.cold_starts()
    return {(one.variant, one.workload.batch_size): one for one in measured if one.workload}


@pytest.mark.usefixtures("artifact")
def test_latency(
    variant_name: str,
    batch_size: int,
    latencies: dict[tuple[str, int], Measurement],
    recorder: Recorder,
    replay: Callable[..., None],
) -> None:
    """The row has the rounds of all launches and blocks, after warm-up."""
    _replay(latencies[variant_name, batch_size], recorder, replay)


@pytest.mark.parametrize("control", CONTROLS)
def test_control(
    control: str,
    batch_size: int,
    latencies: dict[tuple[str, int], Measurement],
    recorder: Recorder,
    replay: Callable[..., None],
) -> None:
    """The reference under a second name, and a variant that does nothing."""
    _replay(latencies[control, batch_size], recorder, replay)


def _replay(measured: Measurement, recorder: Recorder, replay: Callable[..., None]) -> None:
    if measured.status == "failed":
        recorder.add(measured)
        pytest.fail(measured.reason, pytrace=False)

    if measured.status == "not_measured":
        recorder.add(measured)
        pytest.skip(measured.reason)
    assert min(measured.values) > 0
    replay(measured.values, measured)
