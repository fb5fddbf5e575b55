"""A training that fails: one line says why, and nothing is left of it."""

import dataclasses
import errno
import json
import math
import shutil

import pytest
import torch
from builders import CLASSES, DROPPING, HELD_OUT, TEXTS, TINY, fail_with, train_tiny
from fakes import calls

from deploybench.bench import cli
from deploybench.bench.texts.demonstration.corpus import LABELS
from deploybench.bench.worker import client
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.errors import CheckpointError, DataError, DiskFullError, RecipeError
from deploybench.exporters.files import sha256_file
from deploybench.exporters.training import train as training
from deploybench.exporters.training.fitting import Epoch, Fitted
from deploybench.exporters.training.steps import Steps

FITTED = Fitted(
    steps=Steps(per_device=8, accumulation=1, per_epoch=8, total=16, warmup=2),
    made=16,
    epochs=(Epoch(number=1, loss=0.5, seconds=1.0, computed_tokens=1000, validation=None),),
    best_epoch=None,
    device="cpu",
    precision="fp32",
    devices=1,
)


NO_SPACE = OSError(errno.ENOSPC, "No space left on device")
FAILURES = [
    ("fit", NO_SPACE, DiskFullError),
    ("fit", PermissionError(errno.EACCES, "Permission denied"), PermissionError),
    ("fit", KeyboardInterrupt(), KeyboardInterrupt),
    ("_save", RuntimeError("SafetensorError: I/O error: No space left on device (os error 28)"), DiskFullError),
    ("write_records", NO_SPACE, DiskFullError),
]


@pytest.mark.parametrize(("part", "error", "expected"), FAILURES)
def test_a_run_that_fails_leaves_nothing(tmp_path, monkeypatch, error, expected, part):
    monkeypatch.setattr(training, part, fail_with(error))
    if part != "fit":
        monkeypatch.setattr(training, "fit", lambda *_, **__: FITTED)

    with pytest.raises(expected):
        train_tiny(tmp_path / "checkpoint")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_keeps_the_earlier_one(trained, tmp_path, monkeypatch):
    shutil.copytree(trained[0], tmp_path / "checkpoint")
    monkeypatch.setattr(training, "fit", fail_with(OSError(errno.ENOSPC, "No space left on device")))

    with pytest.raises(DiskFullError) as caught:
        train_tiny(tmp_path / "checkpoint")
    assert str(caught.value) == (
        f"no space left on the disk of {tmp_path} while writing 'checkpoint'; free some and run again"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert read_checkpoint(tmp_path / "checkpoint").sha256 == read_checkpoint(trained[0]).sha256


def test_an_earlier_training_of_the_same_is_replaced(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "checkpoint")
    train_tiny(tmp_path / "checkpoint", evaluation={"other": HELD_OUT})

    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert read_checkpoint(tmp_path / "checkpoint").sha256 == read_checkpoint(trained[0]).sha256
    assert list(json.loads((tmp_path / "checkpoint" / "training.json").read_text())["accuracy"]) == ["other"]


def test_another_folder_is_not_replaced(tmp_path):
    (tmp_path / "thesis.docx").touch()

    with pytest.raises(CheckpointError) as caught:
        train_tiny(tmp_path)
    assert str(caught.value) == f"{tmp_path}: exists and is no earlier training, expected a new folder; name another"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_loss_that_diverges_is_refused(tmp_path, monkeypatch):
    build_model = training.build_model

    def build_broken_model(*arguments):
        start = build_model(*arguments)
        start.model.classifier.bias.data.fill_(math.nan)
        return start

    monkeypatch.setattr(training, "build_model", build_broken_model)

    with pytest.raises(RecipeError) as caught:
        train_tiny(tmp_path / "checkpoint")
    assert str(caught.value) == "recipe 'tiny': the loss became nan, expected a finite one; lower learning_rate"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("recipe", "texts", "message"),
    [
        (dataclasses.replace(TINY, seed=9), TEXTS, "holds a finished training by another recipe; name another folder"),
        (TINY, TEXTS[::-1], "holds a finished training on other texts; name another folder, or remove it"),
    ],
)
def test_another_finished_training_is_not_replaced(trained, recipe, texts, message):
    out_dir, report = trained
    with pytest.raises(CheckpointError, match=message):
        train_tiny(out_dir, recipe, texts=texts)
    assert sha256_file(out_dir / "model.safetensors") == report.weights_sha256


