"""Metrics on arrays, against scikit-learn and SciPy, and at the edges where they are undefined."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from deploybench.exporters import metrics
from deploybench.exporters.errors import DataError

sklearn = pytest.importorskip("sklearn.metrics")

SHAPES = st.tuples(st.integers(1, 30), st.integers(1, 6))
LABELS = SHAPES.flatmap(lambda shape: st.tuples(*[arrays.arrays(np.int8, shape, elements=st.integers(0, 1))] * 2))
ROUND = st.integers(-20, 20).map(lambda number: number / 4)  # many ties
ANY = st.floats(-1e6, 1e6, width=32)
SCORES = st.integers(2, 40).flatmap(
    lambda count: st.tuples(*[st.one_of(*(arrays.arrays(np.float64, count, elements=one) for one in (ROUND, ANY)))] * 2)
)


@given(LABELS)
def test_metrics_of_labels_are_those_of_scikit_learn(pair):
    true, found = pair
    counts = metrics.label_counts(true, found)
    # A single column is read by scikit-learn as binary classes, of which the second is the label.
    average = {"average": None} if true.shape[1] > 1 else {"average": "binary"}
    precision, recall, f1, _ = sklearn.precision_recall_fscore_support(true, found, zero_division=0, **average)

    assert counts.precision == pytest.approx(np.atleast_1d(precision), abs=1e-9)
    assert counts.recall == pytest.approx(np.atleast_1d(recall), abs=1e-9)
    assert counts.f1 == pytest.approx(np.atleast_1d(f1), abs=1e-9)
    matrices = sklearn.multilabel_confusion_matrix(true, found, labels=[1] if true.shape[1] == 1 else None)
    assert [*zip(counts.both, counts.given, counts.missed, strict=True)] == [
        (int(one[1, 1]), int(one[0, 1]), int(one[1, 0])) for one in matrices
    ]
    assert metrics.subset_accuracy(true, found) == pytest.approx(sklearn.accuracy_score(true, found), abs=1e-9)
    if true.shape[1] > 1:
        for name in ("macro", "micro"):
            expected = sklearn.f1_score(true, found, average=name, zero_division=0)
            assert getattr(metrics, f"{name}_f1")(true, found) == pytest.approx(expected, abs=1e-9)


@given(SCORES)
def test_metrics_of_scores_are_those_of_scipy_and_scikit_learn(pair):
    true, found = pair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        spearman = float(stats.spearmanr(true, found).statistic)
        pearson = float(stats.pearsonr(true, found).statistic)

    assert metrics.spearman(true, found) == pytest.approx(spearman, abs=1e-9, nan_ok=True)
    assert metrics.pearson(true, found) == pytest.approx(pearson, abs=1e-9, nan_ok=True)
    expected = sklearn.mean_absolute_error(true, found)
    assert metrics.mean_absolute_error(true, found) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_label_that_never_occurs_counts_as_zero():
    true, found = [[1, 0], [1, 0]], [[1, 0], [1, 0]]

    assert metrics.label_counts(true, found).f1.tolist() == [1.0, 0.0]
    assert metrics.macro_f1(true, found) == 0.5
    assert metrics.micro_f1(true, found) == metrics.subset_accuracy(true, found) == 1.0
    assert metrics.micro_f1([[0, 0]], [[0, 0]]) == 0.0


def test_a_correlation_with_equal_scores_is_no_number():
    for true, found in (([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [0, 0, 0]), ([1], [1])):
        assert math.isnan(metrics.spearman(true, found))
        assert math.isnan(metrics.pearson(true, found))
    assert metrics.mean_absolute_error([1, 1, 1], [1, 2, 3]) == 1.0


def test_scores_in_the_same_order_correlate_fully_by_rank_alone():
    assert metrics.spearman([1, 2, 3], [1, 10, 100]) == pytest.approx(1.0)
    assert metrics.spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert metrics.pearson([1, 2, 3], [1, 10, 100]) < 0.95


def test_labels_as_zero_and_one():
    assert metrics.multi_hot([(0, 2), (), (1,)], 3).tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(("true", "found"), [([[1, 0]], [[1, 0, 0]]), ([1, 0], [1, 0]), (np.zeros((0, 2)),) * 2])
def test_arrays_of_other_shapes_are_refused(true, found):
    with pytest.raises(DataError, match="expected the same shape twice"):
        metrics.micro_f1(true, found)
