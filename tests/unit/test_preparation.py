"""Preparation: no text twice, none that moves between splits, what gives labels away; and what is refused.

The expected text is ``tests/data/preparation.txt``; after a wanted change write it anew and read its diff:
``UPDATE_GOLDEN=1 pytest tests/unit/test_preparation.py``.
"""

import csv
import doctest
import hashlib
import json
import os
import random
import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deploybench.bench.texts.prepare.label_leakage
from deploybench.bench.cli import main
from deploybench.bench.printable import printable
from deploybench.bench.texts.data import read_labelled_file
from deploybench.bench.texts.demonstration.corpus import corpus
from deploybench.bench.texts.prepare import preparation
from deploybench.bench.texts.prepare.deduplicate import Removed, deduplicate
from deploybench.bench.texts.prepare.label_leakage import Column, Features, Marks, Totals
from deploybench.bench.texts.prepare.near_duplicates import Vocabulary, near_groups, shingles
from deploybench.bench.texts.prepare.rows import Files, open_rows
from deploybench.bench.texts.prepare.scan import scan
from deploybench.bench.texts.prepare.splits import SPLITS, Shares, read_shares
from deploybench.exporters.errors import UserError
from deploybench.exporters.files import sha256_file

GOLDEN = Path(__file__).parents[1] / "data" / "preparation.txt"
SHARED = Path(__file__).parents[3] / "shared" / "data"
real_data = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
SHARES = Shares(train=70, validation=15, test=15)
FEW = settings(max_examples=40)
ANCHORS = (("one of the first class alone here", 0), ("another of the second class over there", 1))
WORDS = ("vote", "tax", "court", "rain", "moon", "dog")

# Long texts of few words that differ in one place, short ones that are all of one, copies: what comes near each other.
texts = st.one_of(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join),
    st.tuples(st.integers(0, 2), st.integers(0, 45), st.sampled_from(WORDS)).map(
        lambda drawn: " ".join(f"{drawn[2] if place == drawn[1] else place}x{drawn[0]}" for place in range(40))
    ),
)
rows = st.lists(st.tuples(texts, st.integers(0, 1)), max_size=25)


def write_rows(path, labelled):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *labelled])
    return path


def outcomes_of(labelled, seed=0, test=()):
    """What becomes of each row, those of a given test set last."""
    with tempfile.TemporaryDirectory() as folder:
        files = Files(
            labelled=(write_rows(Path(folder) / "a.csv", [*labelled, *ANCHORS]),),
            test=write_rows(Path(folder) / "test.csv", test) if test else None,
        )
        found = scan(open_rows(files), SHARES, seed, "refuse")
    outcomes = deduplicate(found.facts).outcomes
    return [*outcomes[: len(labelled)], *outcomes[len(labelled) + len(ANCHORS) :]]


