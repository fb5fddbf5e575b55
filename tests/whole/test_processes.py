"""One training in two processes: one of them reads, speaks and writes, and each text is trained on once an epoch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploybench.bench import cli
from deploybench.bench.pipeline import training
from deploybench.bench.texts.demonstration.corpus import LABELS, corpus
from deploybench.exporters.errors import RecipeError, UserError, WorkerError
from deploybench.exporters.files import sha256_file
from deploybench.exporters.training.batching import DeviceBatches, LengthGroupedOrder
from deploybench.exporters.training.recipe import read_recipe
from deploybench.exporters.training.steps import steps

RECIPE = """
description = "for tests"
max_length = 48
batch_size = 8
per_device_batch_size = 2
epochs = 3
learning_rate = 1e-2
seed = 7

[architecture]
model_type = "bert"
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 16
max_position_embeddings = 80

[tokenizer]
vocab_size = 300

[early_stopping]
patience = 3
"""
ROWS = 59  # 14 batches of four, and one of three: 8 steps, the last of which has one batch
LINES = ["training set train: 59 articles", "set validation: 30 articles", "set test: 30 articles"]


@given(rows=st.integers(1, 60), batch_size=st.integers(1, 9), devices=st.integers(1, 4), lengths=st.randoms())
def test_devices_share_every_text_once(rows, batch_size, devices, lengths):
    together = batch_size * devices
    order = LengthGroupedOrder([lengths.randrange(9) for _ in range(rows)], together, 7)
    shares = [DeviceBatches(order, together, devices, device) for device in range(devices)]
    dealt = [list(share) for share in shares]
    steps = [sorted(text for part in parts for text in part) for parts in zip(*dealt, strict=True)]
    last = (rows - 1) % together + 1

    assert {len(share) for share in shares} == {len(steps)} == {-(-rows // together)}
    assert all(max(map(len, parts)) - min(map(len, parts)) <= 1 for parts in zip(*dealt, strict=True))
    assert all(min(map(len, parts)) > 0 for parts in zip(*dealt, strict=True))
    seen = sorted(text for step in steps for text in step)
    if last >= devices:
        assert seen == list(range(rows))
    else:  # each device needs one
        assert sorted(set(seen)) == list(range(rows))
        assert len(seen) == rows + devices - last


def test_the_order_is_that_of_the_epoch():
    order = LengthGroupedOrder([1] * 20, 4, 7)
    share = DeviceBatches(order, 4, 2, 1)
    first = list(share)
    share.sampler.set_epoch(1)

    assert first != list(share)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small recipe and few texts."""
    folder = tmp_path_factory.mktemp("launched")
    (folder / "small.toml").write_text(RECIPE)
    for split, count in (("train", ROWS), ("test", 30)):
        texts, labels = (column[:count] for column in corpus(split))
        frame = pd.DataFrame({"text": texts, "label": [LABELS[label] for label in labels]})
        frame.to_csv(folder / f"{split}.csv", index=False)
    return folder


def launch(folder, name, *arguments, fails=""):
    """The command in two processes; what it printed, and which texts each process trained on in each step."""
    notes = folder / f"{name}-notes"
    notes.mkdir()
    tests = Path(__file__).parents[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tests / "fakes" / "launched"), str(tests.parent)]),
        "CUDA_VISIBLE_DEVICES": "",
        "NOTES": str(notes),
        "FAILS": fails,
    }
    launcher = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--main_process_port=0"]
    files = [
        "--train=train.csv",
        "--external=test=test.csv",
        "--validation=test.csv",
        f"--output={name.partition('-')[0]}",
    ]
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "deploybench.bench.cli", "train", "small.toml", *files, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=300,
        check=False,
    )
    noted = {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in notes.iterdir()}
    return done, noted


@pytest.fixture(scope="module")
def trained(folder):
    return launch(folder, "whole")


def said(done):
    return [line for line in done.stderr.splitlines() if line.startswith(("training set", "set ", "deploybench:"))]


def test_one_process_speaks_and_writes(trained, folder):
    done, _ = trained

    assert done.returncode == 0
    assert [line.partition(" (")[0] for line in said(done)] == LINES
    assert [line.split()[0] for line in done.stdout.splitlines()].count("trained") == 1
    assert "\ncheckpoint: whole, weights " in done.stdout
    assert "Traceback" not in done.stderr
    assert not list(folder.glob(".whole*"))
    assert len(list((folder / "whole" / "plots").iterdir())) > 0


