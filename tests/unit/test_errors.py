"""Errors looked into: figures against reference implementations, samples that nobody picks, what people read of them.

The expected texts are ``tests/data/errors-*.txt``; after a wanted change write them anew and read their diff:
``UPDATE_GOLDEN=1 pytest tests/unit/test_errors.py``.
"""

import csv
import doctest
import io
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from unicodedata import east_asian_width

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

import deploybench.bench.report.formats.escapes
from deploybench.bench.analysis.misclassified.by_value import NO_VALUE, by_values
from deploybench.bench.analysis.misclassified.examples import sample_errors
from deploybench.bench.analysis.misclassified.groups import Group, by_group
from deploybench.bench.analysis.misclassified.lengths import LENGTHS, length_bins, typical
from deploybench.bench.analysis.misclassified.shift import shift
from deploybench.bench.analysis.probability_calibration import probabilities
from deploybench.bench.cli import main
from deploybench.bench.measure.accuracy import confusion_matrix
from deploybench.bench.report.formats.escapes import excerpt, excerpt_lines
from deploybench.bench.report.render import render
from deploybench.bench.runs.measurement import Measurement
from deploybench.bench.runs.predictions import Answers
from deploybench.bench.runs.store import SetInfo, read_run, run_block
from deploybench.bench.texts.data import LabelledSet
from deploybench.exporters.head import Head, sigmoid

DATA = Path(__file__).parents[1] / "data"
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
        assert len({text.index for text in one.examples}) == len(one.examples)
        disputed = [len(set(text.called.values())) > 1 for text in one.examples]
        assert sum(disputed) == min(count, one.disagreed)
        assert disputed == sorted(disputed, reverse=True)
        for kind in (True, False):
            sure = [text.chance for text, is_so in zip(one.examples, disputed, strict=True) if is_so == kind]
            assert sure == sorted(sure, reverse=True)
        for text in one.examples:
            assert (one.truth, one.called, text.index) in errors
            assert text.called == {name: classes[text.index] for name, classes in called.items()}
            assert text.chance == pytest.approx(chances[text.index].max(), abs=CLOSE)
            assert (text.row, text.tokens) == (answers.rows[text.index], answers.tokens[text.index])


@given(answered())
def test_errors_of_one_variant_are_its_own(answers):
    wrong = answers.logits["onnx-fp32"].argmax(axis=1) != answers.labels
    directions = sample_errors(answers, ["onnx-fp32"], "onnx-fp32", 100, 0)

    assert sorted(text.index for one in directions for text in one.examples) == np.flatnonzero(wrong).tolist()


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
HOSTILE = "\x1b[2J\u202eevil\x00 \r\n\u2066" + "\u3042" * 300 + "e\u0301" * 300


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


def test_answers_are_told_in_the_order_of_the_sets_and_a_failed_variant_says_why(run):
    (*_, last) = VARIANTS
    run = replace(run, variants={**run.variants, last: replace(run.variants[last], failed="out of memory")})
    file = run.path.parent / run.predictions
    pd.read_parquet(file).query("variant != @last").to_parquet(file, index=False)
    found = cells(run, "agreement")

    assert list(dict.fromkeys(one["data"] for one in found)) == [one.name for one in run.sets]
    assert {one["reason"] for one in found if one["variant"] == last} == {"out of memory"}
    assert {one["status"] for one in found if one["variant"] == last} == {"failed"}


@pytest.mark.parametrize(
    ("spread", "texts", "told"),
    [
        (0.001, 3000, "larger changes: openvino-int8"),
        (0.2, 3000, "no variant changes it by more"),
        (0.0, 30, "no variant changes it by more"),  # of so few texts one is what rounding may change
    ],
)
def test_a_loss_is_held_against_that_of_another_seed(run, spread, texts, told):
    accuracies = tuple(0.9 + spread * place for place in (-1, 0, 1))
    seeded = replace(run.checkpoint, seeded={run.sets[0].sha256: accuracies})
    sets = (replace(run.sets[0], rows=texts), *run.sets[1:])
    text = render(replace(run, checkpoint=seeded, sets=sets), "text", ["fidelity"])

    assert text.count("training seed alone, over 3 seeds, changes accuracy by up to ±") == 1
    assert told in " ".join(text.split())


def test_the_tidy_json_has_lengths_and_shifts_of_every_pair(tmp_path):
    run = with_answers(tmp_path, (*SETS, labelled("third", 9)), WRONG)
    lengths = cells(run, "length_accuracy")
    shifts = [(one["label"], one["data"]) for one in cells(run, "accuracy_shift") if one["variant"] == "torch-eager"]
    of_posts = [one for one in lengths if (one["variant"], one["data"]) == ("torch-eager", "posts")]

    assert [one["label"] for one in of_posts] == [f"{name} tokens" for name in LENGTHS]
    assert sum(one["n"] for one in of_posts) == 30
    assert sum(one["n"] * one["value"] for one in of_posts) == pytest.approx(27)
    assert shifts == [("posts", "news"), ("posts", "third"), ("news", "third")]
    assert "shifts between the other sets: see --format json" in tables(run, "shift")


