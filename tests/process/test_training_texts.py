"""Where another model's training texts come from, and which texts never train it."""

import json
from dataclasses import replace

import pytest

from deploybench.bench.pipeline.options import Options
from deploybench.bench.pipeline.training_texts import find_training_texts
from deploybench.bench.pipeline.unlabelled import Unlabelled
from deploybench.bench.texts.data import LabelledSet
from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.checkpoints.inputs import Inputs
from deploybench.exporters.checkpoints.tokenization import Pad, tokenise
from deploybench.exporters.errors import CheckpointError, DataError
from deploybench.exporters.texts import row_hash

NAMED = ("torch-eager", "linear-tokens")
TEXTS = ["bread and butter", "milk", "a cheese of the hills", "honey"]
NOTHING = Unlabelled(tokens={})


@pytest.fixture
def found(checkpoint, tmp_path, capsys):
    """Calls it for a copy of the checkpoint's folder without weights; gives the texts and what was said."""
    inputs = Inputs(tokenizer=checkpoint.path, max_length=64, truncation_side="right", pad=Pad(0))

    def find(
        sets=(), calibration=(), unlabelled=NOTHING, *, variants=NAMED, demonstration=False, reading=None, **options
    ):
        asked = Options(checkpoint=str(tmp_path), variants=variants, **options)
        trained = replace(checkpoint, path=tmp_path, demonstration=demonstration)
        texts = find_training_texts(asked, trained, inputs, sets, calibration, unlabelled, reading or {})
        return texts, " ".join(capsys.readouterr().err.split())

    return find


@pytest.fixture
def ids(checkpoint):
    return tokenise(checkpoint.path, TEXTS, 64)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "train.csv"
    rows = zip(TEXTS, ("real", "fake", "real", "fake"), strict=True)
    path.write_text("".join(f"{text},{label}\n" for text, label in [("text", "label"), *rows]))
    return path


def a_set(*texts):
    return LabelledSet(name="x", texts=texts, labels=(0,) * len(texts), label_names=("real", "fake"), dropped=())


def lists(texts):
    return [ids[0].tolist() for ids, *_ in texts.each()]


def leave(folder, ids, **changes):
    left = {"rows": [*map(row_hash, TEXTS)], "input_ids": ids, "labels": [0, 1, 0, 1], **changes}
    (folder / "training_texts.json").write_text(json.dumps(left))


def test_labelled_texts_of_the_file_come_first(found, file, ids, tmp_path):
    leave(tmp_path, [[2, 9, 3]] * 4)
    texts, said = found(train=file)

    assert lists(texts) == ids
    assert texts.labels.tolist() == [0, 1, 0, 1]
    assert texts.source == "labelled texts of train.csv"
    assert said.startswith(f"training texts {file}: 4 articles (2 real, 2 fake)")
    assert said.endswith("another model is trained on 4 labelled texts of train.csv")


def test_then_those_that_training_left(found, ids, tmp_path):
    leave(tmp_path, ids)
    texts, _ = found(unlabelled=Unlabelled(tokens={"row": [2, 9, 3]}))

    assert (lists(texts), texts.labels.tolist()) == (ids, [0, 1, 0, 1])
    assert texts.source == "labelled texts that training left"


def test_then_the_corpus_of_the_demonstration(found):
    texts, _ = found(demonstration=True)

    assert len(texts.lengths) == len(corpus.corpus("train")[0])
    assert texts.labels.tolist() == [*corpus.corpus("train")[1]]


def test_then_texts_without_labels(found, ids):
    texts, said = found(unlabelled=Unlabelled(tokens=dict(zip(map(row_hash, TEXTS), ids, strict=True))))

    assert lists(texts) == ids
    assert texts.labels is None
    assert said == "another model is trained on 4 texts without labels, classified by torch-eager"


def test_without_any_there_are_none(found):
    assert found()[0] is None


def test_nothing_is_read_where_no_variant_is_another_model(found, tmp_path):
    (tmp_path / "training_texts.json").write_text("not read")

    assert found(variants=("torch-eager", "onnx-fp32")) == (None, "")


@pytest.mark.parametrize("source", ["file", "left", "plain"])
def test_texts_of_a_labelled_set_and_those_that_calibrate_never_train_it(found, file, ids, tmp_path, source):
    if source == "left":
        leave(tmp_path, ids)
    plain = Unlabelled(tokens=dict(zip(map(row_hash, TEXTS), ids, strict=True)))
    texts, said = found(
        [a_set(TEXTS[0]), a_set(TEXTS[2], "not in the file")],
        [tuple(ids[3])],
        plain if source == "plain" else NOTHING,
        **({"train": file} if source == "file" else {}),
    )

    assert lists(texts) == [ids[1]]
    assert said.endswith("; left out: 2 texts of a labelled set, 1 calibration text")


def test_a_calibration_text_that_is_cut_elsewhere_is_the_same_text(found, checkpoint, tmp_path):
    long = " ".join(corpus.corpus("train")[0][:2])
    path = tmp_path / "long.csv"
    path.write_text(f'text,label\n"{long}",real\nbread,fake\n')
    whole = tokenise(checkpoint.path, [long], None)[0]
    texts, _ = found([], [whole], train=path)

    assert len(whole) > 64
    assert len(texts.lengths) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na,real\na,real\n", "row 2: repeats row 1"),
        ("text,label\na,maybe\n", "'maybe'"),
        ("text\na\n", "no column 'label'"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(found, tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(DataError) as error:
        found(train=path)

    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changes",
    [{"labels": [0, 1, 0, 2]}, {"labels": [0, 1, 0, [1]]}, {"labels": [0]}, {"rows": None}, {"input_ids": {}}],
)
def test_left_texts_that_are_somebody_elses_are_one_line(found, ids, tmp_path, changes):
    leave(tmp_path, ids, **changes)
    with pytest.raises(CheckpointError, match=r"training_texts.json: holds no labelled token ids, expected 'rows'"):
        found()


def test_a_missing_file_is_one_line(found, tmp_path):
    with pytest.raises(DataError, match="missing.csv"):
        found(train=tmp_path / "missing.csv")


@pytest.mark.parametrize(("flag", "there"), [({}, False), ({"train": "x.csv"}, True)])
def test_it_is_a_default_with_labelled_texts_alone(tmp_path, flag, there):
    assert ("linear-tokens" in Options(checkpoint=str(tmp_path), **flag).variants) == there
    leave(tmp_path, [])
    assert "linear-tokens" in Options(checkpoint=str(tmp_path)).variants
    assert "linear-tokens" in Options().variants
