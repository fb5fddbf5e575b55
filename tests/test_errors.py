"""Errors looked into: figures against reference implementations, samples that nobody picks, what people read of them.

The expected texts are ``tests/data/errors-*.txt``; after a wanted change write them anew and read their diff:
``UPDATE_GOLDEN=1 pytest tests/test_errors.py``.
"""

import io
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from bench.accuracy import confusion_matrix
from bench.errors.examples import sample_errors
from bench.errors.groups import Group, by_group
from bench.errors.lengths import LENGTHS, length_bins, typical
from bench.errors.shift import shift
from bench.fidelity.calibration import probabilities
from bench.measurement import Measurement
from bench.report.render import render
from bench.saved.predictions import Answers
from bench.saved.store import SetInfo, read_run
from bench.texts.data import LabelledSet

DATA = Path(__file__).parent / "data"
SAMPLE = DATA / "run-schema-1.json"
VARIANTS = ("torch-eager", "onnx-fp32", "openvino-int8")
CLOSE = 1e-9


@st.composite
def groups(draw):
    texts = draw(st.integers(1, 400))
    return Group(texts=texts, right=draw(st.integers(0, texts)))


@st.composite
def answered(draw):
    """What three variants, which mostly agree, made of some texts."""
    classes, texts = draw(st.integers(2, 4)), draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = random.integers(0, classes, texts)
    logits = random.standard_normal((texts, classes)) + np.eye(classes)[labels]
    noise = draw(st.floats(0, 1))
    return Answers(
        rows=np.array([f"{index:016x}" for index in range(texts)]),
        labels=labels,
        tokens=random.integers(1, 700, texts).astype(np.int32),
        logits={
            name: (logits + number * noise * random.standard_normal(logits.shape)).astype(np.float32)
            for number, name in enumerate(VARIANTS)
        },
    )


# groups, lengths, shifts


@settings(deadline=None)  # others may use the cores
@given(answered())
def test_accuracy_by_group_is_what_pandas_counts(answers):
    right = answers.logits["torch-eager"].argmax(axis=1) == answers.labels
    groups = by_group(answers.labels, right, 5)
    frame = pd.DataFrame({"group": answers.labels, "right": right}).groupby("group")["right"]
    sizes, means = frame.size().to_dict(), frame.mean().to_dict()

    assert [group.texts for group in groups] == [sizes.get(index, 0) for index in range(5)]
    assert [group.accuracy for group in groups] == pytest.approx([means.get(index) for index in range(5)], abs=CLOSE)
    for group in groups:
        if group.texts:
            expected = proportion_confint(group.right, group.texts, method="wilson")
            assert group.interval == pytest.approx(expected, abs=CLOSE)
        else:
            assert (group.accuracy, group.interval) == (None, (None, None))


@settings(deadline=None)  # others may use the cores
@given(groups(), groups())
def test_a_shift_has_the_interval_of_statsmodels(before, after):
    found = shift(before, after)
    ends = confint_proportions_2indep(
        after.right, after.texts, before.right, before.texts, method="newcomb", compare="diff"
    )

    assert found.value == pytest.approx(after.accuracy - before.accuracy, abs=CLOSE)
    assert (found.low, found.high) == pytest.approx(ends, abs=CLOSE)
    assert -1 <= found.low <= found.value <= found.high <= 1


def test_no_texts_have_no_shift():
    some, none = Group(texts=5, right=3), Group(texts=0, right=0)

    assert shift(some, none) is None
    assert shift(none, some) is None


@given(st.integers(1, 5000))
def test_a_bin_is_named_for_the_lengths_in_it(tokens):
    name = LENGTHS[length_bins(np.array([tokens]))[0]]
    first, _, last = name.partition("–")

    assert tokens > 512 if name == "over 512" else int(first) <= tokens <= int(last)


def test_typical_lengths():
    assert typical(np.array([1, 2, 6], dtype=np.int32)).mean == 3
    assert typical(np.array([1, 2, 6], dtype=np.int32)).median == 2
    assert typical(np.array([], dtype=np.int32)) is None


# examples


