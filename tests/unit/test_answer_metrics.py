"""Metrics of several labels and of scores equal scikit-learn's and scipy's, for the examples and for resamples of them."""

import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from deploybench.bench.measure.label_sets import Counts
from deploybench.bench.measure.scores import CUT, mean_of, ndcg, of_queries, pearson, spearman
from deploybench.bench.statistics import bootstrapped, resampled_examples

EXACT = {"abs": 1e-9}
SIZES = [2, 5, 40, 400]


def scores_of(random, size):
    """Labels with ties, and scores with ties that follow them."""
    labels = random.integers(0, 4, size).astype(float)
    labels[0] = labels.max() + 1  # never all equal
    return labels, np.round(random.normal(size=size) + labels, 1)


def weights_of(size, rows=6):
    """The examples themselves, then some resamples."""
    return resampled_examples(size)[:rows]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", SIZES)
def test_correlations_equal_those_of_scipy_on_the_examples_and_on_resamples(size, seed):
    labels, scores = scores_of(np.random.default_rng(seed), size)
    weights = weights_of(size)
    found = {"spearman": spearman(labels, scores, weights), "pearson": pearson(labels, scores, weights)}
    for row, times in enumerate(weights):
        drawn = np.repeat(labels, times), np.repeat(scores, times)
        with warnings.catch_warnings():  # constant input
            warnings.simplefilter("ignore")
            wanted = {"spearman": stats.spearmanr(*drawn).statistic, "pearson": stats.pearsonr(*drawn).statistic}
        for name, value in wanted.items():
            assert found[name][row] == pytest.approx(value, **EXACT, nan_ok=True), (name, row)


def test_the_error_is_the_mean_of_absolute_differences():
    labels, scores = scores_of(np.random.default_rng(0), 50)
    found = mean_of(np.abs(scores - labels), weights_of(50))

    assert found[0] == pytest.approx(metrics.mean_absolute_error(labels, scores), **EXACT)
    assert found[1] != found[0]


@pytest.mark.parametrize("constant", ["labels", "scores"])
def test_a_correlation_with_equal_values_is_undefined(constant):
    labels, scores = scores_of(np.random.default_rng(0), 20)
    labels, scores = (np.ones(20), scores) if constant == "labels" else (labels, np.ones(20))
    figures = spearman(labels, scores, weights_of(20))

    assert np.isnan(figures[0])
    assert bootstrapped(figures) is None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [2, 8, 30])
def test_ndcg_equals_that_of_scikit_learn_with_ties(size, seed):
    labels, scores = scores_of(np.random.default_rng(seed), size)

    assert ndcg(labels, scores) == pytest.approx(metrics.ndcg_score([labels], [scores], k=CUT), **EXACT)


def test_queries_are_ranked_apart_and_those_without_an_answer_are_left_out():
    labels = np.array([0, 1, 0, 0, 0, 2, 0], dtype=float)
    scores = np.array([0.9, 0.5, 0.1, 0.3, 0.2, 0.8, 0.8], dtype=float)
    queries = np.array(["b", "b", "b", "c", "c", "a", "a"])
    gains, reciprocals = of_queries(labels, scores, queries)

    first, second = (metrics.ndcg_score([labels[part]], [scores[part]], k=CUT) for part in (slice(5, 7), slice(0, 3)))
    assert gains == pytest.approx([first, second], **EXACT)
    assert reciprocals.tolist() == [1 / 2, 1 / 2]  # of "a" a document with the same score comes first


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", SIZES)
def test_figures_of_labels_equal_those_of_scikit_learn(size, seed):
    random = np.random.default_rng(seed)
    labels, given = (random.integers(0, 2, (size, 6)).astype(np.int8) for _ in range(2))
    labels[:, 4] = given[:, 5] = labels[:, 5] = 0  # a label that no text has, and one that nothing gives either
    weights = weights_of(size)
    counts = Counts.of(labels, given, weights)
    for row, times in enumerate(weights):
        drawn = np.repeat(labels, times, axis=0), np.repeat(given, times, axis=0)
        each = metrics.precision_recall_fscore_support(*drawn, average=None, zero_division=np.nan)
        for found, wanted in zip((counts.precision, counts.recall, counts.f1), each[:3], strict=True):
            assert found[row] == pytest.approx(wanted, **EXACT, nan_ok=True)
        for found, average in ((counts.macro_f1, "macro"), (counts.micro_f1, "micro")):
            wanted = metrics.f1_score(*drawn, average=average, zero_division=0)
            assert found[row] == pytest.approx(wanted, **EXACT)


def test_an_interval_of_resamples_holds_the_truth_in_nineteen_of_twenty_cases():
    """Coverage of the bootstrap of Spearman's correlation, whose truth is that of a large sample."""
    random, held = np.random.default_rng(0), 0
    labels = random.normal(size=200_000)
    truth = stats.spearmanr(labels, labels + random.normal(size=200_000)).statistic
    for _ in range(100):
        some = random.normal(size=150)
        found = bootstrapped(spearman(some, some + random.normal(size=150), resampled_examples(150)))
        held += found.low <= truth <= found.high

    assert 86 <= held <= 100