def test_what_is_not_known_has_a_reason(tmp_path):
    run = with_answers(tmp_path, SETS, WRONG, with_tokens=False)
    failed = replace(run.variants["onnx-fp32"], failed="not the same model")
    texts = {
        "lengths of texts were not kept: the run was saved before they were": run,
        "no answers were kept": replace(run, predictions=""),
        "random weights": replace(run, checkpoint=replace(run.checkpoint, random_weights=True)),
        "not the same model": replace(run, variants={**run.variants, "onnx-fp32": failed}),
    }
    for reason, one in texts.items():
        for table in ("errors", "groups"):
            assert reason in " ".join(render(one, "text", [table]).split()), (reason, table)
        lengths = cells(one, "length_accuracy", "right_tokens_mean")
        assert all((cell["value"] is None) == bool(cell["reason"]) for cell in lengths + cells(one, "accuracy_shift"))
        assert not lengths if reason == "no answers were kept" else reason in {cell["reason"] for cell in lengths}


def test_texts_in_two_sets_are_said_to_be(tmp_path):
    posts = labelled("posts", 30)
    run = with_answers(tmp_path, (posts, replace(posts, name="again")), {})

    assert "30 texts of posts in again, too: the interval of their shift does not hold" in tables(run, "shift")


def test_one_set_has_no_shift(run):
    assert "Accuracy shift between labelled sets" not in render(
        replace(run, sets=run.sets[:1]), "text", ["errors", "shift"]
    )


def test_more_classes_have_no_false_positives():
    run = read_run(SAMPLE)
    matrix = ((9, 1, 0), (0, 9, 1), (1, 0, 9))
    scored = tuple(replace(one, confusion=matrix if one.confusion else ()) for one in run.measurements)
    run = replace(run, checkpoint=replace(run.checkpoint, labels=("a", "b", "c")), measurements=scored)
    frame = pd.read_csv(io.StringIO(render(run, "csv", ["errors"]))).set_index("variant")

    assert frame.loc["onnx-fp32", ["texts", "right", "wrong", "accuracy"]].astype(float).tolist() == [30, 27, 3, 0.9]
    assert not [name for name in frame.columns if "false" in name]


# excerpts


def test_the_examples_of_excerpts_are_true():
    assert doctest.testmod(deploybench.bench.report.formats.escapes).attempted


def columns(text):
    return sum(2 if east_asian_width(mark) in "WF" else 1 for mark in text)


@settings(max_examples=50)
@example("\x1b\u3042\u30420", 8, 20)  # cut between the columns of a character
@example("\u3042" * 60, 60, 21)  # likewise at the end of a line
@given(st.text() | st.text("\u3042 a\x1b"), st.integers(8, 60), st.integers(20, 60))
def test_an_excerpt_is_printable_and_narrow(text, most, width):
    line, lines = excerpt(text, most), excerpt_lines(text, 3 * width, width)

    assert columns(line) <= most
    assert all(columns(one) <= width for one in lines)
    assert all(mark.isprintable() for one in (line, *lines) for mark in one)


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=9))
def test_a_short_text_is_its_own_excerpt(words):
    text = " ".join(words)

    assert excerpt("\n\t".join(words), 100) == text
    assert " ".join(excerpt_lines(text, 100, 40)) == text


# accuracy by the values of a column


@settings(max_examples=50)
@given(answered(), st.integers(1, 40), st.integers(0, 99))
def test_accuracy_by_value_is_what_pandas_counts(answers, distinct, seed):
    random = np.random.default_rng(seed)
    cells = [random.choice([None, *map(str, range(distinct))]) for _ in answers.labels]
    found = by_values(cells, answers, "torch-eager")
    right = pd.DataFrame({name: logits.argmax(axis=1) == answers.labels for name, logits in answers.logits.items()})
    expected = right.groupby([NO_VALUE if cell is None else cell for cell in cells]).mean()

    assert sum(one.group.texts for one in found) == len(cells)
    assert sum(one.group.right for one in found) == right["torch-eager"].sum()
    assert len(found) == min(len(expected), 21)
    rest = len(expected) - len(found) + 1
    assert (found[-1].value == f"{rest} others") == (rest > 1)
    for one in found[: None if rest == 1 else -1]:
        assert one.group.accuracy == pytest.approx(expected.loc[one.value, "torch-eager"], abs=CLOSE)
        assert (one.least, one.most) == pytest.approx((expected.loc[one.value].min(), expected.loc[one.value].max()))


