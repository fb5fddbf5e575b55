"""Latency: one forward pass of one batch; variants are interleaved."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from deploybench.bench.console import progress
from deploybench.bench.measure.controls import CONTROLS, with_controls
from deploybench.bench.measure.deadline import Deadline
from deploybench.bench.measure.latency import LatencyRun
from deploybench.bench.measure.schedule import TimedArtifact
from deploybench.bench.measure.yardsticks import Yardsticks
from deploybench.bench.pipeline.options import PROFILES
from deploybench.bench.pipeline.recorder import Recorder, count_checkpoint
from deploybench.bench.runs.measurement import Measurement
from deploybench.bench.runs.rows import row_name
from deploybench.exporters.artifacts.catalogue import find_variant
from deploybench.exporters.cascades.cascade import every_stage
from deploybench.exporters.cascades.names import is_cascade, worst_case
from deploybench.exporters.variant import REFERENCE
from deploybench.suites.conftest import first_recorder, replay_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from deploybench.bench.pipeline.prepare import Prepared
    from deploybench.bench.runs.measurement import Workload

Shape: TypeAlias = "tuple[int, int | None]"  # batch size and tokens; None: the longest that a model is timed at

_FOR_OTHERS = 0.3  # of the time budget: memory, load times and what is measured on demand come later


@pytest.fixture(scope="session")
def latencies(recorders: dict[str, Recorder], visible: Callable[[], Any]) -> dict[tuple[str, Shape], Measurement]:
    """Latency by row and shape; measured together, which makes all variants of all models comparable."""
    measured_models = {model: one for model, one in recorders.items() if one.prepared.artifacts}
    first = first_recorder(measured_models)
    options, budget = first.prepared.options, first.prepared.options.time_budget
    common = _common_shapes(recorders)
    timed = first.prepared.timed_batches()
    batches = {workload: timed[workload] for workload in common}
    for recorder in measured_models.values():
        own = recorder.prepared.timed_batches()
        found = count_checkpoint(recorder.prepared.checkpoint.path, own, options.threads)
        recorder.operations, recorder.effective_parameters = found
    with Yardsticks(options.threads, first.journal) as yardsticks, ExitStack() as scratch:
        run = LatencyRun(
            with_controls(first.prepared.artifacts, _rows(measured_models, common, scratch)),
            options.schedule,
            options.threads,
            journal=first.journal,
            deadline=Deadline(budget, first.journal.elapsed, reserve=_FOR_OTHERS * budget),
            before_launch=yardsticks.read if PROFILES[options.profile].thorough else lambda: None,
        )
        yardsticks.read()
        with visible(), progress("timing", run.steps(batches), "latency") as bar:
            measured = run.measure(batches, bar.advance, bar.extend)
        yardsticks.read()
    firsts, starts = run.first_inferences(next(iter(batches))), run.cold_starts()
    for model, recorder in measured_models.items():
        of_model = functools.partial(_of_model, model, recorder.prepared, common)
        recorder.add(*yardsticks.measurements(), *of_model(firsts))
        recorder.cold_starts += of_model(starts)
    return {(one.variant, common[one.workload]): one for one in measured if one.workload}


def _shapes(prepared: Prepared) -> dict[Shape, Workload]:
    longest = prepared.sequence_lengths[-1]
    return {
        (one.batch_size, None if one.sequence_length == longest else one.sequence_length): one
        for one in prepared.timed_batches()
    }


def _common_shapes(recorders: dict[str, Recorder]) -> dict[Workload, Shape]:
    """The shapes that all models are timed at, by the first one's workload."""
    every = [_shapes(one.prepared) for one in recorders.values() if one.prepared.artifacts]
    return {workload: shape for shape, workload in every[0].items() if all(shape in other for other in every)}