@settings(deadline=None)  # others may use the cores
@given(answered(), st.integers(0, 4), st.integers(0, 9))
def test_examples_are_errors_and_disputed_ones_come_first(answers, count, seed):
    called = {name: logits.argmax(axis=1) for name, logits in answers.logits.items()}
    chances = probabilities(answers.logits["torch-eager"])
    directions = sample_errors(answers, VARIANTS, "torch-eager", count, seed)
    errors = {  # each counted once, however many variants make it
        (int(truth), int(classes[index]), index)
        for classes in called.values()
        for index, truth in enumerate(answers.labels)
        if classes[index] != truth
    }

    assert Counter({(one.truth, one.called): one.texts for one in directions}) == Counter(
        (truth, other) for truth, other, _ in errors
    )
    assert [one.texts for one in directions] == sorted((one.texts for one in directions), reverse=True)
    for one in directions:
        assert len(one.examples) == min(count, one.texts)
        assert len({example.index for example in one.examples}) == len(one.examples)
        disputed = [len(set(example.called.values())) > 1 for example in one.examples]
        assert sum(disputed) == min(count, one.disagreed)
        assert disputed == sorted(disputed, reverse=True)
        for kind in (True, False):
            sure = [example.chance for example, is_so in zip(one.examples, disputed, strict=True) if is_so == kind]
            assert sure == sorted(sure, reverse=True)
        for example in one.examples:
            assert (one.truth, one.called, example.index) in errors
            assert example.called == {name: classes[example.index] for name, classes in called.items()}
            assert example.chance == pytest.approx(chances[example.index].max(), abs=CLOSE)
            assert (example.row, example.tokens) == (answers.rows[example.index], answers.tokens[example.index])


@settings(deadline=None)  # others may use the cores
@given(answered())
def test_errors_of_one_variant_are_its_own(answers):
    wrong = answers.logits["onnx-fp32"].argmax(axis=1) != answers.labels
    directions = sample_errors(answers, ["onnx-fp32"], "onnx-fp32", 100, 0)

    assert sorted(example.index for one in directions for example in one.examples) == np.flatnonzero(wrong).tolist()


def test_a_seed_draws_the_same_texts_again_and_another_one_others():
    rows = np.array([f"{index:016x}" for index in range(100)])
    logits = np.tile(np.array([[1, 0]], dtype=np.float32), (100, 1))
    labels = np.ones(100, dtype=np.int64)
    answers = Answers(rows=rows, labels=labels, tokens=None, logits={"torch-eager": logits})
    drawn = [
        [one.row for one in sample_errors(answers, ["torch-eager"], "torch-eager", 5, seed)[0].examples]
        for seed in (0, 0, 1)
    ]

    assert drawn[0] == drawn[1]
    assert set(drawn[0]) != set(drawn[2])


# tables


def labelled(name, texts, prefix=""):
    """A set of texts of which every third is fake."""
    return LabelledSet(
        name=name,
        texts=tuple(f"{prefix}{name} text {index}" for index in range(texts)),
        labels=tuple(int(index % 3 == 0) for index in range(texts)),
        label_names=("real", "fake"),
        dropped=(),
    )


def logits_of(labels, wrong):
    """Sure of the right class, but for the examples ``wrong``."""
    called = np.array([1 - label if index in wrong else label for index, label in enumerate(labels)])
    return np.where(np.eye(2)[called] == 1, 2, -1).astype(np.float32)


def with_answers(folder, sets, wrong, *, with_tokens=True):
    """A run of three variants whose answers lie beside it; ``wrong``: indices by set and variant."""
    run = read_run(SAMPLE)
    rows, measurements = [], [one for one in run.measurements if not one.data and one.variant in VARIANTS]
    for one in sets:
        for variant in VARIANTS:
            logits = logits_of(one.labels, wrong.get((one.name, variant), ()))
            matrix = confusion_matrix(one.labels, logits.argmax(axis=1), 2)
            accuracy = float((logits.argmax(axis=1) == one.labels).mean())
            measurements.append(
                Measurement(variant=variant, metric="accuracy", data=one.name, values=(accuracy,), confusion=matrix)
            )
            columns = {"set": one.name, "row": one.row_hashes, "label": one.labels, "variant": variant}
            columns |= {"tokens": [20 * index + 5 for index in range(len(one.texts))]} if with_tokens else {}
            rows.append(pd.DataFrame({**columns, "logit_0": logits[:, 0], "logit_1": logits[:, 1]}))
    pd.concat(rows).to_parquet(folder / "answers.parquet", index=False)
    infos = [
        SetInfo(name=one.name, rows=len(one.texts), counts=one.counts, sha256=one.sha256, summary=one.summary)
        for one in sets
    ]
    return replace(
        run,
        path=folder / "0001_run.json",
        plan=replace(run.plan, variants=VARIANTS),
        variants={name: run.variants[name] for name in VARIANTS},
        sets=tuple(infos),
        measurements=tuple(measurements),
        predictions="answers.parquet",
    )


