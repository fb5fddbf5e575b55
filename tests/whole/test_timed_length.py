"""The length that a run is timed at is the one that its texts are scored at, unless another is asked for."""

import json
import shutil

import pytest

from deploybench.bench.pipeline.options import Options
from deploybench.bench.pipeline.prepare import prepare


@pytest.fixture
def trained_at_12(checkpoint_folder, tmp_path):
    """A checkpoint of 64 positions whose training cut texts at 12 tokens."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint_folder, folder)
    (folder / "training.json").write_text(json.dumps({"recipe": {"max_length": 12}}))
    return folder


@pytest.mark.parametrize(
    ("flags", "lengths"),
    [({}, (12,)), ({"sequence_lengths": (16, 32)}, (16, 32)), ({"profile": "standard"}, (64,))],
)
def test_texts_that_are_mostly_cut_are_timed_at_the_length_they_are_cut_to(
    trained_at_12, labelled_file, tmp_path, flags, lengths
):
    options = {"checkpoint": str(trained_at_12), "external": (str(labelled_file),), "work_dir": tmp_path / "work"}
    prepared = prepare(Options(**options, **flags, variants=("torch-eager",)))

    assert prepared.scoring_length == 12
    assert prepared.own == []
    assert prepared.sequence_lengths == lengths