def similar(one, other):
    """The definition, without a shortcut."""
    runs = []
    for text in (one, other):
        words = re.findall(r"\w+", text.lower())
        runs.append({tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set())
    return 5 * len(runs[0] & runs[1]) >= 4 * len(runs[0] | runs[1]) and bool(runs[0])


@FEW
@given(rows, st.randoms(use_true_random=False), st.integers(0, 3))
def test_a_row_never_changes_its_split(labelled, chance, seed):
    """Whatever rows come, go or change places, it stays there or is left out."""
    fewer = chance.sample(labelled, chance.randint(0, len(labelled)))
    before = {
        text: outcome
        for (text, _), outcome in zip(labelled, outcomes_of(labelled, seed), strict=True)
        if outcome in SPLITS
    }
    after = {
        text: outcome for (text, _), outcome in zip(fewer, outcomes_of(fewer, seed), strict=True) if outcome in SPLITS
    }

    for text in before.keys() & after.keys():
        assert before[text] == after[text]
        assert before[text] == SHARES.split_of(hashlib.sha256(text.encode()).digest(), seed)


@FEW
@given(rows)
def test_no_two_texts_that_stay_are_alike(labelled):
    kept = [text for (text, _), outcome in zip(labelled, outcomes_of(labelled), strict=True) if outcome in SPLITS]

    assert not [(one, other) for place, one in enumerate(kept) for other in kept[:place] if similar(one, other)]


@FEW
@given(rows)
def test_every_row_stays_or_is_left_out_for_a_reason(labelled):
    outcomes = outcomes_of(labelled)
    labels = {}
    for text, label in labelled:
        labels.setdefault(text, set()).add(label)

    for (text, _), outcome in zip(labelled, outcomes, strict=True):
        assert (outcome == Removed.CONTRADICTION) is (len(labels[text]) > 1)
        if outcome in (Removed.NEAR, Removed.NEAR_CONTRADICTION):
            assert any(similar(text, other) for other, _ in labelled if other != text)
        if outcome == Removed.DUPLICATE:
            assert [text for text, _ in labelled].count(text) > 1
    for text, of_text in labels.items():
        alike = [outcome for (other, _), outcome in zip(labelled, outcomes, strict=True) if other == text]
        assert sum(outcome in SPLITS for outcome in alike) <= 1
        alone = len(of_text) == 1 and not any(similar(text, other) for other in labels if other != text)
        assert not alone or any(outcome in SPLITS for outcome in alike)


@FEW
@given(rows, rows.filter(bool))
def test_a_test_set_that_is_given_stays_whole_and_apart(labelled, test):
    outcomes = outcomes_of(labelled, test=test)
    kept = [text for (text, _), outcome in zip(labelled, outcomes, strict=False) if outcome in SPLITS]

    assert set(outcomes[len(labelled) :]) == {"test"}
    assert not [(text, other) for text in kept for other, _ in test if similar(text, other)]


@FEW
@given(st.lists(st.frozensets(st.integers(0, 12), max_size=12), max_size=12))
def test_groups_are_what_similar_pairs_connect(sets):
    arrays = [np.array(sorted(one), dtype=np.uint64) for one in sets]
    groups = list(range(len(sets)))
    for _ in sets:  # as often as the longest chain
        for one, first in enumerate(sets):
            for other, second in enumerate(sets):
                if first and 5 * len(first & second) >= 4 * len(first | second):
                    groups[one] = groups[other] = min(groups[one], groups[other])

    assert near_groups(arrays).tolist() == groups


def test_another_seed_draws_other_splits_of_the_same_rows():
    labelled = list(zip(*corpus("test"), strict=True))
    one, other = outcomes_of(labelled, 0), outcomes_of(labelled, 1)

    assert one != other
    assert [outcome in SPLITS for outcome in one] == [outcome in SPLITS for outcome in other]


def test_shares_hold_in_every_class():
    labelled = list(zip(*corpus("train"), strict=True))
    counts = Counter((outcome, label) for (_, label), outcome in zip(labelled, outcomes_of(labelled), strict=True))

    for label in (0, 1):
        kept = sum(counts[split, label] for split in SPLITS)
        for split, share in (("train", 0.7), ("validation", 0.15), ("test", 0.15)):
            assert abs(counts[split, label] / kept - share) < 4 * (share * (1 - share) / kept) ** 0.5


NEARLY = [
    ("A b c d e f g.", "a B c  d e, f g", True),  # case, blanks and punctuation
    ("see a b c d http://x.org/1", "see a b c d www.y.org", True),
    ("one two", "one two three", False),
    ("!!!", "???", False),
    ("", "", False),
    ("今天下雨了吗没有", "今天下雨了吗没有!", True),
    ("今天下雨了吗没有", "明天下雨了吗没有", False),
    (" ".join(map(str, range(50))), " ".join(map(str, [*range(49), "x"])), True),
    (" ".join(map(str, range(50))), " ".join(map(str, [*range(25), "x", *range(26, 50)])), True),
    (" ".join(map(str, range(50))), " ".join(map(str, [*range(40), *range(100, 110)])), False),
]


@pytest.mark.parametrize(("one", "other", "expected"), NEARLY)
def test_what_is_nearly_the_same(one, other, expected):
    vocabulary = Vocabulary()
    groups = near_groups([shingles(vocabulary.ids(text)) for text in (one, other)])

    assert (groups[0] == groups[1]) == expected


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        (None, False, (70, 15, 15)),
        ("80/10/10", False, (80, 10, 10)),
        (None, True, (85, 15, 0)),
        ("90/10", True, (90, 10, 0)),
    ],
)
def test_shares(text, given, expected):
    assert read_shares(text, test_given=given) == Shares(train=expected[0], validation=expected[1], test=expected[2])


