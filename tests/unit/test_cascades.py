"""Cascades: their names, the bound that certifies a threshold, and which stage answers which text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import beta

from deploybench.bench.score.cascading import run_stages
from deploybench.exporters.artifacts.catalogue import check_variant_name, find_variant
from deploybench.exporters.cascades.answering import answer_in_stages, chance_of_class, shortened
from deploybench.exporters.cascades.certified import certify, fewest_texts, thresholds
from deploybench.exporters.cascades.names import Stage, is_cascade, stages_of
from deploybench.exporters.checkpoints.tokenization import Pad, TypedIds, padded_batch
from deploybench.exporters.errors import ExportError, UnknownVariantError
from deploybench.exporters.inspection.executed import executed_precision

# Names


def test_a_name_says_the_stages_in_their_order():
    name = "linear-tokens+onnx-int8-dynamic@128+onnx-int8-dynamic"

    assert is_cascade(name)
    assert not is_cascade("onnx-int8-dynamic")
    assert stages_of(name) == (
        Stage("linear-tokens"),
        Stage("onnx-int8-dynamic", 128),
        Stage("onnx-int8-dynamic"),
    )
    assert "+".join(stage.name for stage in stages_of(name)) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("linear-tokens+onnx-fp32@128", "its last stage reads 128 tokens, expected all"),
        ("onnx-fp32+onnx-fp32", "has a stage twice"),
        ("onnx-fp32@x+onnx-fp32", "'onnx-fp32@x' is no stage"),
        ("onnx-fp32@3+onnx-fp32", "with 4 tokens or more"),
        ("onnx-fp32@+onnx-fp32", "'onnx-fp32@' is no stage"),
        ("onnx-fp23+onnx-fp32", "unknown variant 'onnx-fp23'; did you mean 'onnx-fp32'?"),
        ("+onnx-fp32", "unknown variant ''"),
    ],
)
def test_what_is_no_cascade_is_one_line(name, message):
    with pytest.raises(UnknownVariantError) as caught:
        check_variant_name(name)
    assert message in str(caught.value)


def test_a_cascade_is_a_variant_of_its_last_stages_format():
    found = find_variant("linear-tokens+onnx-int8-dynamic")

    assert find_variant("linear-tokens+onnx-int8-dynamic") is found
    assert (found.base, found.stages, found.precision) == ("onnx-int8-dynamic", ("linear-tokens",), "int8")
    assert not found.default
    assert {"onnxruntime", "scipy"} <= set(found.packages)


# Certified thresholds


def test_the_bound_is_exact():
    """The threshold is the loosest before the first whose upper Clopper-Pearson limit is above the bound."""
    random = np.random.default_rng(0)
    confident = random.uniform(0.5, 1, 1000)
    differs = random.uniform(size=1000) < (1 - confident) / 3
    found = certify(confident, differs)
    upper = [
        beta.ppf(0.95, (wrong := int(((confident >= one) & differs).sum())) + 1, 1000 - wrong) for one in thresholds()
    ]
    first_above = next(place for place, one in enumerate(upper) if one > 0.01)

    assert found.threshold == thresholds()[first_above - 1]
    assert found.answered == (confident >= found.threshold).sum()
    assert found.wrong == ((confident >= found.threshold) & differs).sum()


@pytest.mark.parametrize("bound", [0.005, 0.01, 0.05])
def test_the_fewest_texts_are_those_with_which_nothing_wrong_is_enough(bound):
    fewest = fewest_texts(bound, 0.95)
    right = np.zeros(fewest, dtype=bool)

    assert certify(np.ones(fewest), right, bound=bound).threshold < 1
    assert certify(np.ones(fewest - 1), right[1:], bound=bound).threshold > 1


def test_a_stage_that_is_wrong_when_it_is_sure_answers_nothing():
    found = certify(np.ones(1000), np.arange(1000) < 100)

    assert (found.threshold, found.answered) == (2.0, 0)


@pytest.mark.parametrize("slope", [0.2, 0.5, 1.0])
def test_the_guarantee_holds_in_simulated_calibrations(slope):
    """Of 200 calibrations at most 5 % may exceed the bound, beside chance: 95 % sure of each."""
    random, beyond = np.random.default_rng(1), 0
    for _ in range(200):
        confident = 1 - random.beta(0.5, 4, 600) / 2
        found = certify(confident, random.uniform(size=600) < slope * (1 - confident))
        # The true share: of confidences c above the threshold, slope x (1 - c).
        drawn = 1 - random.beta(0.5, 4, 100_000) / 2
        beyond += np.where(drawn >= found.threshold, slope * (1 - drawn), 0.0).mean() > 0.01
    assert beyond <= 18  # 200 x 5 % and 3 standard deviations


# Answering


def stage_of(weights, seen):
    """A model of ids alone: padding changes nothing; it notes what it is given."""

    def predict(inputs):
        seen.append(inputs)
        return (weights[inputs["input_ids"]] * inputs["attention_mask"][..., None]).sum(axis=1).astype(np.float32)

    return predict


@st.composite
def batches(draw):
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=6))
    left = draw(st.booleans())
    width = max(lengths) + draw(st.integers(0, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids, mask = np.zeros((len(lengths), width), dtype=np.int64), np.zeros((len(lengths), width), dtype=np.int64)
    for row, length in enumerate(lengths):
        place = slice(width - length, width) if left else slice(length)
        ids[row, place], mask[row, place] = random.integers(1, 20, length), 1
    return {"input_ids": ids, "attention_mask": mask}, random


def real(inputs):
    return [ids[mask == 1].tolist() for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)]


@settings(max_examples=200)
@given(batches(), st.none() | st.integers(4, 8))
def test_shortening_keeps_every_text_or_its_ends(drawn, tokens):
    inputs, _ = drawn
    before, after = real(inputs), real(short := shortened(inputs, tokens))

    assert short["input_ids"].shape[1] == max(map(len, after))
    for long, kept in zip(before, after, strict=True):
        if tokens is None or len(long) <= tokens:
            assert kept == long
        else:
            assert kept == [*long[: tokens - 1], long[-1]]


@settings(max_examples=200)
@given(batches(), st.floats(0.3, 1.0), st.floats(0.3, 1.0), st.none() | st.integers(4, 6))
def test_each_text_is_answered_by_the_first_stage_that_is_sure(drawn, first, second, tokens):
    inputs, random = drawn
    weights = [random.normal(size=(20, 3)) for _ in range(3)]
    seen = [[], [], []]
    limits = [(tokens, first), (None, second), (None, 0.0)]
    models = [stage_of(one, calls) for one, calls in zip(weights, seen, strict=True)]
    stages = [(model, *limit) for model, limit in zip(models, limits, strict=True)]
    found, answered = answer_in_stages(inputs, stages)

    for row, ids in enumerate(real(inputs)):
        for stage, (own, (read, threshold)) in enumerate(  # noqa: B007 - the last one answers
            zip(weights, limits, strict=True)
        ):
            kept = ids if read is None or len(ids) <= read else [*ids[: read - 1], ids[-1]]
            logits = own[kept].sum(axis=0)
            if softmax(logits).max() >= threshold:
                break
        assert found[row] == pytest.approx(logits, abs=1e-4)
        assert answered[row] == stage
    assert all(len(calls) <= 1 for calls in seen)  # each stage computes one batch at most


def test_the_chance_of_a_class_is_the_softmax():
    logits = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32) * 100

    assert chance_of_class(logits) == pytest.approx(softmax(logits.astype(np.float64), axis=1).max(axis=1), abs=1e-12)


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 9), st.floats(0.3, 1.0), st.booleans())
def test_scoring_batches_anew_what_a_stage_is_not_sure_of(seed, size, threshold, typed):
    random = np.random.default_rng(seed)
    weights = random.normal(size=(2, 20, 3))
    lengths = random.integers(2, 12, size=random.integers(1, 40))
    texts = [random.integers(1, 20, size=length).tolist() for length in sorted(lengths, reverse=True)]
    texts = [TypedIds(ids, [0] * len(ids)) for ids in texts] if typed else texts
    pad = Pad(0, side="left" if seed % 2 else "right")
    made = [padded_batch(texts[start : start + size], pad) for start in range(0, len(texts), size)]
    ran, done = [], []

    def run(batches, stage):
        ran.append([len(ids) for ids, *_ in batches])
        assert {len(batch) for batch in batches} == {3 if typed else 2}
        return [(weights[stage][ids] * mask[..., None]).sum(axis=1).astype(np.float32) for ids, mask, *_ in batches]

    found = run_stages(made, (threshold, 0.0), run, pad, done.append)

    assert [len(one) for one in found] == [len(ids) for ids, *_ in made]
    assert sum(done) == len(texts)
    unsure = 0
    for ids, logits in zip(texts, np.concatenate(found), strict=True):
        first, second = (weights[stage][list(ids)].sum(axis=0) for stage in (0, 1))
        sure = softmax(first).max() >= threshold
        unsure += not sure
        assert logits == pytest.approx(first if sure else second, abs=1e-4)
    assert sum(ran[1]) == unsure if unsure else len(ran) == 1
    assert all(one == size for one in ran[-1][:-1]) or len(ran) == 1  # all but the last are full


def test_its_number_formats_are_those_of_its_stages(tmp_path):
    with pytest.raises(ExportError, match="it runs its stages, each in the formats of that variant's own row"):
        executed_precision("linear-tokens+onnx-fp32", tmp_path, 1, ())
