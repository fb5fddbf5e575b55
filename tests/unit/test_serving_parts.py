"""Parts of the server: what a request asks, and which waiting texts are computed together."""

import json
import socket
from types import SimpleNamespace

import numpy as np
import pytest
from builders import word_tokenizer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from deploybench.exporters.checkpoints.tokenization import tokenise
from deploybench.exporters.serving.server.answers import Head
from deploybench.exporters.serving.server.batching import Batcher, chosen
from deploybench.exporters.serving.server.refused import Refused
from deploybench.exporters.serving.server.request import read_request
from deploybench.exporters.serving.server.settings import Settings
from deploybench.exporters.serving.server.texts import Texts

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda some: st.lists(some, max_size=4), max_leaves=6
)


@given(
    st.binary(max_size=40)
    | st.dictionaries(st.sampled_from(["inputs", "truncate", "raw_scores", "x"]), ANYTHING).map(
        lambda one: json.dumps(one).encode()
    ),
    st.booleans(),
)
def test_any_body_is_texts_or_refused(body, pairs):
    try:
        found = read_request(body, pairs=pairs, most=3, truncate=True)
    except Refused as error:
        found = error
    if isinstance(found, Refused):
        assert found.status in {400, 413, 422}
        assert set(found.body) == {"error", "error_type"}
        return
    assert 1 <= len(found.texts) <= 3
    assert all(len(text) == 1 + pairs and all(part.strip() for part in text) for text in found.texts)


@pytest.mark.parametrize(
    ("inputs", "pairs", "texts", "batch"),
    [
        ("a", False, [("a",)], False),
        (["a"], False, [("a",)], False),
        ([["a"], ["b"]], False, [("a",), ("b",)], True),
        (["a", "b"], True, [("a", "b")], False),
        ([["a", "b"]], True, [("a", "b")], True),
    ],
)
def test_inputs_are_those_of_text_embeddings_inference(inputs, pairs, texts, batch):
    asked = read_request(json.dumps({"inputs": inputs}).encode(), pairs=pairs, most=8, truncate=False)
    assert (asked.texts, asked.batch, asked.truncate, asked.raw_scores) == (texts, batch, False, False)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"inputs": NaN}', 400, "the body is no JSON"),
        (b'{"inputs": "a", "x": Infinity}', 400, "the body is no JSON"),
        (b'{"inputs": "a", "truncation_direction": "Left"}', 422, "truncation_direction: texts are cut on the right"),
    ],
)
def test_what_would_be_answered_otherwise_than_asked_is_refused(body, status, error):
    with pytest.raises(Refused, match=error) as caught:
        read_request(body, pairs=False, most=8, truncate=True)
    assert caught.value.status == status


def test_the_side_on_which_texts_are_cut_may_be_named():
    body = b'{"inputs": "a", "truncation_direction": "Right"}'

    assert read_request(body, pairs=False, most=8, truncate=True).texts == [("a",)]


# Texts of a pair


@pytest.fixture(params=["right", "left"])
def pair_folder(request, tmp_path):
    """An artifact's folder with the tokenizer of a model of pairs, which reads 12 tokens."""
    tokenizer = word_tokenizer(model_max_length=12)
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    file = str(tmp_path / "tokenizer" / "tokenizer.json")
    fast = Tokenizer.from_file(file)
    fast.enable_truncation(12, direction=request.param)
    fast.save(file)
    (tmp_path / "tokenizer" / "inputs.json").write_text('{"pairs": true, "typed": true}')
    return tmp_path


WORDS = st.lists(st.sampled_from(["the", "minister", "said", "budgets", "passed!", "x" * 9]), min_size=1, max_size=400)


@pytest.mark.process
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(WORDS, WORDS)
def test_long_pairs_have_the_tokens_that_they_have_when_nothing_is_cut_before(pair_folder, first, second):
    pair = " ".join(first), " ".join(second)
    plain = Tokenizer.from_file(str(pair_folder / "tokenizer" / "tokenizer.json"))
    expected = plain.encode(*pair)
    [served] = Texts(pair_folder).tokens([pair])
    [scored] = tokenise(pair_folder / "tokenizer", [pair], 12)

    assert served.ids == expected.ids
    assert served.types == expected.type_ids
    assert served.truncated == bool(expected.overflowing)
    assert list(scored) == expected.ids


