"""Classes are called what the checkpoint calls them, and two files are real and fake only where it is known which is which."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import builders
import pandas as pd
import pytest

import deploybench.suites
from deploybench.bench import cli
from deploybench.bench.analysis.figures import figures
from deploybench.bench.pipeline.options import Options
from deploybench.bench.pipeline.prepare import prepare
from deploybench.bench.pipeline.recorder import Recorder
from deploybench.bench.pipeline.sets import labelled_sets
from deploybench.bench.runs.store import read_run
from deploybench.bench.texts.demonstration import corpus
from deploybench.bench.texts.pairs import PairColumns
from deploybench.exporters.errors import UserError
from deploybench.exporters.head import Head


@pytest.fixture(scope="module")
def named(checkpoint_folder, tmp_path_factory):
    """The tiny checkpoint with other names for the same rows of its head; with fewer or more, its sets alone can be read."""

    def make(*names):
        folder = tmp_path_factory.mktemp("named") / "model"
        shutil.copytree(checkpoint_folder, folder)
        config = json.loads((folder / "config.json").read_text())
        config |= {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return make


@pytest.fixture
def news(tmp_path):
    """Files of real and of fake texts, and how to name them."""
    for name, label in (("real", 0), ("fake", 1)):
        texts = [text for text, one in zip(*corpus.corpus("test"), strict=True) if one == label]
        pd.DataFrame({"text": texts[:20]}).to_csv(tmp_path / f"{name}.csv", index=False)
    return f"--real={tmp_path / 'real.csv'}", f"--fake={tmp_path / 'fake.csv'}"


def plain_accuracy(folder, real):
    """Of transformers itself, one text at a time, where class ``real`` is the real one."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chosen = []
    for label in (0, 1):
        texts = [text for text, one in zip(*corpus.corpus("test"), strict=True) if one == label][:20]
        for text in texts:
            logits = model(**tokenizer(text, truncation=True, max_length=64, return_tensors="pt")).logits[0]
            chosen.append((logits.argmax().item() == real) == (label == 0))
    assert sum(chosen) / len(chosen) != pytest.approx(
        0.5, abs=0.1
    )  # else it could not be told from that of the other class
    return sum(chosen) / len(chosen)


@pytest.mark.parametrize("names", [("false", "true"), ("LABEL_0", "LABEL_1"), ("not fake", "fake")])
def test_two_files_are_refused_at_once_where_names_do_not_decide(named, news, tmp_path, capsys, names):
    assert cli.main(["run", f"--checkpoint={named(*names)}", *news, f"--work-dir={tmp_path / 'work'}"]) == 2
    assert capsys.readouterr().err == (
        f"deploybench: error: two files, real and fake: the checkpoint's labels are {names[0]!r}, {names[1]!r}, "
        "expected names that say which is real; pass --real-label NAME\n"
    )


def test_the_class_that_is_said_to_be_real_is(named, news, tmp_path):
    """Here the second one; and the saved run calls its classes as the checkpoint does."""
    names = ("false", "true")
    folder, suite = named(*names), str(Path(deploybench.suites.__path__[0], "test_accuracy.py"))
    flags = (f"--checkpoint={folder}", *news, f"--real-label={names[1]}", "--variants=torch-eager", "--threads=1")
    command = [sys.executable, "-m", "pytest", suite, "-q", "-p", "no:cacheprovider", *flags, "--benchmark-autosave"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    run = read_run(tmp_path / "results")

    assert run.checkpoint.labels == names
    assert next(one.value for one in figures(run) if one.metric == "accuracy") == plain_accuracy(folder, real=1)


def test_unnamed_classes_are_called_as_the_checkpoint_calls_them(named, tmp_path, capsys):
    """Nothing says that they are real and fake: in what is said of a set, in the saved run, in what score writes."""
    folder, path = named("LABEL_0", "LABEL_1"), tmp_path / "sst2.csv"
    pd.DataFrame({"text": ["a", "b", "c"], "label": [0, 1, 1]}).to_csv(path, index=False)
    asked = Options(checkpoint=str(folder), external=(str(path),), variants=(), threads=1, work_dir=tmp_path / "work")
    prepared = prepare(asked)
    assert "set sst2: 3 articles (1 of class LABEL_0, 2 of class LABEL_1)\n" in capsys.readouterr().err
    assert Recorder(prepared)._checkpoint().labels == ("LABEL_0", "LABEL_1")

    output = tmp_path / "out.parquet"
    score = ["score", str(path), f"--checkpoint={folder}", "--variant=torch-eager", f"--work-dir={tmp_path / 'work'}"]
    assert cli.main([*score, "-o", str(output), "--threads=1"]) == 0
    assert set(pd.read_parquet(output)["label"]) <= {"LABEL_0", "LABEL_1"}


def test_prepared_real_and_fake_files_say_so_in_words(news, tmp_path):
    """And a file of numbers has numbered classes, before and after."""
    assert cli.main(["prepare", *news, "--output", str(tmp_path / "words")]) == 0
    texts, labels = (one[:60] for one in corpus.corpus("test"))
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "numbers.csv", index=False)
    assert cli.main(["prepare", str(tmp_path / "numbers.csv"), "--output", str(tmp_path / "prepared")]) == 0

    truth = dict(zip(*corpus.corpus("test"), strict=True))
    words = pd.read_csv(tmp_path / "words" / "train.csv")
    assert words["label"].tolist() == [("real", "fake")[truth[text]] for text in words["text"]]
    record = json.loads((tmp_path / "prepared" / "preparation.json").read_text(encoding="utf-8"))
    assert record["label_names"] == ["0", "1"]
    numbers = pd.read_csv(tmp_path / "prepared" / "train.csv")
    assert numbers["label"].tolist() == [truth[text] for text in numbers["text"]]


