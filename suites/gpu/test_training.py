"""Training and inference on a GPU, by architecture and precision; `python -m deploybench.suites.gpu` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deploybench.exporters.errors import WorkerError
from deploybench.suites.gpu.plan import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploybench.exporters.device_speed.speed import Measured, Setting, Speed
    from deploybench.suites.gpu.plan import Plan

_ELSEWHERE = "runs on a GPU, by tox -e gpu or python -m deploybench.suites.gpu"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every architecture in every precision, and every batch size of inference; without a plan, one skipped test."""
    plan: Plan | None = metafunc.config.pluginmanager.get_plugin(NAME)
    if plan is None:
        names = [name for name in ("setting", "batch") if name in metafunc.fixturenames]
        skipped = pytest.param(*[None] * len(names), marks=pytest.mark.skip(reason=_ELSEWHERE), id="gpu")
        metafunc.parametrize(names, [skipped])
        return
    metafunc.parametrize("setting", plan.settings, ids=[f"{one.architecture}-{one.precision}" for one in plan.settings])
    if "batch" in metafunc.fixturenames:
        metafunc.parametrize("batch", plan.settings[0].batches)


@pytest.fixture
def measured(request: pytest.FixtureRequest, setting: Setting) -> Measured:
    """Results of an architecture in a precision; the first test that uses them measures."""
    plan: Any = request.config.pluginmanager.get_plugin(NAME)
    try:
        found: Measured = plan.measured(setting)
    except WorkerError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    return found


def test_training(measured: Measured, setting: Setting, replay_seconds: Callable[..., None]) -> None:
    """One step of the optimizer: forward, backward, clipping, update."""
    _replay("training_step", measured, measured.training, setting, replay_seconds)


def test_inference(measured: Measured, batch: int, setting: Setting, replay_seconds: Callable[..., None]) -> None:
    """One forward pass of one batch."""
    [speed] = [one for one in measured.inference if one.batch == batch]
    _replay("latency", measured, speed, setting, replay_seconds)


@pytest.mark.usefixtures("setting")
def test_largest_batch(measured: Measured) -> None:
    """The most texts that fit in a training step."""
    if measured.largest is None:
        pytest.skip(f"not searched: {measured.not_searched}")
    if not measured.largest:
        pytest.skip("the device's memory is too small for one text")

    assert measured.training.batch <= measured.largest
    assert measured.training.seconds


def _replay(
    metric: str, measured: Measured, speed: Speed, setting: Setting, replay_seconds: Callable[..., None]
) -> None:
    if not speed.seconds:
        pytest.skip(f"the device's memory is too small for {speed.batch} × {speed.length} tokens")

    assert len(speed.seconds) == setting.times
    assert min(speed.seconds) > 0
    extra_info = {
        "metric": metric,
        "unit": "s",
        "architecture": setting.architecture,
        "precision": setting.precision,
        "device": setting.device,
        "batch": speed.batch,
        "length": speed.length,
        "samples_per_second": speed.samples_per_second,
        "tokens_per_second": speed.tokens_per_second,
        "share": speed.rate / measured.matrix_rate,
        "peak_memory": speed.peak_memory,
    }
    replay_seconds(speed.seconds, extra_info)