@pytest.mark.parametrize("text", ["70/30", "70/15/16", "70/30/0", "a/b/c", "70/15/15/0", "", "70/-15/45", "70,15,15"])
def test_shares_that_are_none(text):
    with pytest.raises(
        UserError, match=r"^--split: found .*, expected per cent for training, validation and test, such as 70"
    ):
        read_shares(text)


@FEW
@given(st.lists(st.tuples(st.frozensets(st.integers(0, 5)), st.integers(0, 2), st.booleans()), max_size=30))
def test_a_rule_is_made_of_train_and_tried_elsewhere(drawn):
    """Against counting by hand."""
    drawn = [*drawn, (frozenset(), 0, False), (frozenset({1}), 1, False), (frozenset(), 0, True)]
    totals, features = Totals(3), Features(3)
    for has, label, held in drawn:
        totals.add(label, held=held)
        features.add(np.array(sorted(has), dtype=np.int64), label, held=held)
    held_out = [(has, label) for has, label, held in drawn if held]
    for one in features.best(list("abcdef"), totals, 6):
        feature = "abcdef".index(one.name)
        with_it = Counter(dict.fromkeys(range(3), 0))
        with_it.update(label for has, label, held in drawn if feature in has and not held)
        without = Counter(dict.fromkeys(range(3), 0))
        without.update(label for has, label, held in drawn if feature not in has and not held)
        calls = [max(counts, key=lambda label: (counts[label], -label)) for counts in (without, with_it)]
        right = sum(calls[feature in has] == label for has, label in held_out)

        assert one.accuracy.value == right / len(held_out)
        assert one.texts == sum(feature in has for has, _, _ in drawn)
        assert calls[0] != calls[1]


def test_a_column_says_nothing_where_every_value_is_met_once():
    totals, column = Totals(2), Column("id", 2)
    for index in range(100):
        totals.add(index % 2, held=index >= 70)
        column.add(index, index % 2, held=index >= 70)

    assert column.rule(totals).accuracy == totals.base


MARKS = [
    ("plain words 1", []),
    ("don't", ['"\'"']),
    ("“no”", ["U+201C left double quotation mark", "U+201D right double quotation mark"]),
    ("a\u00a0b", ["U+00A0 no-break space"]),
    ("a\tb", ["U+0009 control character"]),
    (" a  b", ["blank at its start or end", "two blanks in a row"]),
]


@pytest.mark.parametrize(("text", "expected"), MARKS)
def test_marks_of_a_text(text, expected):
    marks = Marks()

    assert [marks.names()[index] for index in marks.ids(text)] == expected


def test_letters_of_a_wrong_encoding_are_one_mark():
    marks = Marks()
    marks.ids("it\u2019s".encode().decode("cp1252") + " naïve")

    assert 'broken letters "â€™"' in marks.names()
    assert len([name for name in marks.names() if name.startswith("broken")]) == 1


NEWS = "HOSTILE\x1b[31m.csv"


@pytest.fixture
def news(tmp_path):
    """Texts of the bundled corpus with all that a preparation is there to find."""
    texts, labels = corpus("train")
    lines = []
    for index, (text, label) in enumerate(zip(texts[:400], labels[:400], strict=True)):
        dateline = "TOWN (Agency) - " if not label and index % 3 else ""
        quoted = "it\u00e2\u20ac\u2122s " if label and index % 2 else "\u2019" * (not label)
        source = f"paper{index % 3}" if index % 10 else "\x1b[2Jrumour"
        lines.append(
            [index, source if not label else f"blog{index % 2}", dateline + quoted + text, ("no", "yes")[label]]
        )
    copies = [[900, "paper1", lines[0][2], lines[0][3]], [901, "paper1", lines[3][2].upper(), lines[3][3]]]
    wrong = [[902, "paper1", lines[5][2], "no" if lines[5][3] == "yes" else "yes"]]
    with (tmp_path / NEWS).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [["id", "source", "text", "verdict"], *lines, *copies, *wrong, [903, "x", "", "no"]]
        )
    return tmp_path / NEWS


