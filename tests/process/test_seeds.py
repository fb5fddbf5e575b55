"""The same training from several seeds: what is kept, what is taken over, and how far another one may be off."""

import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from deploybench.bench.cli import main
from deploybench.bench.pipeline.seeds import is_finished, seed_band
from deploybench.bench.statistics import prediction_interval
from deploybench.bench.texts.demonstration.corpus import LABELS, corpus
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint

RECIPE = """
description = "for tests"
max_length = 48
batch_size = 8
epochs = 1
learning_rate = 1e-2
seed = 7

[architecture]
model_type = "albert"
embedding_size = 8
hidden_size = 16
num_hidden_layers = 1
num_hidden_groups = 1
num_attention_heads = 2
intermediate_size = 16
max_position_embeddings = 80

[tokenizer]
vocab_size = 300
"""


@pytest.fixture
def train(tmp_path):
    """The command, with a small recipe and few texts."""
    (tmp_path / "small.toml").write_text(RECIPE)
    for split, count in (("train", 60), ("test", 30)):
        texts, labels = (column[:count] for column in corpus(split))
        frame = pd.DataFrame({"text": texts, "label": [LABELS[label] for label in labels]})
        frame.to_csv(tmp_path / f"{split}.csv", index=False)
    return [
        "train",
        str(tmp_path / "small.toml"),
        f"--train={tmp_path / 'train.csv'}",
        f"--external=test={tmp_path / 'test.csv'}",
        f"--work-dir={tmp_path / 'work'}",
        f"--output={tmp_path / 'out'}",
    ]


def test_two_seeds_are_two_trainings_and_one_record(train, tmp_path, capsys):
    assert main([*train, "--seeds", "2"]) == 0
    printed = capsys.readouterr()
    record = json.loads((tmp_path / "out" / "seeds.json").read_text())
    trained = [json.loads((tmp_path / "out" / f"seed-{seed}" / "training.json").read_text()) for seed in (7, 8)]

    assert record["seeds"] == [7, 8] == [one["recipe"]["seed"] for one in trained]
    assert record["sets"]["test"]["accuracy"] == [one["accuracy"]["test"] for one in trained]
    assert all(one["origin"]["threads"] >= 1 for one in trained)
    assert trained[0]["origin"]["cpu"] in (tmp_path / "out" / "seed-7" / "README.md").read_text()
    assert len({read_checkpoint(tmp_path / "out" / f"seed-{seed}").sha256 for seed in (7, 8)}) == 2
    assert (tmp_path / "out" / "seed-8" / "seeds.json").read_text() == (tmp_path / "out" / "seeds.json").read_text()
    mean = np.mean(record["sets"]["test"]["accuracy"])
    assert re.search(rf"^test +{mean:.3f} ", printed.out, re.MULTILINE)
    assert max(map(len, printed.out.splitlines()[1:5])) <= 80

    shutil.rmtree(tmp_path / "out" / "seed-8")
    assert main([*train, "--seeds", "2", "--resume"]) == 0
    assert "seed 7, 1 of 2: reused\n" in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "seeds.json").read_text()) == record

    # A file of the same name and other texts is scored anew, and other training texts are refused: hours may be in it.
    texts = pd.read_csv(tmp_path / "test.csv")
    texts[:20].to_csv(tmp_path / "test.csv", index=False)
    assert main([*train, "--seeds", "2", "--resume"]) == 0
    assert "reused" not in capsys.readouterr().err
    shorter = json.loads((tmp_path / "out" / "seeds.json").read_text())["sets"]["test"]
    assert shorter["sha256"] != record["sets"]["test"]["sha256"]
    assert all(round(20 * one) == pytest.approx(20 * one) for one in shorter["accuracy"])
    texts[:25].to_csv(tmp_path / "train.csv", index=False)
    assert main([*train, "--seeds", "2", "--resume"]) == 2
    assert "seed-7: holds a finished training on other texts; name another folder" in capsys.readouterr().err


def test_seeds_need_a_set_to_score(train, capsys, tmp_path):
    assert main([*(one for one in train if "--external" not in one), "--seeds", "2"]) == 2
    assert "--seeds: found no labelled set, expected one to compare" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("count", ["1", "0", "-3", "many", "1000"])
def test_so_many_seeds_are_refused(train, count, capsys, tmp_path):
    assert main([*train, "--seeds", count]) == 2
    assert capsys.readouterr().err.endswith(f"--seeds: found {count!r}, expected a number from 2 to 100 such as 5\n")
    assert not (tmp_path / "out").exists()


def test_equal_accuracies_leave_room_for_one_that_rounds_otherwise():
    low, high = seed_band([0.9, 0.9, 0.9], 100)

    assert 0.01 < high - low < 0.05


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_another_value_lies_within_as_often_as_it_says(count):
    random = np.random.default_rng(3)
    inside = 0
    for _ in range(2000):
        *values, another = random.normal(0.9, 0.01, count + 1)
        low, high = prediction_interval(values)
        inside += low < another < high

    assert inside / 2000 == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("base", "finished"), [("c" * 64, True), ("d" * 64, False), (None, False)])
def test_a_seed_that_began_from_another_checkpoint_is_not_taken_over(tmp_path, base, finished):
    same = SimpleNamespace(sha256="a" * 64)
    record = {"recipe_sha256": same.sha256, "data_sha256": same.sha256, "base_sha256": "c" * 64, "sets_sha256": {}}
    (tmp_path / "training.json").write_text(json.dumps(record))

    assert is_finished(tmp_path, same, same, {}, base) == finished