@pytest.mark.process
def test_a_pair_of_many_words_is_read_by_its_ends_alone(pair_folder):
    """Tokenizers would keep the pieces of one text with those of the other: some 10,000 × 10,000."""
    texts = Texts(pair_folder)
    seen = []
    real = texts._tokenizer
    texts._tokenizer = SimpleNamespace(
        encode_batch_fast=lambda given: seen.extend(given) or real.encode_batch_fast(given)
    )
    texts.tokens([("minister " * 100_000, "budget " * 100_000)])

    assert [len(part.split()) < 200 for part in seen[0]] == [True, True]


def waiting(lengths):
    return [SimpleNamespace(tokens=range(length), place=place) for place, length in enumerate(lengths)]


@given(st.lists(st.integers(1, 512), min_size=1, max_size=40), st.integers(1, 9))
def test_a_batch_has_the_oldest_text_and_little_padding(lengths, most):
    batch = [len(one.tokens) for one in chosen(waiting(lengths), most)]

    assert batch[0] == lengths[0]
    assert len(batch) <= most
    assert max(batch) * len(batch) * 0.75 <= sum(batch)


def test_a_batch_takes_the_nearest_lengths():
    assert [one.place for one in chosen(waiting([100, 400, 99, 101, 10, 100]), 8)] == [0, 5, 2, 3, 4]
    assert [one.place for one in chosen(waiting([100, 100, 100]), 2)] == [0, 1]
    assert [one.place for one in chosen(waiting([100, 100, 100]), 1)] == [0]


def batcher(seconds_a_text):
    """Of two instances; a text may wait for a second."""
    made = Batcher(SimpleNamespace(batched=True), SimpleNamespace(), most=1, max_queue=99, max_wait_s=1.0)
    made._threads = [None, None]
    made._text.add(seconds_a_text)
    return made


def test_a_burst_may_wait_for_longer_than_a_queue_that_does_not_empty():
    own = batcher(0.1)

    assert not own.is_overloaded(20, 0.0)  # 0.9 s
    assert own.is_overloaded(24, 0.0)
    own._calm -= 10  # no request has found a free instance since
    assert own.is_overloaded(20, 0.0)
    assert not own.is_overloaded(6, 0.0)  # 0.2 s
    assert not own.is_overloaded(1, 0.0)  # one that finds a free instance
    assert not own.is_overloaded(20, 0.0)


def test_a_batch_that_a_standstill_made_long_is_no_measure_of_the_next():
    own = batcher(0.01)
    text = [SimpleNamespace(tokens=range(10))]
    for _ in range(100):
        own._done(text, 0.01)
    own._done(text, 60.0)

    assert own._text.mean == pytest.approx(0.011)
    for _ in range(200):  # that every batch now takes, it learns
        own._done(text, 60.0)
    assert own._text.mean == pytest.approx(60, rel=0.01)


def test_the_mean_of_a_cascades_batches_has_its_long_ones():
    """One of seven needs the last stage."""
    own = batcher(0.2)
    means = []
    for place in range(700):
        own._done([SimpleNamespace(tokens=range(10))], 8.0 if place % 7 == 0 else 0.2)
        means.append(own._text.mean)

    assert np.mean(means[100:]) == pytest.approx((8.0 + 6 * 0.2) / 7, rel=0.05)


@pytest.mark.process
def test_small_answers_are_not_held_back_by_nagles_algorithm():
    """asyncio turns it off for sockets whose protocol is named."""
    from deploybench.exporters.serving.server.__main__ import _listen

    with _listen(Settings(port=0)) as made:
        assert made.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("manifest", "logits", "scores"),
    [
        ({}, [0.0, 0.0], [0.5, 0.5]),
        ({}, [-1000.0, 1000.0], [1.0, 0.0]),
        ({"task": "multi-label"}, [0.0, -np.log(3)], [0.5, 0.25]),
        ({"task": "score"}, [3.5], [3.5]),
        ({"task": "score", "sigmoid": True}, [0.0], [0.5]),
    ],
)
def test_scores_are_of_the_task(tmp_path, manifest, logits, scores):
    labels = ["x", "y"][: len(logits)]
    (tmp_path / "manifest.json").write_text(json.dumps({"variant": "onnx-fp32", "labels": labels, **manifest}))
    head = Head(tmp_path)

    found = head.predictions(np.array(logits, dtype=np.float32), raw=False)
    assert [one["score"] for one in found] == pytest.approx(scores)
    raw = head.predictions(np.array(logits, dtype=np.float32), raw=True)
    assert [one["score"] for one in raw] == pytest.approx(sorted(logits, reverse=True))
    assert [one["label"] for one in raw] == [labels[place] for place in np.argsort(-np.array(logits), kind="stable")]
