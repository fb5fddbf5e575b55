"""Texts in other company: each in its place again, and what depends on its neighbours is seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploybench.bench.measure import invariance
from deploybench.bench.measure.invariance import BATCH_SIZE, arrange, measure_invariance
from deploybench.bench.measure.workload import Sample
from deploybench.bench.runs.metrics import ARRANGEMENTS
from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.checkpoints.tokenization import Pad, tokenise
from deploybench.exporters.errors import WorkerError

texts = st.lists(
    st.lists(st.integers(10, 99), min_size=1, max_size=30).map(lambda inner: [2, *inner, 3]), min_size=1, max_size=30
)


@given(tokens=texts, arrangement=st.sampled_from(ARRANGEMENTS))
def test_every_text_is_asked_once_and_known_again(tokens, arrangement):
    batches, order = arrange(Sample(tokens=tokens, pad=Pad(0), max_length=40), arrangement)
    rows = [
        ids[row][mask[row] == 1].tolist()
        for (ids, mask), chosen in zip(batches, order, strict=True)
        for row in range(len(chosen))
    ]

    assert rows == [tokens[number] for chosen in order for number in chosen]
    assert sorted(number for chosen in order for number in chosen) == list(range(len(tokens)))
    assert all(len(ids) <= BATCH_SIZE for ids, _ in batches)
    if arrangement == "long_neighbour":
        assert all(mask.sum(axis=1)[-1] == 40 for _, mask in batches)
    if arrangement == "padded":
        assert all(ids.shape[1] == 40 for ids, _ in batches)


@pytest.fixture(scope="module")
def sample(checkpoint_folder):
    return Sample(tokens=tokenise(checkpoint_folder, corpus.corpus("test")[0][:32], 64), pad=Pad(0), max_length=64)


def test_floats_do_not_depend_on_the_company_and_one_scale_for_a_batch_does(artifacts, sample):
    floats = measure_invariance("onnx-fp32", artifacts("onnx-fp32"), sample, 1)
    integers = measure_invariance("onnx-int8-dynamic", artifacts("onnx-int8-dynamic"), sample, 1)

    assert max(floats.changes) < 1e-5
    assert floats.flips == (0.0, 0.0, 0.0)
    assert min(integers.changes) > 1e-4


class ByNeighbour:
    """A worker whose answer is the length of the batch, so that company is all that counts."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def start(self, *_):
        pass

    def predict(self, batches):
        return [
            (np.stack([np.zeros(len(ids)), np.full(len(ids), ids.shape[1] - 35.0)], axis=1), 0.1) for ids, _ in batches
        ]


def test_flips_and_changes_are_counted_by_text(monkeypatch, tmp_path):
    monkeypatch.setattr(invariance, "Worker", ByNeighbour)
    found = measure_invariance(
        "onnx-fp32", tmp_path, Sample(tokens=[[2, 7, 3]] * 30 + [[2, *[7] * 38]] * 10, pad=Pad(0), max_length=40), 1
    )

    assert found.flips[1:] == (0.75, 0.75)
    assert found.changes[1:] == (37.0, 37.0)
    assert 0 < found.flips[0] <= 0.75


def test_what_is_no_number_is_said(monkeypatch, tmp_path):
    class NoNumber(ByNeighbour):
        def predict(self, batches):
            return [(np.full((len(ids), 2), np.nan), 0.1) for ids, _ in batches]

    monkeypatch.setattr(invariance, "Worker", NoNumber)
    with pytest.raises(WorkerError, match="onnx-fp32: logits are not finite"):
        measure_invariance("onnx-fp32", tmp_path, Sample(tokens=[[2, 7, 3]], pad=Pad(0), max_length=40), 1)