def test_numbers_of_a_test_set_are_not_taken_for_real_and_fake(news, tmp_path, capsys):
    """Which of 0 and 1 is real, two files do not say."""
    pd.DataFrame({"text": ["a", "b"], "label": [0, 1]}).to_csv(tmp_path / "test.csv", index=False)
    assert cli.main(["prepare", *news, f"--test={tmp_path / 'test.csv'}", "--output", str(tmp_path / "out")]) == 2

    assert "row 1: label '0' is none of real, fake; fix it, or pass --drop-bad-rows" in capsys.readouterr().err


def test_a_real_label_goes_with_a_set():
    with pytest.raises(UserError) as error:
        Options(real_label="true")
    assert str(error.value) == (
        "--real-label: was given without a set; pass --real with --fake, or --external, as well"
    )


@pytest.mark.parametrize("real", [0, 1])
def test_the_sets_of_a_real_label(news, real):
    paths = dict(zip(("real", "fake"), (Path(one.partition("=")[2]) for one in news), strict=True))
    sets = labelled_sets(
        Options(**paths, real_label=("false", "true")[real]), Head(task="single-label", labels=("false", "true"))
    )

    assert sets[0].counts == (20, 20)
    assert sets[0].labels[:20] == (real,) * 20
    assert sets[0].label_names == ("false", "true")


PAIRS = [
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentence_A", "sentence_B"),
    ("Question", "ANSWER"),
    ("question1", "question2"),
    ("text", "text_pair"),
    ("query", "passage"),
    ("claim", "evidence"),
    ("sent1", "sent2"),
]


def pairs(tmp_path, *columns):
    """A file of one row with these columns."""
    path = tmp_path / "pairs.csv"
    header = list(dict.fromkeys((*columns, "label")))
    pd.DataFrame([["a b"] * len(header)], columns=header).assign(label=1).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("columns", PAIRS, ids="+".join)
def test_pairs_of_texts_are_found_by_the_names_of_their_columns(tmp_path, columns):
    path = pairs(tmp_path, *columns, "other")

    assert labelled_sets(Options(external=(str(path),)), Head(task="single-label", labels=("real", "fake")))[
        0
    ].texts == (("a b", "a b"),)
    for asked, texts in (((columns[0],), ("a b",)), (PairColumns(("other", columns[0])), (("a b", "a b"),))):
        options = Options(external=(str(path),), text_columns=asked)
        assert labelled_sets(options, Head(task="single-label", labels=("real", "fake")))[0].texts == texts


@pytest.mark.parametrize("columns", PAIRS, ids="+".join)
def test_pairs_are_never_joined(tmp_path, capsys, columns):
    path = pairs(tmp_path, *columns)
    command = ["prepare", str(path), "--output", str(tmp_path / "prepared"), f"--text-columns={','.join(columns)}"]

    assert cli.main(command) == 2
    assert capsys.readouterr().err == (
        f"deploybench: error: {path}: columns {', '.join(map(repr, columns))} are the two texts of a pair, and joined by a space "
        f"they are another input than a model of pairs was trained on; pass --pair-columns {','.join(columns)}, or name the "
        "columns of one text with --text-columns\n"
    )


def test_a_pair_beside_another_text_is_refused(tmp_path, capsys):
    path = pairs(tmp_path, "premise", "hypothesis", "title", "content")

    assert cli.main(["prepare", str(path), "--output", str(tmp_path / "prepared")]) == 2
    assert "are the two texts of a pair, and 'title', 'content' a text; name those that the model reads: " in (
        capsys.readouterr().err
    )


def test_columns_that_are_joined_for_a_model_of_pairs_are_said(named, tmp_path, capsys):
    path = tmp_path / "nli.csv"
    path.write_text("title,content,label\na,b,0\n", encoding="utf-8")
    options = Options(external=(str(path),))
    line = (
        f"caution: {path}: 'title' + 'content' are joined by a space to one text, and the classes 'ENTAILMENT', 'neutral', "
        "'contradiction' are those of pairs of texts: a model of pairs was trained on another input\n"
    )
    labelled_sets(options, Head(task="single-label", labels=("ENTAILMENT", "neutral", "contradiction")))
    assert line in capsys.readouterr().err
    alone = Options(external=(str(path),), text_columns=("content",))
    labelled_sets(alone, Head(task="single-label", labels=("ENTAILMENT", "neutral", "contradiction")))
    assert f"caution: {path}: 'content' is one text, and the classes 'ENTAILMENT', " in capsys.readouterr().err
    labelled_sets(options, Head(task="single-label", labels=("a", "b", "c")))
    labelled_sets(
        Options(external=(str(path),), text_columns=PairColumns(("title", "content"))),
        Head(task="single-label", labels=("ENTAILMENT", "neutral", "contradiction")),
    )
    assert "caution" not in capsys.readouterr().err


def test_score_says_it_too(tmp_path, capsys):
    names = dict(enumerate(("entailment", "neutral", "contradiction")))
    builders.bert(tmp_path / "nli", id2label=names, label2id={name: one for one, name in names.items()})
    path = tmp_path / "news.csv"
    path.write_text("title,content\na,b\n", encoding="utf-8")
    command = ["score", str(path), f"--checkpoint={tmp_path / 'nli'}", "--variant=torch-eager", "--threads=1"]
    more = ["-o", str(tmp_path / "out.parquet"), f"--work-dir={tmp_path / 'work'}", f"--calibration={path}"]

    assert cli.main([*command, *more]) == 0
    assert capsys.readouterr().err.count("caution: ") == 2  # of the calibration and of the scored texts
