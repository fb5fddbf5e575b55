"""What outputs mean by the task of a model, and how much two models' answers agree."""

import json
import warnings

import numpy as np
import pytest
from scipy.special import expit

from deploybench.exporters.checkpoints.task import read_head
from deploybench.exporters.errors import CheckpointError
from deploybench.exporters.head import Head, margins, same, same_order, sigmoid

LABELS = Head(task="multi-label", labels=("a", "b", "c"), thresholds=(0.5, 0.9, 0.1))
SCORE = Head(task="score", labels=("score",))
LOGITS = np.array([[3.0, 1.0, -3.0], [-1.0, 3.0, -1.0], [-0.1, 0.0, -2.5]], dtype=np.float32)


def head(tmp_path, **config):
    return read_head(tmp_path / "config.json", json.loads(json.dumps(config)))


def test_a_label_is_given_above_its_own_threshold():
    assert LABELS.answers(LOGITS).tolist() == (expit(LOGITS) > np.array([0.5, 0.9, 0.1])).astype(int).tolist()
    assert LABELS.answers(LOGITS).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]


def test_labels_agree_by_their_micro_f1():
    other = LOGITS.copy()
    other[1, 2] = -3.0  # of three labels one

    assert LABELS.agreement(LOGITS, other) == pytest.approx(2 * 2 / (3 + 2))
    assert LABELS.agreement(LOGITS, LOGITS - 100) == 0.0
    assert LABELS.agreement(LOGITS - 100, LOGITS - 200) == 1.0  # neither gives any
    assert LABELS.changed(LOGITS, other) == pytest.approx(1 / 3)
    assert same(LABELS.answers(LOGITS), LABELS.answers(other)).tolist() == [True, False, True]


def test_scores_agree_by_the_variance_that_they_explain():
    one = np.array([[1.0], [2.0], [3.0], [4.0]], dtype=np.float32)

    assert SCORE.agreement(one, one) == 1.0
    assert SCORE.agreement(one, one + 0.5) == pytest.approx(1 - 0.25 / 1.25)
    assert SCORE.agreement(one, -one) == 0.0
    assert (SCORE.agreement(one * 0, one * 0), SCORE.agreement(one * 0, one)) == (1.0, 0.0)
    assert SCORE.changed(one, one[[0, 1, 3, 2]]) == pytest.approx(1 / 6)
    assert LABELS.changed(LOGITS, -LOGITS) == 1.0


def test_the_order_of_pairs():
    one = np.array([1.0, 2.0, 3.0, 4.0])

    assert same_order(one, one * 7 - 2) == 1.0
    assert same_order(one, -one) == 0.0
    assert same_order(one, np.array([1.0, 2.0, 4.0, 3.0])) == pytest.approx(5 / 6)
    assert same_order(one, np.ones(4)) == 0.0
    assert same_order(np.ones(4), np.ones(4)) == 1.0
    assert same_order(np.ones(4), one) == 1.0  # nothing is in an order
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same_order(one[:1], one[1:2]) == 1.0


@pytest.mark.parametrize("values", [[-800.0, -1.0, 0.0, 1.0, 800.0]])
def test_sigmoid_is_that_of_scipy_without_overflow(values):
    with np.errstate(all="raise", under="ignore"):
        assert sigmoid(np.array(values)) == pytest.approx(expit(values), abs=1e-15)


@pytest.mark.parametrize("one", [LABELS, SCORE, Head(task="single-label", labels=("a", "b", "c"))])
def test_a_margin_is_below_zero_where_the_answer_changes(one):
    random = np.random.default_rng(0)
    before = random.normal(size=(200, len(one.labels))).astype(np.float32)
    after = before + random.normal(0, 0.5, before.shape).astype(np.float32)
    kept, found = margins(one, before, after)

    assert (kept >= 0).all()
    if one.task == "score":
        assert ((found < 0) == (np.diff(before[:, 0]) * np.diff(after[:, 0]) < 0)).all()
    else:
        assert ((found < 0) == ~same(one.answers(before), one.answers(after))).all()


@pytest.mark.parametrize(
    ("config", "task"),
    [
        ({}, "single-label"),
        ({"problem_type": "single_label_classification"}, "single-label"),
        ({"id2label": {"0": "x"}}, "score"),
        ({"num_labels": 1}, "score"),
        ({"id2label": {"0": "x"}, "problem_type": "regression"}, "score"),
        ({"problem_type": "multi_label_classification"}, "multi-label"),
        ({"id2label": {"0": "toxic"}, "problem_type": "multi_label_classification"}, "multi-label"),
    ],
)
def test_the_task_is_that_of_the_configuration(tmp_path, config, task):
    assert head(tmp_path, **config).task == task


@pytest.mark.parametrize(
    ("config", "applied"),
    [
        ({}, False),
        ({"sentence_transformers": {"version": "5"}}, True),  # a CrossEncoder's default
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, False),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"}, True),
        ({"sbert_ce_default_activation_function": None}, True),
    ],
)
def test_a_score_is_the_sigmoid_where_the_configuration_says_so(tmp_path, config, applied):
    assert head(tmp_path, num_labels=1, **config).sigmoid is applied


@pytest.mark.parametrize(
    ("found", "thresholds"),
    [(None, (0.5, 0.5)), (0.3, (0.3, 0.3)), ([0.2, 0.8], (0.2, 0.8)), ({"LABEL_1": 0.7}, (0.5, 0.7))],
)
def test_thresholds_of_the_configuration(tmp_path, found, thresholds):
    config = {"problem_type": "multi_label_classification", **({} if found is None else {"thresholds": found})}

    assert head(tmp_path, **config).thresholds == thresholds


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"problem_type": "ranking"}, "problem_type is 'ranking', expected one of single_label_classification, "),
        ({"problem_type": "regression"}, "has 2 outputs and problem_type 'regression', expected one score"),
        ({"num_labels": 1, "problem_type": "single_label_classification"}, "has one class, expected 2 or more"),
        ({"num_labels": 0}, "num_labels is 0, expected a whole number"),
        ({"thresholds": [0.5]}, r"thresholds is \[0.5\], expected a probability between 0 and 1 for each of 2 labels"),
        ({"thresholds": [0.5, 1]}, "thresholds has 1, expected a probability"),
        ({"thresholds": [None, 0.5]}, "thresholds has None, expected a probability"),
        ({"thresholds": [[0.5], 0.5]}, r"thresholds has \[0.5\], expected a probability"),
        ({"thresholds": {"LABEL_1": None}}, "thresholds has None, expected a probability"),
        (
            {"num_labels": 1, "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Tanh"}},
            "the activation of the score is torch.nn.modules.activation.Tanh, expected Sigmoid or Identity; write Identity to",
        ),
        (
            {"problem_type": "multi_label_classification", "id2label": {"0": "x", "1": "x"}},
            "id2label names two labels 'x', expected a name of its own for each; rename one",
        ),
        ({"thresholds": "half"}, "thresholds is 'half', expected a probability"),
        ({"thresholds": {"LABEL_2": 0.5}}, "thresholds names the label 'LABEL_2'; did you mean 'LABEL_1'"),
    ],
)
def test_a_configuration_that_says_no_task_is_refused(tmp_path, config, message):
    config = {"problem_type": "multi_label_classification", **config} if "thresholds" in config else config
    with pytest.raises(CheckpointError, match=message):
        head(tmp_path, **config)