# the command


def save(run):
    block = {"deploybench": run_block(run), "datetime": "2026-11-22T12:00:00+00:00"}
    run.path.write_text(json.dumps(block), encoding="utf-8")
    return run.path


def write_csv(path, one, sources=("reuters", "blog", ""), order=1):
    rows = [
        (text, label, sources[index % len(sources)])
        for index, (text, label) in enumerate(zip(one.texts, one.labels, strict=True))
    ]
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([("text", "label", "source"), *rows[::order]])
    return path


def errors(capsys, *arguments):
    code = main(["errors", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def file(tmp_path):
    return write_csv(tmp_path / "posts.csv", SETS[0])


def test_the_command_looks_like_this(capsys, run, file):
    code, text, _ = errors(capsys, save(run), "--external", file, "--by", "source", "--examples", 2)

    assert code == 0
    assert text == golden("errors-command.txt", text)
    assert max(map(len, text.splitlines())) <= 80


def test_an_example_stands_where_it_says(capsys, run, file, tmp_path):
    """In whatever order the file has its rows."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [row["text"] for row in csv.DictReader(lines)]
    backwards = write_csv(tmp_path / "turned.csv", SETS[0], order=-1)
    _, text, _ = errors(capsys, save(run), "--external", f"posts={file}", "--examples", 9)
    _, turned, _ = errors(capsys, run.path, "--external", backwards, "--examples", 9)

    shown = [line.split() for line in text.splitlines() if line.startswith(("  posts.csv row", "    >"))]
    places = {
        " ".join(quote[1:]): int(place[2].rstrip(",")) for place, quote in zip(shown[::2], shown[1::2], strict=True)
    }
    assert len(places) == 5
    assert all(rows[number - 1] == quote for quote, number in places.items())
    for quote, number in places.items():
        assert f"turned.csv row {31 - number}, text" in turned
        assert quote in turned


def test_real_and_fake_files_are_one_set(capsys, tmp_path):
    one = labelled("external", 30)
    run = with_answers(tmp_path, [one], {("external", "torch-eager"): (0, 1)})
    for name, label in (("real", 0), ("fake", 1)):
        rows = [[text, name] for text, of in zip(one.texts, one.labels, strict=True) if of == label]
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([["text", "source"], *rows])
    files = ("--real", tmp_path / "real.csv", "--fake", tmp_path / "fake.csv")
    code, text, _ = errors(capsys, save(run), *files, "--by", "source")

    assert code == 0
    assert "fake.csv row 1, text" in text
    assert "> external text 0" in text
    assert "real.csv row 1, text" in text
    assert "> external text 1" in text
    assert "real 20 0.950" in " ".join(text.split())


def test_without_files_there_are_hashes(capsys, run):
    code, text, _ = errors(capsys, save(run))

    assert code == 0
    assert text.index("posts: 30 texts") < text.index("news: 12 texts")
    assert f"text {SETS[0].row_hashes[29]}, 585 tokens" in text
    assert "texts are not shown: a saved run holds only their hashes" in text
    assert " > " not in text


def test_the_demonstration_needs_no_files(capsys, tmp_path, monkeypatch):
    one = labelled("external", 30)
    run = with_answers(tmp_path, [one], {("external", "torch-eager"): (0,)})
    run = replace(run, checkpoint=replace(run.checkpoint, demonstration=True))
    monkeypatch.setattr("deploybench.bench.pipeline.sets.demonstration_sets", lambda: (one, labelled("in_domain", 9)))

    assert "> external text 0" in errors(capsys, save(run))[1]
    assert "texts are not shown" in errors(capsys, save(replace(run, sets=(replace(run.sets[0], sha256="other"),))))[1]


def test_errors_of_one_variant_alone(capsys, run):
    text = errors(capsys, save(run), "--variant", "openvino-int8")[1]

    assert "posts: 30 texts, 4 misclassified by openvino-int8" in text
    assert "counted: texts that openvino-int8 misclassifies that way" in text
    assert "news: 12 texts, 0 misclassified by openvino-int8" in text
    assert SETS[0].row_hashes[29] not in text  # wrong by the others only


def test_nothing_in_a_text_or_a_name_reaches_the_terminal_as_it_is(capsys, tmp_path):
    texts = (HOSTILE, "x" * 1_000_000, "word " * 200_000, "= harmless\n\nposts: 0 texts")
    one = LabelledSet(name=HOSTILE, texts=texts, labels=(0, 1, 0, 1), label_names=("real", HOSTILE), dropped=())
    run = with_answers(tmp_path, [one], {(HOSTILE, name): (0, 1, 2, 3) for name in VARIANTS})
    run = replace(run, checkpoint=replace(run.checkpoint, labels=("real", HOSTILE)))
    file = write_csv(tmp_path / "h\u202eard\x1b.csv", one, sources=(HOSTILE, "=1+1", "\u202e"))
    code, text, _ = errors(capsys, save(run), "--external", file, "--by", "source")

    assert code == 0
    assert all(mark.isprintable() for line in text.split("\n") for mark in line)
    assert max(map(columns, text.splitlines())) <= 80
    assert len(text.splitlines()) < 60
    assert "\n    > = harmless posts: 0 texts\n" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--external", "{other}"),
            "news.csv: holds no text of the run, expected all of one of its sets: 'news', 'posts';",
        ),
        (("--external", "posts={news}"), "news.csv: holds 0 of the 30 texts of the run's set 'posts', expected all"),
        (("--external", "{part}"), "part.csv: holds 29 of the 30 texts of the run's set 'posts', expected all"),
        (("--external", "{flipped}"), "flipped.csv: labels texts of the run's set 'posts' differently from the run"),
        (("--external", "{posts}", "--by", "sauce"), "no column 'sauce' (did you mean 'source'?)"),
        (("--external", "{posts}", "--text-columns", "source"), "row 3: no text in 'source'"),
        (("--external", "nowhere.csv"), "nowhere.csv: no such file"),
        (("--real", "{posts}"), "--real: was given without --fake"),
        (("--by", "source"), "--by: names a column of labelled files, and none was given"),
        (("--variant", "onnx"), "--variant: no answers of 'onnx' on 'posts'; there are: 'onnx-fp32', 'openvino-int8'"),
        (("--examples", "-1"), "--examples: found '-1', expected a whole number"),
        (("--seed", "x"), "--seed: found 'x', expected a whole number"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(capsys, run, file, tmp_path, arguments, message):
    posts = SETS[0]
    files = {
        "posts": file,
        "news": write_csv(tmp_path / "news.csv", SETS[1]),
        "other": write_csv(tmp_path / "other-news.csv", labelled("other", 9)),
        "part": write_csv(tmp_path / "part.csv", replace(posts, texts=posts.texts[1:], labels=posts.labels[1:])),
        "flipped": write_csv(tmp_path / "flipped.csv", replace(posts, labels=tuple(1 - one for one in posts.labels))),
    }
    given = [argument.format(**files) for argument in arguments]
    code, text, error = errors(capsys, save(run), *given)
    last = error.splitlines()[-1]

    assert (code, text) == (2, "")
    assert last.startswith("deploybench: error: ")
    assert message in last
    assert all(line.startswith("set ") for line in error.splitlines()[:-1])


def test_a_run_without_answers_says_so(capsys, run):
    (run.path.parent / "answers.parquet").unlink()
    code, _, error = errors(capsys, save(run))

    assert code == 2
    assert "no answers were kept beside it; restore its Parquet file, or measure again" in error


# several labels


@st.composite
def several(draw):
    """What three variants, which mostly agree, gave of three labels."""
    texts = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = (random.random((texts, 3)) < draw(st.floats(0, 1))).astype(np.int8)
    logits = random.standard_normal((texts, 3)) + labels
    noise = draw(st.floats(0, 1))
    return Answers(
        rows=np.array([f"{index:016x}" for index in range(texts)]),
        labels=labels,
        tokens=None,
        logits={
            name: (logits + number * noise * random.standard_normal(logits.shape)).astype(np.float32)
            for number, name in enumerate(VARIANTS)
        },
        head=Head(task="multi-label", labels=("joy", "love", "anger"), thresholds=(0.5, 0.3, 0.6)),
    )


@given(several(), st.integers(0, 4))
def test_a_label_is_missed_or_given_wrongly(answers, count):
    directions = sample_errors(answers, VARIANTS, "torch-eager", count, 0)
    given = {name: sigmoid(logits) > answers.head.thresholds for name, logits in answers.logits.items()}
    wrong = Counter()
    for label in range(3):
        true = answers.labels[:, label] == 1
        wrong[label, None] = int(np.any([true & ~one[:, label] for one in given.values()], axis=0).sum())
        wrong[None, label] = int(np.any([~true & one[:, label] for one in given.values()], axis=0).sum())

    assert {(one.truth, one.called): one.texts for one in directions} == +wrong
    for one in directions:
        label = one.truth if one.called is None else one.called
        assert len(one.examples) == min(count, one.texts)
        for text in one.examples:
            assert (label in text.truth) == (one.called is None)
            assert any((label in called) != (label in text.truth) for called in text.called.values())
            assert text.called["onnx-fp32"] == tuple(np.flatnonzero(given["onnx-fp32"][text.index]))
            assert text.chance == pytest.approx(sigmoid(answers.logits["torch-eager"])[text.index, label], abs=CLOSE)