def test_steps_are_those_of_one_device(trained, folder):
    record = json.loads((folder / "whole" / "training.json").read_text())
    recipe = read_recipe(folder / "small.toml")

    assert (record["devices"], record["device"]) == (2, "cpu")
    assert record["batch"] == {
        "effective": 8, "per_device": 2, "accumulation": 2, "steps_per_epoch": 8, "steps": 24, "warmup_steps": 3,
    }  # fmt: skip
    assert record["batch"]["steps"] == steps(ROWS, recipe).total == steps(ROWS, recipe, devices=2).total
    assert [one["number"] for one in record["epochs"]] == [1, 2, 3]
    assert all(0.5 < one["loss"] < 0.9 for one in record["epochs"])
    scores = [one["validation"]["accuracy"] for one in record["epochs"]]
    assert [30 * score for score in scores] == pytest.approx([round(30 * score) for score in scores])  # no text twice
    assert record["accuracy"]["validation"] == record["accuracy"]["test"]
    assert scores[record["best_epoch"] - 1] == pytest.approx(record["accuracy"]["test"], abs=0.1)  # of texts in full


def test_each_text_is_trained_on_once_an_epoch(trained, folder):
    from transformers import PreTrainedTokenizerFast

    _, noted = trained
    texts = pd.read_csv(folder / "train.csv")["text"].tolist()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "whole" / "tokenizer.json"))
    expected = sorted(tuple(ids) for ids in tokenizer(texts, truncation=True, max_length=48)["input_ids"])
    record = json.loads((folder / "whole" / "training.json").read_text())

    assert sorted(noted) == ["0", "1"]
    assert {len(each) for each in noted.values()} == {3 * 15}
    for epoch in range(3):
        found = [
            tuple(one for one in ids if one != 0)
            for each in noted.values()
            for step, batch in each
            if step // 8 == epoch
            for ids in batch
        ]
        assert sorted(found) == expected
    computed = sum(len(batch) * len(batch[0]) for each in noted.values() for _, batch in each)
    assert sum(one["computed_tokens"] for one in record["epochs"]) == computed


def test_a_process_that_fails_ends_all_and_what_it_left_is_gone_on_with(trained, folder):
    done, _ = launch(folder, "again", fails="1 at 10")
    told = said(done)[3:]

    assert done.returncode != 0
    assert told == [
        "deploybench: error: recipe 'small': memory is too small for batches of 2 texts of 48 tokens (MemoryError); "
        "try per_device_batch_size = 1, or gradient_checkpointing = true"
    ]
    assert sorted(path.name for path in folder.glob(".again*")) == [".again.training"]

    resumed, noted = launch(folder, "again-on", "--resume")
    assert resumed.returncode == 0
    assert {step for each in noted.values() for step, _ in each} == set(range(8, 24))
    assert sha256_file(folder / "again" / "model.safetensors") == sha256_file(folder / "whole" / "model.safetensors")
    assert not list(folder.glob(".again*"))


def test_seeds_are_trained_in_one_process(folder, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(training.time, "sleep", lambda _: None)

    assert cli.main(["train", "small.toml", "--train=train.csv", "--seeds=2", "--output=seeds"]) == 2
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("deploybench: error: --seeds: found 2 processes, expected one")
    )


@pytest.mark.parametrize(
    ("rank", "error", "waits"),
    [
        (0, UserError("a"), 0),
        (1, RecipeError("a"), 5),
        (0, WorkerError("a"), 10),
        (1, WorkerError("a"), 15),
    ],
)
def test_who_knows_best_speaks_first(monkeypatch, rank, error, waits):
    slept = []
    monkeypatch.setattr(training.time, "sleep", slept.append)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", str(rank))
    with pytest.raises(type(error)), training.report_from_one_rank():
        raise error

    assert slept == [waits]
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(type(error)), training.report_from_one_rank():
        raise error
    assert slept == [waits]


def test_only_one_process_says_that_it_was_interrupted(monkeypatch):
    with pytest.raises(KeyboardInterrupt), training.report_from_one_rank():
        raise KeyboardInterrupt
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as caught, training.report_from_one_rank():
        raise KeyboardInterrupt
    assert caught.value.code == 130
