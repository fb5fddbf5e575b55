"""What the slices of two rows say of their ratio: texts differ, machines slow down, and a few slices are far off."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slices import OWN_TEXTS, row_of

from deploybench.bench.measure.schedule import unsure_rows
from deploybench.bench.runs.measurement import launch_ratios, slice_noise
from deploybench.bench.statistics import LogRatio
from deploybench.exporters.variant import REFERENCE


@given(st.integers(1, 6), st.integers(1, 9), st.floats(0.2, 5), st.integers(0, 1000))
@settings(max_examples=50)
def test_a_constant_ratio_is_found_whatever_the_texts_and_the_machine(launches, blocks, ratio, seed):
    draw = np.random.default_rng(seed)
    seconds = 0.01 * draw.uniform(0.5, 2, blocks) * draw.uniform(0.5, 2, (launches, blocks))

    assert launch_ratios(row_of(seconds), row_of(ratio * seconds)) == pytest.approx([math.log(ratio)] * launches)


def test_a_launch_that_is_slower_for_one_side_alone_is_seen():
    seconds = np.full((4, 8), 0.01)
    slower = seconds * np.array([1.0, 1.0, 1.0, 1.2])[:, np.newaxis]

    assert launch_ratios(row_of(seconds), row_of(slower)) == pytest.approx([0, 0, 0, math.log(1.2)])


def test_a_few_slices_that_are_far_off_change_nothing():
    draw = np.random.default_rng(1)
    seconds = np.full((6, 16), 0.01) * draw.uniform(0.5, 2, 16)
    other = 2 * seconds
    other[draw.uniform(size=other.shape) < 0.15] *= 3

    assert launch_ratios(row_of(seconds), row_of(other)) == pytest.approx([math.log(2)] * 6, abs=0.05)


def test_blocks_that_a_launch_lacks_are_left_out():
    seconds = np.full((3, 4), 0.01) * np.array([1, 2, 3, 4])
    whole = row_of(3 * seconds)
    kept = [place for place in range(12) if place not in (5, 11)]
    part = replace(
        whole,
        **{name: tuple(getattr(whole, name)[place] for place in kept) for name in ("values", "launches", "blocks")},
    )

    assert launch_ratios(row_of(seconds), part) == pytest.approx([math.log(3)] * 3)
    assert launch_ratios(row_of(seconds[:1]), replace(part, launches=(7,) * 10)) == []


def test_relative_to_the_control_a_slower_machine_cancels():
    draw = np.random.default_rng(2)
    state = draw.uniform(1, 3, (4, 8))
    row = row_of(0.02 * state, beside=0.01 * state)

    assert launch_ratios(replace(row, values=row.beside), row) == pytest.approx([math.log(2)] * 4)


@pytest.mark.parametrize("launches", [2, 4, 8])
def test_the_noise_of_a_slice_is_found_whatever_texts_launches_and_outliers_do(launches):
    draw = np.random.default_rng(4)
    seconds = 0.01 * draw.uniform(0.5, 2, 400) * draw.uniform(0.5, 2, (launches, 1))
    other = seconds * np.exp(draw.normal(0, 0.08, seconds.shape)) * draw.uniform(0.5, 2, (launches, 1))
    other[draw.uniform(size=other.shape) < 0.03] *= 3

    assert slice_noise(row_of(seconds), row_of(other)) == pytest.approx(0.08, rel=0.25)


def test_of_one_launch_or_of_none_in_common_no_noise_is_known():
    seconds = row_of(np.full((1, 4), 0.01))

    assert slice_noise(seconds, seconds) == 0
    assert slice_noise(seconds, replace(seconds, launches=(7,) * 4)) == 0


def test_a_noisy_run_is_less_sure_of_its_ratios():
    ratio = LogRatio(0.5, 0.01, 9.0)

    assert ratio.between_runs(0.0).error == pytest.approx(math.hypot(0.01, 0.015))
    assert ratio.between_runs(0.2).error == pytest.approx(math.hypot(0.01, 0.05))
    assert ratio.between_runs(0.0, 0.2).error == pytest.approx(math.sqrt(0.01**2 + 0.015**2 + 0.05**2))


def test_launches_are_added_for_speed_ups_that_are_not_known():
    """The machine slows all rows of a launch: times are not known, speed-ups are."""
    draw = np.random.default_rng(3)
    launch = np.array([1, 1.3, 1.6, 2.0])[:, np.newaxis] * np.ones((4, 16))
    known = row_of(0.01 * launch * np.exp(draw.normal(0, 0.01, (4, 16))))
    unknown = row_of(0.01 * launch * np.exp(draw.normal(0, 0.2, (4, 1))), "openvino-fp32")
    reference = row_of(0.02 * launch, REFERENCE)

    assert unsure_rows([reference, known, unknown], 0.1) == {("openvino-fp32", OWN_TEXTS)}
    assert unsure_rows([known, unknown], 0.1) == {("onnx-fp32", OWN_TEXTS), ("openvino-fp32", OWN_TEXTS)}
