"""Texts that certify cascades: those of a file, or those that training left, but none that trained, calibrated or is scored."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from deploybench.bench.pipeline.held_out import find_held_out
from deploybench.bench.pipeline.options import Options
from deploybench.exporters.checkpoints.inputs import Inputs
from deploybench.exporters.checkpoints.tokenization import Pad, tokenise
from deploybench.exporters.texts import row_hash

TEXTS = ["a", "bread", "c", "d is a longer text of more words", "e"]
CASCADE = ("linear-tokens+onnx-fp32",)


@pytest.fixture
def asked(tmp_path, checkpoint):
    """Finds texts with the options given; the training left the last three."""
    inputs = Inputs(tokenizer=checkpoint.path, max_length=64, truncation_side="right", pad=Pad(0))
    ids = tokenise(checkpoint.path, TEXTS, 64)
    left = {"rows": [*map(row_hash, TEXTS[2:])], "input_ids": ids[2:]}
    (tmp_path / "validation.json").write_text(json.dumps(left))
    trained = replace(checkpoint, path=tmp_path, trained_length=5)

    def find(sets=(), used=(), **options):
        options = Options(**{"variants": CASCADE, **options})
        return find_held_out(options, trained, inputs, sets, used)

    return find, ids


def test_without_a_cascade_nothing_is_read(asked, capsys):
    find, _ = asked

    assert find(variants=("onnx-fp32",)) == ()
    assert capsys.readouterr().err == ""


def test_texts_that_training_left_are_cut_as_they_are_scored(asked, capsys):
    find, ids = asked
    whole = ids[3]

    assert len(whole) > 5
    assert [*map(tuple, find())] == [tuple(ids[2]), (*whole[:4], whole[-1]), tuple(ids[4])]
    assert "cascades are certified on 3 texts that training left for validation" in capsys.readouterr().err


def test_texts_of_a_labelled_set_and_those_that_were_used_are_left_out(asked):
    find, ids = asked
    scored = SimpleNamespace(row_hashes=(row_hash("c"),))

    assert [*map(tuple, find(sets=[scored]))] == [(*ids[3][:4], ids[3][-1]), tuple(ids[4])]
    assert [*map(tuple, find(used=[ids[3], ids[4]]))] == [tuple(ids[2])]


def test_a_file_takes_the_place_of_what_training_left(asked, tmp_path, capsys):
    find, ids = asked
    (tmp_path / "mine.csv").write_text("text\na\nbread\n")

    assert [*map(tuple, find(unlabelled=(tmp_path / "mine.csv",)))] == [tuple(ids[0]), (*ids[1][:4], ids[1][-1])]
    assert "cascades are certified on 2 texts of mine.csv" in capsys.readouterr().err
