"""Intervals, against other people's formulas and against the same thing written the slow way."""

import random
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from bench.statistics import _weighted_medians, median_interval, resampled_counts, wilson_interval

SECONDS = st.floats(min_value=1e-5, max_value=100)


@st.composite
def timed_values(draw):
    """Values of several launches and blocks, in measuring order, not every block with as many of them."""
    launches, blocks, values = [], [], []
    for launch in range(draw(st.integers(1, 4))):
        for block in range(draw(st.integers(1, 4))):
            for value in draw(st.lists(SECONDS, min_size=1, max_size=4)):
                launches.append(launch)
                blocks.append(block)
                values.append(value)
    return values, launches, blocks


def slow_interval(values, launches, blocks, resamples=4000):
    """The same resampling, one draw after the other."""
    generator = random.Random(1)
    tree = {}
    for value, launch, block in zip(values, launches, blocks, strict=True):
        tree.setdefault(launch, {}).setdefault(block, []).append(value)
    medians = []
    for _ in range(resamples):
        pool = []
        for launch in generator.choices(list(tree), k=len(tree)):
            for block in generator.choices(list(tree[launch]), k=len(tree[launch])):
                pool += tree[launch][block]
        medians.append(statistics.median(pool))
    return np.quantile(medians, (0.025, 0.975))


@given(st.integers(1, 5000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilson_interval_is_that_of_scipy(counts):
    successes, trials = counts
    expected = binomtest(successes, trials).proportion_ci(method="wilson")

    assert (expected.low, expected.high) == pytest.approx(wilson_interval(successes, trials), abs=1e-12)


def test_no_trials_have_no_interval():
    assert wilson_interval(0, 0) == (None, None)


@pytest.mark.parametrize("seed", range(4))
def test_median_interval_is_that_of_the_slow_way(seed):
    generator = random.Random(seed)
    values, launches, blocks = [], [], []
    for launch in range(4):
        of_launch = generator.gauss(0, 0.05)
        for block in range(3):
            of_block = generator.gauss(0, 0.05)
            for _ in range(generator.randint(2, 6)):
                values.append(1 + of_launch + of_block + generator.gauss(0, 0.01))
                launches.append(launch)
                blocks.append(block)
    expected = slow_interval(values, launches, blocks)

    assert list(expected) == pytest.approx(median_interval(values, launches, blocks), abs=0.01)


@settings(deadline=None)
@given(timed_values())
def test_median_interval_lies_within_the_values_and_scales_with_them(timed):
    values, launches, blocks = timed
    low, high = median_interval(values, launches, blocks)
    if len(set(zip(launches, blocks, strict=True))) < 3:
        assert (low, high) == (None, None)
        return

    assert min(values) <= low <= high <= max(values)
    assert (low, high) == median_interval(values, launches, blocks)
    assert (2 * low, 2 * high) == median_interval([2 * value for value in values], launches, blocks)


def test_rounds_of_one_block_add_no_certainty():
    """A hundred rounds of three blocks that disagree say no more than three rounds do."""
    few = median_interval([1.0, 2.0, 3.0], [0, 0, 0], [0, 1, 2])
    many = median_interval([1.0] * 100 + [2.0] * 100 + [3.0] * 100, [0] * 300, [0] * 100 + [1] * 100 + [2] * 100)

    assert few == many == (1.0, 3.0)


def test_without_blocks_a_launch_is_one_block():
    values = [1.0, 2.0, 4.0, 8.0]

    assert median_interval(values, [0, 1, 2, 3]) == median_interval(values, [0, 1, 2, 3], [0, 0, 0, 0])
    assert median_interval(values, [0, 0, 1, 1]) == (None, None)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"argument 2 is longer|shorter"):
        median_interval([1.0, 2.0], [0, 1], [0])


def test_the_interval_holds_the_true_median_as_often_as_it_says():
    """Of 150 experiments in which launches and blocks vary; launches are few, so that a little less than 95 % do."""
    generator = np.random.default_rng(3)
    launches, blocks = np.repeat(np.arange(8), 12), np.tile(np.repeat(np.arange(4), 3), 8)
    held = 0
    for _ in range(150):
        of_launch, of_block = generator.normal(0, 0.05, (8, 1)), generator.normal(0, 0.05, (8, 4))
        values = 1 + np.repeat((of_launch + of_block).ravel(), 3) + generator.normal(0, 0.01, 96)
        low, high = median_interval(values.tolist(), launches.tolist(), blocks.tolist())
        held += low <= 1 <= high

    assert 0.85 <= held / 150 <= 0.99


@given(
    st.lists(st.tuples(SECONDS, st.integers(0, 5)), min_size=1).filter(lambda pairs: any(times for _, times in pairs))
)
def test_weighted_median_is_the_median_of_repeated_values(pairs):
    pairs = sorted(pairs)
    repeated = [value for value, times in pairs for _ in range(times)]
    values, weights = np.array([value for value, _ in pairs]), np.array([[times for _, times in pairs]])

    assert [np.median(repeated)] == _weighted_medians(values, weights).tolist()


def test_resampled_counts_are_as_many_as_the_examples():
    draws = resampled_counts(np.array([3, 0, 7]))

    assert {10} == set(draws.sum(axis=1).tolist())
    assert {0} == set(draws[:, 1].tolist())
    assert draws.mean(axis=0).tolist() == pytest.approx([3, 0, 7], abs=0.2)