def test_the_start_of_a_training_is_not_its_output(trained, tmp_path, capsys, monkeypatch):
    out_dir, report = trained
    (tmp_path / "on.toml").write_text(
        f'description = "x"\ncheckpoint = "{out_dir}"\nmax_length = 16\nbatch_size = 8\nepochs = 1\nlearning_rate = 1e-3\n'
    )
    monkeypatch.chdir(out_dir.parent)
    assert cli.main(["train", str(tmp_path / "on.toml"), "--train", "x.csv", "--output", out_dir.name]) == 2
    assert "checkpoint is the checkpoint that the training starts from; name another folder" in capsys.readouterr().err
    assert sha256_file(out_dir / "model.safetensors") == report.weights_sha256


@pytest.mark.parametrize(
    ("error", "per_device", "advice"),
    [
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            8,
            "per_device_batch_size = 4",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), 4, "per_device_batch_size = 2"),
        (MemoryError(), 1, "a smaller max_length"),
    ],
)
def test_too_little_memory_says_which_batch_to_try(tmp_path, monkeypatch, error, per_device, advice):
    monkeypatch.setattr("transformers.Trainer.training_step", fail_with(error))
    with pytest.raises(
        RecipeError, match=rf"memory is too small for batches of {per_device} texts of 48 tokens \(.*\); try {advice}"
    ):
        train_tiny(tmp_path / "checkpoint", dataclasses.replace(TINY, per_device_batch_size=per_device))
    assert list(tmp_path.iterdir()) == []


def test_memory_that_is_really_short_says_which_batch_to_try(tmp_path):
    """With room for the model, and none for all texts at once."""
    sizes = {"hidden_size": 256, "intermediate_size": 4096, "num_hidden_layers": 8, "num_attention_heads": 4}
    recipe = dataclasses.replace(
        DROPPING, architecture=dataclasses.replace(DROPPING.architecture, **sizes), batch_size=60, epochs=1
    )
    given = {"texts": TEXTS, "labels": CLASSES, "label_names": LABELS, "evaluation": {}, "out_dir": tmp_path / "out"}
    with pytest.raises(
        RecipeError, match=r"for batches of 60 texts of 48 tokens \(.*\); try per_device_batch_size = 30"
    ):
        client.call_in_child(calls.train_within, recipe, threads=1, keywords={**given, "spare": 500 * 2**20})
    assert list(tmp_path.iterdir()) == []


def test_any_other_error_is_left_as_it_is(tmp_path, monkeypatch):
    error = RuntimeError("a kernel failed")
    monkeypatch.setattr("transformers.Trainer.training_step", fail_with(error))
    with pytest.raises(RuntimeError) as caught:
        train_tiny(tmp_path / "checkpoint")

    assert caught.value is error
    assert error.__cause__ is None  # one that is its own cause has no end
    assert list(tmp_path.iterdir()) == []


REFUSED_LABELS = [
    ([0] * 60, LABELS, "training set of 60 texts has no text of class 'fake', expected texts of 2 classes or more; add some"),
    ([1] * 60, LABELS, "training set of 60 texts has no text of class 'real', expected texts of 2 classes or more; add some"),
    ([0] * 60, ("a",), "training set of 60 texts has only one class, 'a', expected texts of 2 classes or more; add some"),
    ([0] * 59, LABELS, "training set has 60 texts and 59 labels, expected as many of both"),
    ([0, 2] * 30, LABELS, "training set has the label 2, expected 0 to 1"),
    ([0, -1] * 30, LABELS, "training set has the label -1, expected 0 to 1"),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "label_names", "message"), REFUSED_LABELS)
def test_labels_that_cannot_be_learnt(tmp_path, labels, label_names, message):
    with pytest.raises(DataError) as caught:
        train_tiny(tmp_path / "checkpoint", labels=labels, label_names=label_names)

    assert str(caught.value) == message


def test_texts_too_few_for_a_tokenizer(tmp_path):
    with pytest.raises(DataError, match=r"^2 training texts are too few for a tokenizer \("):
        train_tiny(tmp_path / "checkpoint", texts=["", " "], labels=[0, 1])