def prepare(*arguments):
    return main(["prepare", *map(str, arguments)])


OWN = ("--label-column", "verdict", "--drop-bad-rows")


def test_what_people_read(news, tmp_path, capsys):
    assert prepare(news, *OWN, "--output", tmp_path / "prepared") == 0
    printed = capsys.readouterr()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(printed.out, encoding="utf-8")

    assert printed.out == GOLDEN.read_text(encoding="utf-8")
    assert printed.err == f"written: {tmp_path / 'prepared'}\n"
    assert max(map(len, printed.out.splitlines())) <= 80
    assert all(mark.isprintable() for mark in printed.out.replace("\n", ""))


def test_many_classes_of_long_names_fit(tmp_path, capsys):
    lines = [
        (f"{index} {text}", f"a class with a long name {index % 5}") for index, text in enumerate(corpus("test")[0])
    ]
    path = write_rows(tmp_path / f"{'long' * 30}.csv", lines)
    assert prepare(path, "--output", tmp_path / "prepared") == 0
    printed = capsys.readouterr().out

    assert max(map(len, printed.splitlines())) <= 80
    assert "2 further classes: see preparation.json" in printed


def test_what_is_written(news, tmp_path):
    prepared = tmp_path / "prepared"
    assert prepare(news, *OWN, "--output", prepared) == 0
    record = json.loads((prepared / "preparation.json").read_text(encoding="utf-8"))
    with news.open(encoding="utf-8", newline="") as stream:
        before = {row["id"]: row for row in csv.DictReader(stream)}
    kept = 0
    for split in SPLITS:
        file = prepared / f"{split}.csv"
        found = read_labelled_file(file, label_names=("no", "yes"))
        with file.open(encoding="utf-8", newline="") as stream:
            lines = list(csv.DictReader(stream))
        assert list(lines[0]) == ["id", "source", "text", "label"]
        for line in lines:
            assert before[line["id"]] == {**{k: v for k, v in line.items() if k != "label"}, "verdict": line["label"]}
        assert record["counts"][split] == list(found.counts)
        assert record["sha256"][file.name] == sha256_file(file)
        kept += len(lines)

    assert sorted(file.name for file in prepared.iterdir()) == [
        "preparation.json", "test.csv", "train.csv", "validation.csv"
    ]  # fmt: skip
    assert kept + sum(record["removed"].values()) + 1 == 404  # and one without text
    assert record["bad"] == ["1 row without text"]
    assert record["removed"] == {"exact duplicate": 1, "near-duplicate": 1, "contradictory row": 2}
    assert record["inputs"] == [{"name": NEWS, "sha256": sha256_file(news), "rows": 404, "test": False}]
    assert str(tmp_path) not in json.dumps(record)


def test_what_gives_labels_away_is_found(news, tmp_path):
    assert prepare(news, *OWN, "--output", tmp_path / "prepared") == 0
    evidence = json.loads((tmp_path / "prepared" / "preparation.json").read_text(encoding="utf-8"))["evidence"]
    columns = {one["name"]: one["accuracy"] for one in evidence["columns"]}
    [agency] = [one for one in evidence["words"] if one["name"] == "agency"]
    [broken] = [one for one in evidence["marks"] if one["name"] == 'broken letters "â€™"']

    assert columns["source"]["value"] == 1
    assert columns["id"]["low"] <= evidence["base"]["value"]
    assert 0.6 < agency["of_class"][0] < 0.7
    assert agency["of_class"][1] < 0.05
    assert agency["accuracy"]["low"] > evidence["base"]["value"]
    assert broken["of_class"] == pytest.approx([0, 0.55], abs=0.05)


def test_the_same_files_give_the_same_bytes(news, tmp_path):
    for name in ("one", "other"):
        assert prepare(news, *OWN, "--output", tmp_path / name) == 0

    for file in (tmp_path / "one").iterdir():
        assert sha256_file(file) == sha256_file(tmp_path / "other" / file.name), file.name


