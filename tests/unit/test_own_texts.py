"""Texts that are timed at their own length: their distribution, and how they become batches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploybench.bench.measure.own_texts import mostly_cut, own_batches, sample
from deploybench.exporters.checkpoints.tokenization import Pad

LENGTHS = st.lists(st.integers(3, 60), min_size=1, max_size=200)


def of_lengths(lengths):
    return [[2, *[5] * (length - 2), 3] for length in lengths]


@given(LENGTHS, st.integers(1, 40))
def test_a_sample_has_the_quantiles_of_the_set(lengths, count):
    found = [lengths[place] for place in sample(lengths, count)]

    assert len(found) == count
    assert set(found) <= set(lengths)
    assert found == sorted(found)
    if count <= len(lengths):
        ordered = sorted(lengths)
        assert found == [ordered[int((part + 0.5) * len(lengths) / count)] for part in range(count)]


@pytest.mark.parametrize(("size", "batches"), [(1, 16), (2, 8), (8, 4), (32, 4)])
def test_a_batch_has_texts_of_similar_length_and_only_their_padding(size, batches):
    lengths = np.random.default_rng(0).integers(3, 60, 300)
    found = own_batches(of_lengths(lengths), size, Pad(id=0, side="right"))

    assert [ids.shape[0] for ids, _ in found] == [size] * batches
    assert all(mask.sum(axis=1).max() == ids.shape[1] for ids, mask in found)
    spans = sorted((mask.sum(axis=1).min(), mask.sum(axis=1).max()) for _, mask in found)
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))


def test_every_run_times_the_same_texts_in_the_same_order():
    tokens = of_lengths(range(3, 60))
    first, second = (own_batches(tokens, 1, Pad(id=0, side="right")) for _ in range(2))

    assert [ids.shape for ids, _ in first] == [ids.shape for ids, _ in second]
    assert [ids.shape for ids, _ in first] != sorted(ids.shape for ids, _ in first)


@pytest.mark.parametrize(
    ("lengths", "limit", "cut"), [((8, 8, 5), 8, True), ((8, 5, 5), 8, False), ((9, 9), None, False)]
)
def test_a_set_whose_texts_are_mostly_cut_has_one_length(lengths, limit, cut):
    assert mostly_cut(of_lengths(lengths), limit) is cut
