"""Figures of a confusion matrix, against scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from deploybench.bench.measure.accuracy import confusion_matrix, scores

NAMES = ("real", "fake", "satire", "opinion")


@st.composite
def matrices(draw, min_total=1):
    """Confusion matrices of 2 to 4 classes; many cells are empty, so that classes are missing too."""
    size = draw(st.integers(2, 4))
    cell = st.one_of(st.just(0), st.integers(0, 40))
    matrix = draw(st.lists(st.lists(cell, min_size=size, max_size=size), min_size=size, max_size=size))
    if sum(map(sum, matrix)) < min_total:
        matrix[0][0] = min_total
    return tuple(map(tuple, matrix))


def examples(matrix):
    """True and predicted class of every example that a matrix counts."""
    pairs = [(row, column) for row, counts in enumerate(matrix) for column, n in enumerate(counts) for _ in range(n)]
    return [row for row, _ in pairs], [column for _, column in pairs]


def by_name(matrix):
    return {(score.metric, score.label): score for score in scores(matrix, NAMES[: len(matrix)])}


@given(matrices())
def test_confusion_matrix_counts_what_it_was_made_of(matrix):
    actual, predicted = examples(matrix)

    assert matrix == confusion_matrix(actual, predicted, len(matrix))
    assert metrics.confusion_matrix(actual, predicted, labels=range(len(matrix))).tolist() == [*map(list, matrix)]


@settings(max_examples=60)
@given(matrices())
def test_figures_are_those_of_scikit_learn(matrix):
    actual, predicted = examples(matrix)
    labels = range(len(matrix))
    found = by_name(matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of a single class
        whole = metrics.precision_recall_fscore_support(
            actual, predicted, labels=labels, average="weighted", zero_division=0
        )
        each = metrics.precision_recall_fscore_support(actual, predicted, labels=labels, zero_division=np.nan)

    assert metrics.accuracy_score(actual, predicted) == pytest.approx(found["accuracy", None].value, abs=1e-9)
    for index, metric in enumerate(("precision", "recall", "f1")):
        assert whole[index] == pytest.approx(found[metric, None].value, abs=1e-9)
        values = [found[metric, name].value for name in NAMES[: len(matrix)]]
        numbers = [np.nan if value is None else value for value in values]
        assert each[index].tolist() == pytest.approx(numbers, abs=1e-9, nan_ok=True)


@settings(max_examples=60)
@given(matrices())
def test_error_rates_are_those_of_one_class_against_the_others(matrix):
    actual, predicted = (np.array(classes) for classes in examples(matrix))
    found = by_name(matrix)
    for index, name in enumerate(NAMES[: len(matrix)]):
        falsely, missed = predicted[actual != index] == index, predicted[actual == index] != index
        for metric, errors in (("false_positive_rate", falsely), ("false_negative_rate", missed)):
            score = found[metric, name]
            assert (errors.mean() if errors.size else None) == pytest.approx(score.value, abs=1e-9)
            assert errors.size == score.n
            assert (score.value is None) == bool(score.reason)


@settings(max_examples=60)
@given(matrices(min_total=0))
def test_the_figures_are_always_the_same_ones(matrix):
    found = scores(matrix, NAMES[: len(matrix)])
    expected = scores(tuple((1,) * len(matrix) for _ in matrix), NAMES[: len(matrix)])

    assert [(score.metric, score.label) for score in expected] == [(score.metric, score.label) for score in found]
    assert all(score.low <= score.value <= score.high for score in found if score.metric == "accuracy" and score.n)
    assert all((score.low is None) == (score.high is None) for score in found)
    assert all(0 <= score.low <= score.high <= 1 for score in found if score.low is not None)


def test_two_labels_have_error_rates_of_the_second():
    found = by_name(((120, 51), (20, 77)))

    assert found["false_positive_rate", None].value == found["false_positive_rate", "fake"].value == 51 / 171
    assert found["false_negative_rate", None].value == found["false_negative_rate", "fake"].value == 20 / 97
    assert found["false_negative_rate", "real"].value == 51 / 171
    assert found["confusion", "real as fake"].value == 51
    assert found["confusion", "fake as real"].value == 20


def test_more_labels_have_error_rates_per_class_only():
    score = by_name(((5, 1, 1), (0, 7, 0), (2, 0, 3)))["false_positive_rate", None]

    assert score.value is None
    assert score.reason == "defined per class when there are more than two labels"


@pytest.mark.parametrize(
    ("metric", "label", "reason"),
    [
        ("precision", "fake", "no example was predicted as fake"),
        ("recall", "fake", "no example of class fake"),
        ("f1", "fake", "no example of class fake, and none was predicted as fake"),
        ("false_negative_rate", None, "no example of class fake"),
        ("false_positive_rate", "real", "no example of another class than real"),
    ],
)
def test_what_is_undefined_says_why(metric, label, reason):
    score = by_name(((9, 0), (0, 0)))[metric, label]

    assert (score.value, score.low, score.high, score.reason) == (None, None, None, reason)


def test_no_examples_have_no_figures():
    found = by_name(((0, 0), (0, 0)))

    assert {"no examples"} == {found[metric, None].reason for metric in ("accuracy", "precision", "recall", "f1")}


@pytest.mark.parametrize(
    ("metric", "label", "part", "whole"),
    [
        ("accuracy", None, 197, 268),
        ("recall", "fake", 77, 97),
        ("precision", "fake", 77, 128),
        ("false_positive_rate", None, 51, 171),
        ("false_negative_rate", None, 20, 97),
    ],
)
def test_proportions_have_wilson_intervals(metric, label, part, whole):
    score = by_name(((120, 51), (20, 77)))[metric, label]
    expected = binomtest(part, whole).proportion_ci(method="wilson")

    assert (expected.low, expected.high) == pytest.approx((score.low, score.high), abs=1e-12)
    assert whole == score.n


def test_f1_has_the_interval_that_resampled_examples_give():
    matrix = ((120, 51), (20, 77))
    actual, predicted = (np.array(classes) for classes in examples(matrix))
    generator = np.random.default_rng(5)
    draws = []
    for _ in range(400):
        chosen = generator.integers(0, 268, 268)
        draws.append(metrics.f1_score(actual[chosen], predicted[chosen]))
    score = by_name(matrix)["f1", "fake"]

    assert np.quantile(draws, (0.025, 0.975)).tolist() == pytest.approx([score.low, score.high], abs=0.02)
    assert scores(matrix, NAMES[:2]) == scores(matrix, NAMES[:2])


def test_a_flawless_matrix_has_no_resampled_interval():
    """Drawn again it stays flawless, which would look like certainty; Wilson's interval does not have that fault."""
    found = by_name(((5, 0), (0, 5)))

    assert (found["f1", None].value, found["f1", None].low, found["f1", None].high) == (1.0, None, None)
    assert found["accuracy", None].low < 0.8


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [([0, 1], [0], "2 labels, but 1 predictions"), ([0, 2], [0, 1], "expected 0 to 1"), ([0], [-1], "expected 0 to 1")],
)
def test_classes_that_do_not_exist_are_refused(labels, predicted, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, predicted, 2)