def test_real_and_fake_files_are_taken_together(tmp_path):
    for name, label in (("real", 0), ("fake", 1)):
        lines = [text for text, one in zip(*corpus("test"), strict=True) if one == label]
        write_rows(tmp_path / f"{name}.csv", [(line, "") for line in lines])
        path = tmp_path / f"{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("text,label", "text,note", 1), encoding="utf-8")
    pair = ("--real", tmp_path / "real.csv", "--fake", tmp_path / "fake.csv")
    assert prepare(*pair, "--output", tmp_path / "prepared") == 0
    found = read_labelled_file(tmp_path / "prepared" / "train.csv")
    truth = dict(zip(*corpus("test"), strict=True))

    assert [truth[text] for text in found.texts] == list(found.labels)
    assert found.label_names == ("real", "fake")


@pytest.fixture
def overlapping(tmp_path):
    """A file, and a test set of which it has two rows, one of them changed a little."""
    train, test = (list(zip(*corpus(split), strict=True)) for split in ("train", "test"))
    long = " ".join(text for text, _ in train[100:120])
    path = write_rows(tmp_path / "all.csv", [*train[:100], test[0], (long + " word", 0)])
    return path, write_rows(tmp_path / "given.csv", [*test[:50], test[1], (long, 0)])


def test_what_a_given_test_set_shares_is_taken_out(overlapping, tmp_path, capsys):
    path, test = overlapping
    assert prepare(path, "--test", test, "--output", tmp_path / "prepared") == 0
    printed = capsys.readouterr().out
    record = json.loads((tmp_path / "prepared" / "preparation.json").read_text(encoding="utf-8"))
    found = [sum(leak[kind] for leak in record["leaks"] if leak["found_in"] == "test") for kind in ("exact", "near")]

    assert found == [1, 1]
    assert record["removed"] == {"exact duplicate": 1, "near-duplicate": 1}
    assert (record["repeated"], sum(record["counts"]["test"])) == (1, 52)
    assert "given.csv: 52 rows, the test set" in printed
    assert "the test set is kept as given: 1 row of it repeat" in printed
    assert "requested: 85/15, seed 0" in printed


def test_overlap_is_refused_if_asked(overlapping, tmp_path, capsys):
    path, test = overlapping
    assert prepare(path, "--test", test, "--strict", "--output", tmp_path / "prepared") == 2
    assert capsys.readouterr().err == (
        f"deploybench: error: {test}: 2 rows of the other files are in it, 1 exactly and 1 nearly, expected none with "
        "--strict; leave --strict out to have them removed\n"
    )
    assert not (tmp_path / "prepared").exists()


REFUSED = [
    ([("a", 0), ("b", 0)], (), "FILE: one class only, '0', expected texts of 2 classes or more; add some"),
    ([("a", "x"), ("b", "x")], (), "FILE: one class only, 'x', expected texts of 2 classes or more; add some"),
    ([("a", 0), ("", 1)], (), "FILE: row 2: no text in 'text'; fix it, or pass --drop-bad-rows to leave such rows out "
     "(in all: 1 row without text)"),
    ([("a", 0), ("b", "")], (), "FILE: row 2: no 'label'; fix it, or pass --drop-bad-rows to leave such rows out "
     "(in all: 1 row with a missing cell)"),
    ([("", 0), ("", 1)], ("--drop-bad-rows",), "FILE: no row that can be used, expected texts of 2 classes or more; add some"),
    ([("a", 0), ("b", 1)], (), "split 'validation': would have no text of class '0', of which there is 1 in all; "
     "give more texts, or another --split or --seed"),
    ([], (), "FILE: no rows; give a file with at least one row"),
    ([("a", 0)], ("--split", "1/2"), "--split: found '1/2', expected per cent for training, validation and test, "
     "such as 70/15/15"),
    ([("a", 0)], ("--label-column", "text2"), "FILE: no column 'text2' (did you mean 'text'?), found 'text', 'label'; "
     "name the column that holds the classes with --label-column"),
    ([("a", 0)], ("--real", "a", "--fake", "b"), "prepare: expected labelled files, or --real with --fake, and not both; "
     "name one or more"),
    ([("a", 0)], ("--test", "FILE"), "FILE: named twice; name it once"),
    ([("a", 0)], ("--seed", "x"), "--seed: found 'x', expected a whole number such as 3"),
    ([("a", 0)], ("--label-column", "text", "--text-columns", "text"), "FILE: column 'text' holds the classes; name "
     "other columns with --text-columns"),
]  # fmt: skip


