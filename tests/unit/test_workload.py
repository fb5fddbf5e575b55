"""Batches: sizes, lengths, masks, and an order that can be undone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deploybench.bench.measure.workload import PADDINGS, Policy, full_batch, parity_batches, scoring_batches
from deploybench.exporters.checkpoints.tokenization import Pad, padded_batch

texts = st.lists(
    st.lists(st.integers(10, 99), min_size=1, max_size=30).map(lambda inner: [2, *inner, 3]), min_size=1, max_size=30
)


@given(tokens=texts, size=st.integers(1, 9), length=st.integers(3, 70))
def test_a_full_batch_is_all_real_tokens(tokens, size, length):
    ids, mask = full_batch(tokens, size, length)

    assert ids.shape == mask.shape == (size, length)
    assert ids.dtype == mask.dtype == np.int64
    assert mask.all()
    assert (ids[:, 0] == 2).all()
    assert (ids[:, -1] == 3).all()
    assert not np.isin(ids[:, 1:-1], (2, 3)).any()


@given(tokens=texts)
def test_padding_is_masked_and_comes_last(tokens):
    ids, mask = padded_batch(tokens, Pad(0))

    assert ids.shape[1] == max(map(len, tokens))
    for row, text in enumerate(tokens):
        assert ids[row, : len(text)].tolist() == text
        assert not ids[row, len(text) :].any()
        assert mask[row].sum() == len(text)


@given(tokens=texts, length=st.integers(0, 60))
def test_padding_on_the_left_comes_first(tokens, length):
    ids, mask = padded_batch(tokens, Pad(9, "left"), length)

    assert ids.shape[1] == max(length, *map(len, tokens))
    for row, text in enumerate(tokens):
        assert ids[row, -len(text) :].tolist() == text
        assert (ids[row, : -len(text)] == 9).all()
        assert mask[row, -len(text) :].all()
        assert mask[row].sum() == len(text)


@given(tokens=texts, size=st.integers(1, 9), padding=st.sampled_from(PADDINGS))
def test_scoring_batches_hold_every_text_once(tokens, size, padding):
    made = scoring_batches(tokens, Pad(0), Policy(padding=padding, batch_size=size), 40)
    rows = [row[mask == 1].tolist() for ids, masks in made.batches for row, mask in zip(ids, masks, strict=True)]

    assert sorted(made.order) == list(range(len(tokens)))
    assert rows == [tokens[row] for row in made.order]
    assert all(len(ids) <= size for ids, _ in made.batches)
    assert made.computed_tokens == sum(mask.size for _, mask in made.batches)


def test_what_each_padding_computes():
    tokens = [[2, *range(10, 10 + inner), 3] for inner in (1, 6, 2, 5)]

    def lengths(padding):
        made = scoring_batches(tokens, Pad(0), Policy(padding=padding, batch_size=2), 40)
        return [ids.shape[1] for ids, _ in made.batches], made.order

    assert lengths("max_length") == ([40, 40], (0, 1, 2, 3))
    assert lengths("longest") == ([8, 7], (0, 1, 2, 3))
    assert lengths("bucketed") == ([8, 4], (1, 3, 2, 0))


def test_parity_is_tried_at_several_shapes_and_paddings():
    tokens = [[2, *range(10, 14 + i % 9), 3] for i in range(40)]

    batches = parity_batches(tokens, Pad(0), 64)

    shapes = {ids.shape for ids, _ in batches}
    padded = {round(1 - float(mask.mean()), 2) for _, mask in batches}
    assert len(shapes) >= 4
    assert (1, 64) in shapes
    assert max(padded) > 0.5
    assert 0.0 in padded