SETS = (labelled("posts", 30), labelled("news", 12))
WRONG = {
    ("posts", "torch-eager"): (0, 1, 29),
    ("posts", "onnx-fp32"): (0, 1, 29),
    ("posts", "openvino-int8"): (0, 1, 2, 28),
    ("news", "torch-eager"): (1, 2, 4, 5, 6),
    ("news", "onnx-fp32"): (1, 2, 4, 5, 6),
}


@pytest.fixture
def run(tmp_path):
    return with_answers(tmp_path, SETS, WRONG)


def tables(run, *names):
    """As text, without what holds for every table."""
    return render(run, "text", names).rpartition("\n\n\n")[0] + "\n"


def golden(name, text):
    """``text`` as the file holds it, or written there anew."""
    file = DATA / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8")


def test_the_tables_look_like_this(run):
    text = tables(run, "errors", "groups", "shift")

    assert text == golden("errors-tables.txt", text)


@pytest.mark.parametrize("table", ["errors", "groups", "shift"])
def test_a_table_is_a_plain_csv_and_fits_a_terminal(run, table):
    run = replace(run, sets=run.sets[:1]) if table != "shift" else run
    frame = pd.read_csv(io.StringIO(render(run, "csv", [table])))

    assert frame["variant"].tolist() == list(VARIANTS)
    assert all(pd.api.types.is_numeric_dtype(frame[column]) for column in frame.columns[1:])
    assert max(map(len, tables(run, table).splitlines())) <= 80


def cells(run, *metrics):
    return [one for one in json.loads(render(run, "json")) if one["metric"] in metrics]


def test_the_tidy_json_has_lengths_and_shifts_of_every_pair(tmp_path):
    run = with_answers(tmp_path, (*SETS, labelled("third", 9)), WRONG)
    lengths = cells(run, "length_accuracy")
    shifts = [(one["label"], one["data"]) for one in cells(run, "accuracy_shift") if one["variant"] == "torch-eager"]
    of_posts = [one for one in lengths if (one["variant"], one["data"]) == ("torch-eager", "posts")]

    assert [one["label"] for one in of_posts] == [f"{name} tokens" for name in LENGTHS]
    assert sum(one["n"] for one in of_posts) == 30
    assert sum(one["n"] * one["value"] for one in of_posts) == pytest.approx(27)
    assert shifts == [("posts", "news"), ("posts", "third"), ("news", "third")]
    assert "shifts between the other sets: in the json format" in tables(run, "shift")


def test_what_is_not_known_has_a_reason(tmp_path):
    run = with_answers(tmp_path, SETS, WRONG, with_tokens=False)
    failed = replace(run.variants["onnx-fp32"], failed="not the same model")
    texts = {
        "lengths of texts were not kept: the run is of an earlier day": run,
        "no answers were kept": replace(run, predictions=""),
        "random weights": replace(run, checkpoint=replace(run.checkpoint, random_weights=True)),
        "not the same model": replace(run, variants={**run.variants, "onnx-fp32": failed}),
    }
    for reason, one in texts.items():
        for table in ("errors", "groups"):
            assert reason in " ".join(render(one, "text", [table]).split()), (reason, table)
        for cell in cells(one, "length_accuracy", "right_tokens_mean", "accuracy_shift"):
            assert (cell["value"] is None) == bool(cell["reason"])


def test_texts_in_two_sets_are_said_to_be(tmp_path):
    posts = labelled("posts", 30)
    run = with_answers(tmp_path, (posts, replace(posts, name="again")), {})

    assert "30 texts of posts in again, too: read no interval" in tables(run, "shift")


def test_one_set_has_no_shift(run):
    assert "Accuracy from set to set" not in render(replace(run, sets=run.sets[:1]), "text", ["errors", "shift"])


def test_more_classes_have_no_false_positives():
    run = read_run(SAMPLE)
    matrix = ((9, 1, 0), (0, 9, 1), (1, 0, 9))
    scored = tuple(replace(one, confusion=matrix if one.confusion else ()) for one in run.measurements)
    run = replace(run, checkpoint=replace(run.checkpoint, labels=("a", "b", "c")), measurements=scored)
    frame = pd.read_csv(io.StringIO(render(run, "csv", ["errors"]))).set_index("variant")

    assert frame.loc["onnx-fp32", ["texts", "right", "wrong", "accuracy"]].astype(float).tolist() == [30, 27, 3, 0.9]
    assert not [name for name in frame.columns if "false" in name]
