"""Thresholds with the highest F1, against a search over all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploybench.exporters.head import HALF, Head
from deploybench.exporters.metrics import label_counts
from deploybench.exporters.training.thresholds import best_thresholds

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1000).map(lambda one: one / 1000)), min_size=1, max_size=40)


def f1(has, chances, threshold):
    counts = label_counts(has[:, None], (chances > threshold)[:, None])
    return float(counts.f1[0])


@given(ROWS)
def test_none_is_better(rows):
    has, chances = (np.array(column) for column in zip(*rows, strict=True))
    [threshold] = best_thresholds(has[:, None].astype(np.int8), chances[:, None].astype(np.float64))

    assert 0 < threshold < 1
    if has.sum() < 5:
        assert threshold == HALF
        return
    every = [f1(has, chances, one) for one in {HALF, *(chances - 0.0005).clip(0.0001)}]
    assert f1(has, chances, threshold) == pytest.approx(max(every))
    if f1(has, chances, HALF) == pytest.approx(max(every)):
        assert threshold == HALF


def test_of_equally_good_ones_it_is_the_nearest_to_a_half():
    has = np.array([1, 1, 0, 1, 1, 1, 0, 0])
    chances = np.array([0.9, 0.8, 0.7, 0.4, 0.35, 0.3, 0.1, 0.05])
    [threshold] = best_thresholds(has[:, None].astype(np.int8), chances[:, None])

    assert threshold == pytest.approx(0.2)


def test_each_label_has_its_own_and_answers_follow_it():
    logits = np.array([[-3.0, 2.0], [-3.0, 2.0], [-3.0, 2.0], [-3.0, 2.0], [-3.0, 2.0], [-4.0, 1.0], [-4.0, 1.0]])
    true = np.array([[1, 1]] * 5 + [[0, 0]] * 2, dtype=np.int8)
    thresholds = best_thresholds(true, 1 / (1 + np.exp(-logits)))
    head = Head(task="multi-label", labels=("a", "b"), thresholds=thresholds)

    assert head.answers(logits.astype(np.float32)).tolist() == true.tolist()


def test_saturated_probabilities_leave_a_threshold_between_0_and_1():
    chances = np.array([1.0] * 5 + [np.nextafter(1.0, 0.0)] * 3 + [0.0] * 4)
    has = np.array([1] * 5 + [0] * 7)
    [threshold] = best_thresholds(has[:, None].astype(np.int8), chances[:, None])

    assert 0 < threshold < 1