@pytest.mark.parametrize(("labelled", "arguments", "message"), REFUSED)
def test_refused(tmp_path, capsys, labelled, arguments, message):
    path = write_rows(tmp_path / "a.csv", labelled)
    given = [argument.replace("FILE", str(path)) for argument in arguments]

    assert prepare(path, *given, "--output", tmp_path / "prepared") == 2
    assert capsys.readouterr().err == f"deploybench: error: {message.replace('FILE', str(path), 1)}\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_texts_in_other_columns_are_refused(news, tmp_path, capsys):
    other = tmp_path / "b.csv"
    other.write_text("title,text,verdict\na,b,no\n", encoding="utf-8")

    assert prepare(news, other, *OWN, "--output", tmp_path / "prepared") == 2
    said = f"{other}: its texts are 'title' + 'text', those of {news} 'text'; rename the columns, or name those of all"
    assert printable(said) in capsys.readouterr().err


def test_only_an_earlier_preparation_is_replaced(news, tmp_path, capsys):
    prepared = tmp_path / "prepared"
    for _ in range(2):
        assert prepare(news, *OWN, "--output", prepared) == 0
    assert prepare(prepared / "train.csv", "--output", prepared) == 2
    assert "holds train.csv, which is read and would be lost; name another folder" in capsys.readouterr().err
    (prepared / "thesis.docx").touch()
    assert prepare(news, *OWN, "--output", prepared) == 2
    assert "exists and is no earlier preparation, expected a new folder; name another" in capsys.readouterr().err
    assert prepare(news, *OWN, "--output", news) == 2
    assert "is a file, expected a folder; name another" in capsys.readouterr().err


def test_nothing_is_left_of_one_that_fails(news, tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(preparation, "write_record", fail)

    assert prepare(news, *OWN, "--output", tmp_path / "prepared") == 130
    assert [file.name for file in tmp_path.iterdir()] == [NEWS]


def test_a_file_that_changes_meanwhile_is_refused(news, tmp_path, monkeypatch, capsys):
    write = preparation.write_rows

    def change(*arguments):
        with news.open("a", encoding="utf-8") as stream:
            stream.write("1000,x,late,no\n")
        return write(*arguments)

    monkeypatch.setattr(preparation, "write_rows", change)

    assert prepare(news, *OWN, "--output", tmp_path / "prepared") == 2
    assert f"{printable(str(news))}: changed while it was being read; try again" in capsys.readouterr().err
    assert not (tmp_path / "prepared").exists()


def test_doctests():
    assert doctest.testmod(deploybench.bench.texts.prepare.label_leakage).attempted
    assert not doctest.testmod(deploybench.bench.texts.prepare.label_leakage).failed


@real_data
@pytest.mark.parametrize("name", ["newsmix", "covid_constraint"])
def test_published_splits(name, tmp_path):
    """What its own test set shares with its training set is found, against a plain count; nothing alike is left."""
    folder = SHARED / name
    files = (folder / "train.csv", "--test", folder / "test.csv")
    assert prepare(*files, "--text-columns", "text", "--output", tmp_path / "prepared") == 0
    record = json.loads((tmp_path / "prepared" / "preparation.json").read_text(encoding="utf-8"))
    kept = {
        split: read_labelled_file(tmp_path / "prepared" / f"{split}.csv", text_columns=["text"], bad_rows="drop")
        for split in SPLITS
    }
    plain = {
        split: {" ".join(re.findall(r"\w+", re.sub(r"https?://\S+", " ", text.lower()))) for text in one.texts}
        for split, one in kept.items()
    }

    assert not plain["train"] & plain["test"]
    assert not plain["train"] & plain["validation"]
    assert not plain["validation"] & plain["test"]
    assert sum(record["counts"]["test"]) == {"newsmix": 672, "covid_constraint": 2140}[name]


def test_scrambled_rows_of_real_length_are_read_in_any_order():
    """The order of rows decides nothing but which copy of a text is kept."""
    labelled = list(zip(*corpus("train"), strict=True))[:300]
    mixed = random.Random(1).sample(labelled, len(labelled))
    one, other = (dict(zip(rows, outcomes_of(rows), strict=True)) for rows in (labelled, mixed))

    assert one == other