def _rows(recorders: dict[str, Recorder], common: Mapping[Workload, Shape], scratch: ExitStack) -> list[TimedArtifact]:
    """Every variant of every model, with the model's own tokens of the same texts; those of one model compete.

    Of cascades the worst case as well, whose files ``scratch`` removes.
    """
    found, several = [], len(recorders) > 1
    for model, recorder in recorders.items():
        shapes, texts = _shapes(recorder.prepared), recorder.prepared.timed_batches()
        feed = {workload: texts[shapes[shape]] for workload, shape in common.items()}
        found += [
            TimedArtifact(
                name=row_name(model, variant),
                variant=variant,
                artifact=one.path,
                fingerprint=one.fingerprint,
                feed=feed,
                group=model if several and variant != REFERENCE and not find_variant(variant).another_model else "",
            )
            for variant, one in recorder.prepared.artifacts.items()
            if not is_cascade(variant) or recorder.prepared.own  # a cascade's time depends on the text
        ]
        found += [
            TimedArtifact(
                name=row_name(model, worst_case(variant)),
                variant=variant,
                artifact=scratch.enter_context(every_stage(one.path)),
                fingerprint=one.fingerprint,
                feed=feed,
                control=True,
            )
            for variant, one in recorder.prepared.artifacts.items()
            if is_cascade(variant) and recorder.prepared.own
        ]
    return found


def _of_model(
    model: str, prepared: Prepared, common: Mapping[Workload, Shape], measured: Iterable[Measurement]
) -> list[Measurement]:
    """The measurements of the model's rows, called as its variants, at its own lengths."""
    names = [*prepared.artifacts, *map(worst_case, filter(is_cascade, prepared.artifacts))]
    variants = {row_name(model, name): name for name in names}
    shapes = _shapes(prepared)
    return [
        replace(
            one,
            variant=variants[one.variant],
            workload=one.workload and shapes[common[one.workload]],
        )
        for one in measured
        if one.variant in variants
    ]


@pytest.mark.usefixtures("artifact")
def test_latency(
    model_name: str,
    variant_name: str,
    shape: Shape,
    latencies: dict[tuple[str, Shape], Measurement],
    recorders: dict[str, Recorder],
    replay: Callable[..., None],
) -> None:
    """The row has the rounds of all launches and blocks, after warm-up."""
    recorder = recorders[model_name]
    if is_cascade(variant_name) and not recorder.prepared.own:
        why = "its time depends on the text, and here texts of one length are timed"
        at = _shapes(recorder.prepared).get(shape)
        if at:  # a length that the model takes
            recorder.add(
                Measurement(variant=variant_name, metric="latency", workload=at, status="not_measured", reason=why)
            )
        pytest.skip(why)
    measured = latencies.get((row_name(model_name, variant_name), shape))
    if measured is None:
        pytest.skip(f"{shape[1]} tokens are the most, or too many, for one of the models")
    worst = latencies.get((row_name(model_name, worst_case(variant_name)), shape))
    own, *of_worst = _of_model(
        model_name, recorder.prepared, _common_shapes(recorders), [measured, *([worst] if worst else [])]
    )
    recorder.add(*of_worst)
    _replay(own, recorder, replay)


@pytest.mark.parametrize("control", CONTROLS)
def test_control(
    control: str,
    batch_size: int,
    latencies: dict[tuple[str, Shape], Measurement],
    recorders: dict[str, Recorder],
    replay_seconds: Callable[..., None],
) -> None:
    """The reference under a second name, and a variant that does nothing."""
    recorder = first_recorder(recorders)
    _replay(latencies[control, (batch_size, None)], recorder, functools.partial(replay_rows, recorder, replay_seconds))


def _replay(measured: Measurement, recorder: Recorder, replay: Callable[..., None]) -> None:
    if measured.status == "failed":
        recorder.add(measured)
        pytest.fail(measured.reason, pytrace=False)

    if measured.status == "not_measured":
        recorder.add(measured)
        pytest.skip(measured.reason)
    assert min(measured.values) > 0
    replay(measured.values, measured)
