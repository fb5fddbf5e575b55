"""Training: what is written, that it is the same each time, and that nothing is left of a run that failed."""

import dataclasses
import errno
import json
import math
import shutil
import subprocess
import sys
import types
from csv import writer

import numpy as np
import pytest
import torch
from fakes import calls
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sklearn.metrics import f1_score
from transformers import TrainerCallback

from bench import cli
from bench.pipeline import training as command
from bench.texts.data import LabelledSet
from bench.texts.demonstration.corpus import LABELS, corpus
from bench.worker import client
from exporters.checkpoints.checkpoint import read_checkpoint
from exporters.checkpoints.tokenization import saved_tokenizer
from exporters.errors import CheckpointError, DataError, DiskFullError, RecipeError
from exporters.files import sha256_file
from exporters.training import fitting
from exporters.training import model as starting
from exporters.training import train as training
from exporters.training.batching import LengthGroupedOrder
from exporters.training.fitting import Epoch, Fitted
from exporters.training.model import build_model
from exporters.training.precision import Device
from exporters.training.recipe import Architecture, EarlyStopping, Recipe, TokenizerRecipe
from exporters.training.scores import predict_labels, weighted_f1
from exporters.training.sentence_pieces import backend
from exporters.training.steps import Steps
from exporters.training.train import train
from exporters.training.unfinished import Unfinished

TINY = Recipe(
    name="tiny",
    description="for tests",
    demonstration=True,
    architecture=Architecture(
        model_type="albert",
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_hidden_groups=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=80,
    ),
    tokenizer=TokenizerRecipe(vocab_size=300),
    max_length=48,
    batch_size=8,
    epochs=2,
    learning_rate=1e-2,
)
TEXTS, CLASSES = (column[:60] for column in corpus("train"))
HELD_OUT = tuple(column[:20] for column in corpus("test"))


def run(out_dir, recipe=TINY, **changes):
    given = {"texts": TEXTS, "labels": CLASSES, "label_names": LABELS, "evaluation": {"test": HELD_OUT}, **changes}
    return train(recipe, out_dir=out_dir, **given)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder and report of one training run; tests only read it."""
    out_dir = tmp_path_factory.mktemp("trained") / "checkpoint"
    return out_dir, run(out_dir)


def test_what_is_written(trained):
    out_dir, _ = trained
    names = sorted(path.name for path in out_dir.iterdir() if path.name != "special_tokens_map.json")

    assert names == [  # and the map of special tokens from transformers 4
        "README.md",
        "answers.json",
        "calibration.json",
        "config.json",
        "model.safetensors",
        "spiece.model",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.json",
    ]
    assert [path.name for path in out_dir.parent.iterdir()] == ["checkpoint"]
    assert {path.stat().st_mode & 0o777 for path in out_dir.iterdir()} == {0o644}


def test_the_checkpoint_is_one_that_the_product_reads(trained):
    out_dir, report = trained
    checkpoint = read_checkpoint(out_dir)

    assert checkpoint.labels == LABELS
    assert checkpoint.demonstration
    assert checkpoint.num_parameters == report.num_parameters


def test_configuration_and_tokenizer(trained):
    from transformers import AutoConfig, AutoTokenizer

    out_dir, _ = trained
    config, tokenizer = AutoConfig.from_pretrained(out_dir), AutoTokenizer.from_pretrained(out_dir)

    assert config.id2label == {0: "real", 1: "fake"}
    assert config.label2id == {"real": 0, "fake": 1}
    assert config.problem_type == "single_label_classification"
    assert config.vocab_size == len(tokenizer) == 300
    assert (tokenizer.is_fast, tokenizer.model_max_length) == (True, 80)
    assert tokenizer.convert_ids_to_tokens([0, 1, 2, 3, 4]) == ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    saved = json.loads((out_dir / "tokenizer.json").read_text())
    assert (saved["truncation"], saved["padding"]) == (None, None)
    assert tokenizer("Council")["input_ids"] == tokenizer("council")["input_ids"]


def test_texts_are_cut_into_the_pieces_that_were_learnt(trained):
    """With transformers 5 as with 4, whose own way to read a SentencePiece model is another."""
    import sentencepiece
    from transformers import AutoTokenizer

    out_dir, _ = trained
    learnt = sentencepiece.SentencePieceProcessor(model_file=str(out_dir / "spiece.model"))
    texts = [" ".join(text.split()) for text in TEXTS]
    expected = [learnt.encode(text) for text in texts]

    assert AutoTokenizer.from_pretrained(out_dir)(texts, add_special_tokens=False)["input_ids"] == expected
    built = backend(out_dir / "spiece.model").encode_batch(texts, add_special_tokens=False)
    assert [one.ids for one in built] == expected


@pytest.mark.parametrize(
    "config",
    [
        {"tokenizer_class": "AlbertTokenizer", "extra_special_tokens": {}},
        {"tokenizer_class": "TokenizersBackend", "backend": "tokenizers", "extra_special_tokens": ["[CLS]", "[SEP]"]},
    ],
)
def test_a_tokenizer_of_either_version_is_read(trained, tmp_path, config):
    """As transformers 4.57.6 and 5.23.0 name theirs, which the other one cannot read by itself."""
    out_dir, _ = trained
    shutil.copytree(out_dir, tmp_path / "other")
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "<unk>", "pad_token": "<pad>"}
    (tmp_path / "other" / "tokenizer_config.json").write_text(json.dumps({**config, **names}))
    (tmp_path / "other" / "special_tokens_map.json").unlink(missing_ok=True)
    read, own = (saved_tokenizer(folder) for folder in (tmp_path / "other", out_dir))

    assert read(list(TEXTS))["input_ids"] == own(list(TEXTS))["input_ids"]
    assert read.pad_token_id == 0
    run(
        tmp_path / "on",
        dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(tmp_path / "other"), epochs=1),
    )
    saved = json.loads((tmp_path / "on" / "tokenizer_config.json").read_text())
    assert saved["tokenizer_class"] in ("AlbertTokenizer", "AlbertTokenizerFast", "PreTrainedTokenizerFast")
    assert not isinstance(saved.get("extra_special_tokens"), list)


def test_the_record(trained):
    out_dir, report = trained
    record = json.loads((out_dir / "training.json").read_text())
    data = LabelledSet(name="train", texts=TEXTS, labels=CLASSES, label_names=LABELS, dropped=())

    assert record["recipe"] == dataclasses.asdict(TINY)
    assert {key: record[key] for key in dataclasses.asdict(report)} == dataclasses.asdict(report)
    assert record["demonstration"] is True
    assert sorted(record["versions"]) == [
        "accelerate",
        "python",
        "sentencepiece",
        "tokenizers",
        "torch",
        "transformers",
    ]
    assert report.recipe_sha256 == TINY.sha256
    assert report.data_sha256 == data.sha256
    assert report.tokenizer_sha256 == sha256_file(out_dir / "tokenizer.json")
    assert report.weights_sha256 == sha256_file(out_dir / "model.safetensors")
    assert 0 < report.training_seconds < report.seconds
    assert report.batch == {
        "effective": 8, "per_device": 8, "accumulation": 1, "steps_per_epoch": 8, "steps": 16, "warmup_steps": 2,
    }  # fmt: skip
    assert [one["number"] for one in report.epochs] == [1, 2]
    assert all(0.5 < one["loss"] < 0.9 for one in report.epochs)
    assert report.samples_per_second == pytest.approx(120 / report.training_seconds)
    assert 0 <= report.padding_share < 0.5
    assert report.peak_memory > 100e6
    assert (report.device, report.devices, report.precision, report.best_epoch) == ("cpu", 1, "fp32", None)


def test_texts_are_scored_as_far_as_the_deployed_model_reads_them(trained):
    out_dir, _ = trained
    tokens = json.loads((out_dir / "answers.json").read_text())["sets"]["test"]["tokens"]

    assert max(tokens) == TINY.max_length == read_checkpoint(out_dir).trained_length


def test_calibration_is_of_training_texts(trained):
    from transformers import AutoTokenizer

    out_dir, _ = trained
    calibration = json.loads((out_dir / "calibration.json").read_text())
    ids = AutoTokenizer.from_pretrained(out_dir)(list(TEXTS), truncation=True, max_length=80)["input_ids"]

    assert calibration["source"] == "training texts"
    assert sorted(calibration["input_ids"]) == sorted(ids)
    assert calibration["input_ids"] != ids  # in random order: a first part is a sample
    assert max(map(len, ids)) == 80  # some text is long enough to be cut


def test_scores_are_those_of_the_saved_model(trained):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    out_dir, report = trained
    model = AutoModelForSequenceClassification.from_pretrained(out_dir)
    tokenizer = AutoTokenizer.from_pretrained(out_dir)
    right = {0: [], 1: []}
    for text, label in zip(*HELD_OUT, strict=True):
        with torch.inference_mode():
            logits = model(**tokenizer(text, truncation=True, return_tensors="pt")).logits
        right[label].append(int(logits.argmax()) == label)

    assert report.accuracy == {"test": sum(right[0] + right[1]) / 20}
    assert report.recall == {"test": {LABELS[label]: sum(found) / len(found) for label, found in right.items()}}


def test_the_same_seed_gives_the_same_bytes(trained, tmp_path):
    out_dir, report = trained
    again = run(tmp_path / "again")
    run(tmp_path / "other", dataclasses.replace(TINY, seed=8))

    for name in ("model.safetensors", "tokenizer.json", "spiece.model", "calibration.json", "config.json"):
        assert sha256_file(out_dir / name) == sha256_file(tmp_path / "again" / name), name
    losses = [[one["loss"] for one in each.epochs] for each in (report, again)]
    assert losses[0] == losses[1]
    assert (again.accuracy, again.recall, again.f1) == (report.accuracy, report.recall, report.f1)
    assert sha256_file(out_dir / "model.safetensors") != sha256_file(tmp_path / "other" / "model.safetensors")


def test_it_learns(tmp_path):
    """Ids 10 and up, of which 11 stands in one class alone."""
    examples = [{"input_ids": [2, 10 + index % 2, 12 + index % 7, 3], "labels": index % 2} for index in range(64)]
    tokenizer = fake_tokenizer()
    model = build_model(TINY, tokenizer, LABELS, None).model
    fit(model, tokenizer, dataclasses.replace(TINY, epochs=6), examples, tmp_path)
    found = predict_labels(model, tokenizer, [example["input_ids"] for example in examples])

    assert found == [index % 2 for index in range(64)]


def fit(model, tokenizer, recipe, examples, folder, validation=None):
    unfinished = Unfinished(folder / "out", {})
    with unfinished.kept(resume=False) as state:
        return fitting.fit(
            model,
            tokenizer,
            recipe,
            examples,
            validation=validation,
            unfinished=unfinished,
            state=state,
            progress=False,
        )


def fake_tokenizer():
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {f"w{index}": index for index in range(20)}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words, unk_token="w1")), pad_token="w0")


@pytest.mark.filterwarnings("error::FutureWarning")  # each is a line on the terminal
def test_nothing_is_printed(tmp_path, capfd):
    run(tmp_path / "checkpoint", progress=True)  # and standard error is no terminal here

    assert capfd.readouterr() == ("", "")


def test_labels_of_any_number(tmp_path):
    labels = [index % 3 for index in range(60)]
    report = run(
        tmp_path / "checkpoint", labels=labels, label_names=("a", "b", "c"), evaluation={"all": (TEXTS, labels)}
    )

    assert read_checkpoint(tmp_path / "checkpoint").labels == ("a", "b", "c")
    assert list(report.recall["all"]) == ["a", "b", "c"]


def fail_with(error):
    def fail(*_, **__):
        raise error

    return fail


FITTED = Fitted(
    steps=Steps(per_device=8, accumulation=1, per_epoch=8, total=16, warmup=2),
    made=16,
    epochs=(Epoch(number=1, loss=0.5, seconds=1.0, computed_tokens=1000, validation=None),),
    best_epoch=None,
    device="cpu",
    precision="fp32",
    devices=1,
)
FAILURES = [
    (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
    (RuntimeError("SafetensorError: I/O error: No space left on device (os error 28)"), DiskFullError),
    (PermissionError(errno.EACCES, "Permission denied"), PermissionError),
    (KeyboardInterrupt(), KeyboardInterrupt),
]


@pytest.mark.parametrize("part", ["fit", "_save", "write_records"])
@pytest.mark.parametrize(("error", "expected"), FAILURES)
def test_a_run_that_fails_leaves_nothing(tmp_path, monkeypatch, error, expected, part):
    monkeypatch.setattr(training, part, fail_with(error))
    if part != "fit":
        monkeypatch.setattr(training, "fit", lambda *_, **__: FITTED)

    with pytest.raises(expected):
        run(tmp_path / "checkpoint")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_keeps_the_earlier_one(trained, tmp_path, monkeypatch):
    shutil.copytree(trained[0], tmp_path / "checkpoint")
    monkeypatch.setattr(training, "fit", fail_with(OSError(errno.ENOSPC, "No space left on device")))

    with pytest.raises(DiskFullError) as caught:
        run(tmp_path / "checkpoint")
    assert str(caught.value) == (
        f"no space left on the disk of {tmp_path} while writing 'checkpoint'; free some and run again"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert read_checkpoint(tmp_path / "checkpoint").sha256 == read_checkpoint(trained[0]).sha256


def test_an_earlier_training_of_the_same_is_replaced(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "checkpoint")
    run(tmp_path / "checkpoint", evaluation={"other": HELD_OUT})

    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert read_checkpoint(tmp_path / "checkpoint").sha256 == read_checkpoint(trained[0]).sha256
    assert list(json.loads((tmp_path / "checkpoint" / "training.json").read_text())["accuracy"]) == ["other"]


def test_another_folder_is_not_replaced(tmp_path):
    (tmp_path / "thesis.docx").touch()

    with pytest.raises(CheckpointError) as caught:
        run(tmp_path)
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
        run(tmp_path / "checkpoint")
    assert str(caught.value) == "recipe 'tiny': the loss became nan, expected a finite one; lower learning_rate"
    assert list(tmp_path.iterdir()) == []


STOPPING = dataclasses.replace(TINY, epochs=12, early_stopping=EarlyStopping(patience=2, threshold=0.001))
JUDGED = {"test": HELD_OUT, "validation": HELD_OUT}


def test_every_epoch_is_scored_and_training_stops_where_nothing_is_gained(tmp_path, monkeypatch):
    scores = iter([0.5, 0.7, 0.7, 0.7005, 0.9])  # what comes within the threshold is no gain
    monkeypatch.setattr(fitting, "validation_scores", lambda _: {"accuracy": 0.5, "f1": next(scores)})
    report = run(tmp_path / "checkpoint", STOPPING, evaluation=JUDGED)

    assert [one["validation"]["f1"] for one in report.epochs] == [0.5, 0.7, 0.7, 0.7005]
    assert report.best_epoch == 4
    assert report.batch["steps"] == 96
    assert set(report.accuracy) == {"test", "validation"}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_the_weights_are_those_of_the_best_epoch(tmp_path, monkeypatch):
    one = run(tmp_path / "one", dataclasses.replace(STOPPING, epochs=1), evaluation=JUDGED)
    scores = iter([0.9, 0.1, 0.1])
    monkeypatch.setattr(fitting, "validation_scores", lambda _: {"accuracy": 0.5, "f1": next(scores)})
    best = run(tmp_path / "best", STOPPING, evaluation=JUDGED)

    assert (best.best_epoch, len(best.epochs)) == (1, 3)
    assert (
        one.accuracy != best.accuracy or one.epochs[0]["loss"] != best.epochs[0]["loss"]
    )  # the rates differ, by the steps


def test_early_stopping_needs_something_to_judge_by(tmp_path):
    with pytest.raises(
        RecipeError, match="has .early_stopping., expected a validation set to measure it on; pass --validation"
    ):
        run(tmp_path / "checkpoint", STOPPING)
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
@settings(deadline=None)
def test_f1_is_that_of_scikit_learn(pairs):
    labels, found = np.array(pairs).T

    assert weighted_f1(labels, found) == pytest.approx(
        f1_score(labels, found, average="weighted", zero_division=0), abs=1e-9
    )


# interrupted


class Interrupting(TrainerCallback):
    """Ends the training after a step, as a kill would; a state is written after every third."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        control.should_log = control.should_save = state.global_step % 3 == 0

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Interrupt at a step; go on with it."""

    def interrupt(step, recipe=DROPPING, **given):
        trainer_class = fitting._trainer_class

        def with_interruption(*arguments):
            class Interrupted(trainer_class(*arguments)):
                def __init__(self, callbacks, **keywords):
                    super().__init__(callbacks=[*callbacks, Interrupting(step)], **keywords)

            return Interrupted

        with monkeypatch.context() as patch:
            patch.setattr(fitting, "_trainer_class", with_interruption)
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path / "checkpoint", recipe, **given)

    return interrupt


DROPPING = dataclasses.replace(
    TINY,
    architecture=dataclasses.replace(TINY.architecture, model_type="bert", embedding_size=None, num_hidden_groups=None),
)  # which drops units by chance, so that the state of the generators counts


@pytest.mark.parametrize("padding", ["bucketed", "longest"])
@pytest.mark.parametrize("step", [4, 8, 13])  # within an epoch, at its end, in the next one
def test_interrupted_and_gone_on_with_it_has_the_same_weights(tmp_path, interrupted, step, padding):
    recipe = dataclasses.replace(DROPPING, padding=padding)
    whole = run(tmp_path / "whole", recipe, evaluation=JUDGED)
    interrupted(step, recipe, evaluation=JUDGED)
    assert not (tmp_path / "checkpoint").exists()
    again = run(tmp_path / "checkpoint", recipe, evaluation=JUDGED, resume=True)

    assert sha256_file(tmp_path / "checkpoint" / "model.safetensors") == sha256_file(
        tmp_path / "whole" / "model.safetensors"
    )
    assert [one["loss"] for one in again.epochs] == pytest.approx([one["loss"] for one in whole.epochs], abs=1e-3)
    assert [one["validation"] for one in again.epochs] == [one["validation"] for one in whole.epochs]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "whole"]


def test_what_is_unfinished_is_not_lost_unless_asked(tmp_path, interrupted):
    interrupted(4)
    with pytest.raises(
        CheckpointError, match="holds an unfinished training, at step 3; pass --resume to go on with it"
    ):
        run(tmp_path / "checkpoint", DROPPING)
    with pytest.raises(
        CheckpointError, match="holds an unfinished training that differs in recipe, training texts; give what"
    ):
        run(tmp_path / "checkpoint", dataclasses.replace(DROPPING, seed=9), texts=TEXTS[::-1], resume=True)

    assert (tmp_path / ".checkpoint.training" / "checkpoint-3" / "whole.json").is_file()


def test_a_state_that_is_not_whole_is_no_state(tmp_path, interrupted):
    interrupted(7)
    folder = tmp_path / ".checkpoint.training"
    assert [path.name for path in folder.glob("checkpoint-*")] == ["checkpoint-6"]
    (folder / "checkpoint-7").mkdir()
    (folder / "checkpoint-7" / "model.safetensors").write_bytes(b"half")
    run(tmp_path / "checkpoint", DROPPING, resume=True)

    assert not folder.exists()


@pytest.mark.parametrize("file", ["optimizer.pt", "model.safetensors"])
def test_a_damaged_state_is_no_state(tmp_path, interrupted, file):
    """The Trainer itself goes on without an optimizer, to other weights, and says nothing."""
    interrupted(7)
    damaged = tmp_path / ".checkpoint.training" / "checkpoint-6" / file
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert Unfinished(tmp_path / "checkpoint", {}).step() is None
    run(tmp_path / "checkpoint", DROPPING, resume=True)
    run(tmp_path / "whole", DROPPING)

    assert sha256_file(tmp_path / "checkpoint" / "model.safetensors") == sha256_file(
        tmp_path / "whole" / "model.safetensors"
    )


def test_weights_are_the_same_with_and_without_a_validation_set(tmp_path):
    alone = run(tmp_path / "alone", DROPPING)
    judged = run(tmp_path / "judged", DROPPING, evaluation=JUDGED)

    assert alone.weights_sha256 == judged.weights_sha256


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
        run(out_dir, recipe, texts=texts)
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


def test_half_a_file_of_weights_is_one_line(trained, tmp_path):
    out_dir, _ = trained
    shutil.copytree(out_dir, tmp_path / "half")
    (tmp_path / "half" / "model.safetensors").write_bytes(b"\x08" * 100)
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(tmp_path / "half"))
    with pytest.raises(
        CheckpointError, match=r"half: cannot be loaded to train on from \(.*\); pass a folder with a whole"
    ):
        run(tmp_path / "checkpoint", recipe)


def test_nothing_to_go_on_with_is_a_beginning(tmp_path):
    run(tmp_path / "checkpoint", dataclasses.replace(TINY, epochs=1), resume=True)

    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


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
        run(tmp_path / "checkpoint", dataclasses.replace(TINY, per_device_batch_size=per_device))
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
        run(tmp_path / "checkpoint")

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
        run(tmp_path / "checkpoint", labels=labels, label_names=label_names)

    assert str(caught.value) == message


def test_texts_too_few_for_a_tokenizer(tmp_path):
    with pytest.raises(DataError, match=r"^2 training texts are no basis for a tokenizer \("):
        run(tmp_path / "checkpoint", texts=["", " "], labels=[0, 1])


SCRATCH = dataclasses.replace(TINY, tokenizer=None, epochs=1)


def test_a_sentencepiece_model_alone_is_a_tokenizer(trained, tmp_path):
    (tmp_path / "tokenizer").mkdir()
    shutil.copy(trained[0] / "spiece.model", tmp_path / "tokenizer")
    run(tmp_path / "checkpoint", SCRATCH, tokenizer_dir=tmp_path / "tokenizer")

    assert sha256_file(tmp_path / "checkpoint" / "tokenizer.json") == sha256_file(trained[0] / "tokenizer.json")
    assert [path.name for path in (tmp_path / "tokenizer").iterdir()] == ["spiece.model"]


def test_a_saved_tokenizer_is_read(trained, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "tokenizer").mkdir(exist_ok=True)
        shutil.copy(trained[0] / name, tmp_path / "tokenizer")
    run(tmp_path / "checkpoint", SCRATCH, tokenizer_dir=tmp_path / "tokenizer")

    saved = json.loads((tmp_path / "checkpoint" / "tokenizer_config.json").read_text())
    assert saved["model_max_length"] == 80


BROKEN = [
    ("nothing", b""),
    ("tokenizer.json", b"{}"),
    ("spiece.model", b"junk"),
    ("tokenizer_config.json", b"{"),
    ("vocab.txt", b"a"),
]


@pytest.mark.parametrize(("name", "content"), BROKEN)
def test_a_folder_without_a_tokenizer(tmp_path, name, content):
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / name).write_bytes(content)

    with pytest.raises(CheckpointError) as caught:
        run(tmp_path / "checkpoint", SCRATCH, tokenizer_dir=tmp_path / "tokenizer")
    assert str(caught.value).startswith(f"{tmp_path / 'tokenizer'}: holds no tokenizer that can be read (")
    assert str(caught.value).endswith("); expected spiece.model, or what save_pretrained of a tokenizer wrote")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer"]


def test_a_tokenizer_folder_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        run(tmp_path / "checkpoint", SCRATCH, tokenizer_dir=tmp_path / "gone")

    assert str(caught.value) == (
        f"{tmp_path / 'gone'}: does not exist, expected the folder of a tokenizer, such as one with spiece.model"
    )


TOKENIZERS = [
    (TINY, "x", "recipe 'tiny' trains its own tokenizer, found the folder x as well; leave one out"),
    (
        dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint="a/b"),
        "x",
        "recipe 'tiny' starts from 'a/b', which has its tokenizer, found the folder x as well; leave it out",
    ),
    (
        SCRATCH,
        None,
        "recipe 'tiny' has no [tokenizer], expected that or the folder of a tokenizer; "
        "pass one, such as a folder with the spiece.model of albert-base-v2",
    ),
]


@pytest.mark.parametrize(("recipe", "folder", "message"), TOKENIZERS)
def test_tokenizer_and_recipe_must_agree(tmp_path, recipe, folder, message):
    with pytest.raises(RecipeError) as caught:
        run(tmp_path / "checkpoint", recipe, tokenizer_dir=folder)

    assert str(caught.value) == message


def test_from_a_checkpoint(trained, tmp_path):
    from safetensors.numpy import load_file

    recipe = dataclasses.replace(
        TINY, architecture=None, tokenizer=None, checkpoint=str(trained[0]), learning_rate=1e-9
    )
    labels = [index % 3 for index in range(60)]
    run(tmp_path / "checkpoint", recipe, labels=labels, label_names=("a", "b", "c"), evaluation={})
    before, after = (load_file(folder / "model.safetensors") for folder in (trained[0], tmp_path / "checkpoint"))
    name = "albert.embeddings.word_embeddings.weight"

    assert read_checkpoint(tmp_path / "checkpoint").labels == ("a", "b", "c")
    assert abs(before[name] - after[name]).max() < 1e-5
    assert sha256_file(tmp_path / "checkpoint" / "tokenizer.json") == sha256_file(trained[0] / "tokenizer.json")


def test_a_checkpoint_has_its_own_limit(trained, tmp_path):
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(trained[0]), max_length=81)

    with pytest.raises(RecipeError) as caught:
        run(tmp_path / "checkpoint", recipe)
    assert str(caught.value) == "recipe 'tiny': 'max_length' is 81, expected at most 80"


def test_a_checkpoint_without_weights(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").unlink()
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(tmp_path / "base"))

    with pytest.raises(
        CheckpointError, match=r"base: cannot be loaded to train on from \(.*model\.safetensors"
    ) as caught:
        run(tmp_path / "checkpoint", recipe)
    assert "\n" not in str(caught.value)


LENGTHS = [index * 37 % 101 for index in range(1003)]


def batches(order, size=4):
    indices = list(order)
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def test_order_holds_every_text_once():
    assert sorted(LengthGroupedOrder(LENGTHS, 4, 7)) == list(range(1003))


def test_batches_are_of_like_length():
    spans = [
        max(LENGTHS[i] for i in batch) - min(LENGTHS[i] for i in batch)
        for batch in batches(LengthGroupedOrder(LENGTHS, 4, 7))
    ]

    assert sum(spans[:-1]) / len(spans[:-1]) < 5


def test_batches_do_not_come_by_length():
    """Neighbours differ as much as any two batches do."""
    longest = [max(LENGTHS[i] for i in batch) for batch in batches(LengthGroupedOrder(LENGTHS, 4, 7))]
    steps = [abs(one - other) for one, other in zip(longest, longest[1:], strict=False)]

    assert sum(steps) / len(steps) > 25


def test_order_belongs_to_seed_and_epoch():
    order = LengthGroupedOrder(LENGTHS, 4, 7)
    first = list(order)
    order.set_epoch(1)
    second = list(order)
    order.set_epoch(0)

    assert first != second
    assert first == list(order)
    assert first != list(LengthGroupedOrder(LENGTHS, 4, 8))


def test_the_trainer_uses_the_order_and_says_the_epoch(tmp_path, monkeypatch):
    epochs = []
    monkeypatch.setattr(LengthGroupedOrder, "set_epoch", lambda _, epoch: epochs.append(epoch))
    run(tmp_path / "grouped")

    assert set(epochs) == {0, 1}


def test_random_order_can_be_asked_for(trained, tmp_path):
    run(tmp_path / "checkpoint", dataclasses.replace(TINY, padding="longest"))

    assert read_checkpoint(tmp_path / "checkpoint").sha256 != read_checkpoint(trained[0]).sha256


def test_every_text_is_padded_to_the_full_length_if_asked(tmp_path, monkeypatch):
    shapes = set()
    trainer_class = fitting._trainer_class

    def watching(*given):
        class Watching(trainer_class(*given)):
            def training_step(self, model, inputs, *arguments):
                shapes.add(tuple(inputs["input_ids"].shape))
                return super().training_step(model, inputs, *arguments)

        return Watching

    monkeypatch.setattr(fitting, "_trainer_class", watching)
    run(tmp_path / "full", dataclasses.replace(TINY, padding="max_length", per_device_batch_size=4, epochs=1))

    assert shapes == {(4, 48)}  # 60 texts: 15 batches of 4, two behind a step


def test_accumulated_batches_are_one_step(tmp_path):
    """The same texts behind a step, in one batch or in two, give the same weights up to rounding."""
    from safetensors.numpy import load_file

    weights, losses = [], []
    for name, per_device in (("whole", None), ("halves", 4)):
        recipe = dataclasses.replace(
            TINY, padding="max_length", per_device_batch_size=per_device, epochs=1, learning_rate=1e-3
        )
        losses.append(run(tmp_path / name, recipe, texts=TEXTS[:56], labels=CLASSES[:56]).epochs[0]["loss"])
        weights.append(load_file(tmp_path / name / "model.safetensors"))
    one, other = weights

    assert max(abs(one[key] - other[key]).max() for key in one) < 2e-4
    assert any((one[key] != other[key]).any() for key in one)
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


def test_the_loss_of_accumulated_batches_is_their_mean(tmp_path):
    """Of BERT too, which says that it makes use of the number of texts behind a step, and does not."""
    report = run(tmp_path / "checkpoint", dataclasses.replace(DROPPING, per_device_batch_size=2))

    assert all(0.5 < one["loss"] < 0.9 for one in report.epochs)


def weights_of_a_child(recipe, out_dir):
    """Hash of the weights of a training in a process of its own: accelerate's precision is one for a whole process."""
    given = {"texts": TEXTS, "labels": CLASSES, "label_names": LABELS, "evaluation": {"test": HELD_OUT}}
    client.call_in_child(train, recipe, threads=2, keywords={**given, "out_dir": out_dir})
    return sha256_file(out_dir / "model.safetensors")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Of the recipe as it is, on as many threads."""
    return weights_of_a_child(TINY, tmp_path_factory.mktemp("child") / "checkpoint")


@pytest.mark.parametrize(
    ("changes", "same"), [({"precision": "bf16"}, False), ({"warmup_steps": 5}, False), ({"eval_batch_size": 3}, True)]
)
def test_what_else_a_recipe_may_ask(weights, tmp_path, changes, same):
    assert (weights_of_a_child(dataclasses.replace(TINY, **changes), tmp_path / "checkpoint") == weights) is same


@pytest.mark.filterwarnings("error::FutureWarning")
def test_checkpointed_gradients_are_the_same(tmp_path):
    bert = dataclasses.replace(TINY.architecture, model_type="bert", embedding_size=None, num_hidden_groups=None)
    recipe = dataclasses.replace(TINY, architecture=bert, epochs=1)
    for folder, asked in (("without", False), ("with", True)):
        run(tmp_path / folder, dataclasses.replace(recipe, gradient_checkpointing=asked))
    without, with_ = (sha256_file(tmp_path / one / "model.safetensors") for one in ("without", "with"))

    assert without == with_


def test_a_model_that_cannot_have_its_gradients_checkpointed(tmp_path):
    with pytest.raises(RecipeError) as caught:
        run(tmp_path / "checkpoint", dataclasses.replace(TINY, gradient_checkpointing=True))

    assert str(caught.value) == (
        "recipe 'tiny': 'gradient_checkpointing' is true, which transformers does not support for 'albert'; "
        "leave it out, and lower per_device_batch_size if memory is short"
    )


PUBLISHED = dataclasses.replace(TINY, architecture=None, checkpoint="arch:tinybert-4-312", epochs=1)


def test_a_published_architecture_from_scratch(tmp_path):
    report = run(tmp_path / "checkpoint", PUBLISHED, texts=TEXTS[:16], labels=CLASSES[:16])
    config = json.loads((tmp_path / "checkpoint" / "config.json").read_text())

    assert report.num_parameters == 14_350_874  # all of the published encoder, its vocabulary too
    assert (config["vocab_size"], config["hidden_size"], config["num_hidden_layers"]) == (30522, 312, 4)
    assert read_checkpoint(tmp_path / "checkpoint").labels == LABELS


def test_an_architecture_needs_a_tokenizer_that_it_has_room_for(tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match=r"has no \[tokenizer\], expected that or the folder of a tokenizer"):
        run(tmp_path / "checkpoint", dataclasses.replace(PUBLISHED, tokenizer=None))

    monkeypatch.setitem(starting.ARCHITECTURES, "tinybert-4-312", {"model_type": "bert", "vocab_size": 200})
    with pytest.raises(RecipeError) as caught:
        run(tmp_path / "checkpoint", PUBLISHED)
    assert str(caught.value) == (
        "recipe 'tiny': the tokenizer has 300 pieces, arch:tinybert-4-312 takes at most 200; "
        "pass that of the published model, or train one with [tokenizer]"
    )


def test_importing_it_is_light():
    """What lists recipes or shows --help waits for no PyTorch."""
    code = "import exporters.training.train, exporters.training.recipe, sys; "
    code += "print({'torch', 'transformers', 'tokenizers', 'numpy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"


@pytest.fixture
def asked(monkeypatch):
    """What `deploybench train` asks of the process that trains; nothing is trained."""
    asked = {}

    def call(target, recipe, *, keywords, **others):
        asked.update(recipe=recipe, **keywords, **others)
        return types.SimpleNamespace(
            seconds=1.0,
            num_parameters=1,
            new_weights=[],
            accuracy=dict.fromkeys(keywords["evaluation"], 1.0),
            epochs=[
                {"number": 1, "loss": 0.5, "seconds": 61.0, "validation": {"loss": 0.4, "accuracy": 0.8, "f1": 0.75}}
            ],
            best_epoch=1,
            weights_sha256="a" * 64,
            samples_per_second=10.0,
            tokens_per_second=1234.5,
            padding_share=0.125,
            peak_memory=2 * 10**9,
            peak_device_memory=None,
        )

    monkeypatch.setattr(command, "call_in_child", call)
    monkeypatch.setattr("bench.report.training_plots.write_each", lambda plots, folder: None)
    return asked


@pytest.fixture
def csv(tmp_path):
    """A labelled file whose text is in columns of the user's own."""
    path = tmp_path / "mine.csv"
    path.write_text("headline,body,label\na,b,0\nc,d,1\nc,d,1\n", encoding="utf-8")
    return str(path)


COLUMNS = ("--text-columns", "headline, body", "--drop-bad-rows")


def ask(*arguments):
    return cli.main(["train", *arguments, "--output", "unused"])


def test_the_command_reads_options_as_every_command_does(asked, csv, capsys):
    assert ask("demonstration", "--train", csv, *COLUMNS, "--external", f"x={csv}", "--threads", "1") == 0
    assert asked["texts"] == ("a b", "c d")
    assert asked["evaluation"] == {"x": (("a b", "c d"), (0, 1))}
    assert asked["threads"] == 1
    summary = "2 articles (1 of class 0, 1 of class 1); left out: 1 duplicate row"
    leak = "set x: 2 of 2 texts found in the training set too: its scores will be too high; deploybench prepare fixes that\n"
    assert capsys.readouterr().err == f"training set mine: {summary}\nset x: {summary}\n{leak}"


BAD_FILES = [
    (
        "headline,body,label\na,b,0\nc,d,0\n",
        (),
        "training set of 2 texts has no text of class '1', expected texts of 2",
    ),
    ("headline,body,label\na,b,true\nc,d,true\n", (), "one class"),
    (
        "headline,body,label\na,b,0\n,,1\nc,d,1\n",
        (),
        "row 2: no text in 'headline', 'body'; fix it, or pass --drop-bad-rows",
    ),
    ("headline,body,label\na,b,0\nc,d,\ne,f,1\n", (), "row 2"),
]


@pytest.mark.parametrize(("content", "arguments", "message"), BAD_FILES)
def test_rows_that_cannot_be_trained_on(tmp_path, capsys, monkeypatch, content, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text(content)

    assert ask("demonstration", "--train", "bad.csv", "--text-columns", "headline,body", *arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("deploybench: error: ")
    assert message in error
    assert not (tmp_path / "unused").exists()


def test_rows_without_text_are_left_out_if_asked_and_counted(asked, tmp_path, capsys):
    (tmp_path / "gaps.csv").write_text("text,label\na,fake\n,real\nb,real\n", encoding="utf-8")

    assert ask("demonstration", "--train", str(tmp_path / "gaps.csv"), "--drop-bad-rows") == 0
    assert asked["texts"] == ("a", "b")
    assert capsys.readouterr().err.endswith("left out: 1 row without text\n")


def test_labels_as_words_are_the_classes(asked, tmp_path):
    (tmp_path / "words.csv").write_text("text,label\na,sport\nb,world\nc,sport\nd,business\n", encoding="utf-8")

    assert ask("demonstration", "--train", str(tmp_path / "words.csv")) == 0
    assert asked["label_names"] == ("business", "sport", "world")
    assert asked["labels"] == (1, 2, 1, 0)


def test_texts_that_are_trained_on_and_scored_are_said(asked, csv, tmp_path, capsys):
    (tmp_path / "other.csv").write_text("headline,body,label\na,b,0\ne,f,1\n", encoding="utf-8")
    both = ("--external", f"x={tmp_path / 'other.csv'}", "--validation", csv)

    assert ask("demonstration", "--train", csv, *COLUMNS, *both) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "found in the training set too" in line]
    assert told == [
        "set validation: 2 of 2 texts found in the training set too: its scores will be too high; deploybench prepare fixes that",
        "set x: 1 of 2 texts found in the training set too: its scores will be too high; deploybench prepare fixes that",
    ]
    assert ask("demonstration") == 0
    assert "training set too" not in capsys.readouterr().err


def test_the_record_counts_texts_that_are_trained_on_and_scored(trained, tmp_path):
    mixed = ((*HELD_OUT[0], *TEXTS[:7]), (*HELD_OUT[1], *CLASSES[:7]))
    report = run(
        tmp_path / "checkpoint", dataclasses.replace(TINY, epochs=1), evaluation={"test": HELD_OUT, "mixed": mixed}
    )

    assert report.leaked == {"test": 0, "mixed": 7}
    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["leaked"] == report.leaked


def test_two_sets_of_one_name_are_refused(asked, csv, capsys):
    assert ask("demonstration", "--train", csv, *COLUMNS, "--external", f"a={csv}", "--external", f"a={csv}") == 2
    assert f"--external: two sets are called 'a'; name them apart, such as second={csv}\n" in capsys.readouterr().err
    assert asked == {}


@pytest.mark.parametrize("recipe", ["demonstration", "albert-mini"])
def test_a_demonstration_is_what_the_bundled_corpus_gives(asked, csv, recipe):
    assert ask(recipe) == 0
    assert asked["demonstration"] is True
    assert ask(recipe, "--train", csv, *COLUMNS) == 0
    assert asked["demonstration"] is False


def test_the_record_says_what_the_texts_are_and_not_the_recipe(tmp_path):
    run(tmp_path / "checkpoint", dataclasses.replace(TINY, epochs=1), demonstration=False)

    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["demonstration"] is False
    assert not read_checkpoint(tmp_path / "checkpoint").demonstration


RECIPE = (
    'description = "d"\ncheckpoint = "CHECKPOINT"\nmax_length = 48\nbatch_size = 8\nepochs = 1\nlearning_rate = 1e-3\n'
)


def test_a_checkpoint_of_the_hub_is_fetched_before_the_offline_process(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "fetch_checkpoint", lambda name, **_: tmp_path / name)
    (tmp_path / "r.toml").write_text(RECIPE.replace("CHECKPOINT", "owner/name"), encoding="utf-8")

    assert ask(str(tmp_path / "r.toml")) == 0
    assert asked["checkpoint_dir"] == tmp_path / "owner/name"
    assert asked["recipe"].checkpoint == "owner/name"  # the record is the same on every machine
    (tmp_path / "r.toml").write_text(RECIPE.replace("CHECKPOINT", str(tmp_path)), encoding="utf-8")
    assert ask(str(tmp_path / "r.toml")) == 0
    assert asked["checkpoint_dir"] == tmp_path


def test_a_hub_that_cannot_be_reached_says_what_to_pass(asked, csv, capsys, monkeypatch):
    """As huggingface_hub says it without a network; recorded with its version 0.36.2."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    recorded = (
        "Cannot find an appropriate cached snapshot folder for the specified revision on the local disk and outgoing "
        "traffic has been disabled. To enable repo look-ups and downloads online, pass 'local_files_only=False' as input."
    )
    monkeypatch.setattr("huggingface_hub.snapshot_download", fail_with(LocalEntryNotFoundError(recorded)))

    assert ask("albert-welfake", "--train", csv, *COLUMNS) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "deploybench: error: checkpoint 'albert-base-v2': no such folder, and the Hub cannot be reached; "
        "pass its folder with --checkpoint DIR, or --checkpoint arch:NAME to train the published architecture from scratch"
    )
    assert asked == {}


def test_another_start_than_the_recipes(asked, csv, tmp_path, capsys):
    train = ("albert-welfake", "--train", csv, *COLUMNS)
    assert ask(*train, "--checkpoint", str(tmp_path)) == 0
    assert (asked["recipe"].checkpoint, asked["checkpoint_dir"]) == (str(tmp_path), tmp_path)
    assert f"started from {tmp_path}, whose head goes on as well\n" in capsys.readouterr().out
    assert ask(*train, "--checkpoint", "arch:albert-base-v2", "--tokenizer", str(tmp_path)) == 0
    assert (asked["recipe"].architecture_name, asked["checkpoint_dir"]) == ("albert-base-v2", None)
    assert "started from" not in capsys.readouterr().out
    assert ask(*train, "--checkpoint", "arch:albert-base") == 2
    assert "did you mean arch:albert-base-v2?" in capsys.readouterr().err
    assert ask("demonstration", "--checkpoint", str(tmp_path)) == 2
    assert "recipe 'demonstration' trains its own architecture from scratch" in capsys.readouterr().err


def test_a_warm_up_that_is_longer_than_the_training_is_said(asked, csv, tmp_path, capsys):
    assert ask("albert-welfake", "--train", csv, *COLUMNS, "--checkpoint", str(tmp_path)) == 0
    assert (
        "recipe albert-welfake: its warm-up has 1,000 steps, and 2 texts give 5 in all: the learning rate will not reach "
        "its peak; a recipe with warmup_ratio would\n"
    ) in capsys.readouterr().err
    assert ask("demonstration", "--train", csv, *COLUMNS) == 0
    assert "warm-up" not in capsys.readouterr().err


def test_files_and_columns_of_a_recipe(asked, csv, tmp_path, capsys):
    (tmp_path / "verdicts.csv").write_text("headline,verdict\ne,1\nf,0\n", encoding="utf-8")
    text = RECIPE.replace("CHECKPOINT", str(tmp_path)) + (
        f'[data]\ntrain = "{tmp_path / "verdicts.csv"}"\ntest = "{tmp_path / "verdicts.csv"}"\n'
        'text_columns = ["headline"]\nlabel_column = "verdict"\n'
    )
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")

    assert ask(str(tmp_path / "r.toml")) == 0
    assert (asked["texts"], asked["labels"], asked["demonstration"]) == (("e", "f"), (1, 0), False)
    assert asked["evaluation"] == {"test": (("e", "f"), (1, 0))}
    assert ask(str(tmp_path / "r.toml"), "--train", csv, *COLUMNS, "--label-column", "label") == 0
    assert (asked["texts"], asked["evaluation"]) == (("a b", "c d"), {})  # the call's own files, and no others
    (tmp_path / "r.toml").write_text(text.partition("train =")[0], encoding="utf-8")
    assert ask(str(tmp_path / "r.toml")) == 2
    assert "recipe 'r': names no file to train on; pass --train, or give it data.train" in capsys.readouterr().err


def test_one_file_of_a_recipe_is_split_once(asked, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labelled = list(zip(TEXTS, CLASSES, strict=True))
    with (tmp_path / "all.csv").open("w", encoding="utf-8", newline="") as stream:
        writer(stream).writerows([("post", "verdict"), *labelled])
    (tmp_path / "r.toml").write_text(
        RECIPE.replace("CHECKPOINT", str(tmp_path))
        + 'seed = 1\n[data]\nfile = "all.csv"\nsplit = [50, 25, 25]\ntext_columns = ["post"]\nlabel_column = "verdict"\n',
        encoding="utf-8",
    )
    assert ask(str(tmp_path / "r.toml")) == 0
    sets = [(asked["texts"], asked["labels"]), *asked["evaluation"].values()]
    truth = dict(labelled)

    assert list(asked["evaluation"]) == ["validation", "test"]
    assert {text: label for one in sets for text, label in zip(*one, strict=True)} == truth
    assert sum(len(texts) for texts, _ in sets) == 60
    assert asked["recipe"].data.file == "all.csv"  # the record says what the recipe says
    assert "all.csv: 60 of 60 rows are split into .deploybench/prepared/" in capsys.readouterr().err
    assert ask(str(tmp_path / "r.toml"), "--label-column", "verdict") == 0
    assert "are split" not in capsys.readouterr().err
    (tmp_path / "all.csv").unlink()
    assert ask(str(tmp_path / "r.toml")) == 2
    assert "all.csv: no such file; check the path" in capsys.readouterr().err


def test_pickled_weights_are_trained_on_from_if_they_are_trusted(trained, asked, tmp_path, csv, capsys, monkeypatch):
    import torch
    from safetensors.torch import load_file

    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained[0], tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").rename(tmp_path / "model.safetensors")
    weights = load_file(tmp_path / "model.safetensors")
    encoder = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    torch.save({**encoder, "doubled": next(iter(encoder.values()))}, tmp_path / "base" / "pytorch_model.bin")

    monkeypatch.setattr(
        "bench.pipeline.checkpoints.call_in_child", client.call_in_child
    )  # the fixture's is that of the training
    train = ("albert-welfake", "--train", csv, *COLUMNS, "--checkpoint", "base")
    assert ask(*train, "--allow-pickle") == 0
    found = load_file(asked["checkpoint_dir"] / "model.safetensors")
    assert encoder.keys() | {"doubled"} == found.keys()
    assert all((found[name] == tensor).all() for name, tensor in encoder.items())
    assert (asked["checkpoint_dir"] / "config.json").is_file()
    (tmp_path / "base" / "pytorch_model.bin").write_bytes(b"torn")
    assert ask(*train, "--allow-pickle") == 2
    assert "base: its pickled weights cannot be read (" in capsys.readouterr().err


def test_training_goes_on_from_the_fetched_folder(trained, tmp_path):
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint="owner/name", epochs=1)
    run(tmp_path / "checkpoint", recipe, checkpoint_dir=trained[0])

    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["recipe"]["checkpoint"] == "owner/name"


def test_a_launchers_precision_does_not_overrule_the_recipes(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    report = run(tmp_path / "checkpoint")

    assert (report.precision, report.weights_sha256) == ("fp32", trained[1].weights_sha256)


def test_a_gpu_takes_kernels_that_give_the_same_twice(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda *given, **named: asked.append((given, named)))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    for gpu in (False, True):
        fitting._make_deterministic(Device(gpu=gpu, bf16=gpu))

    assert asked == [((True,), {})]  # without warn_only, by which fused attention would take others


HEAD = ("classifier.bias", "classifier.weight")


@pytest.mark.parametrize(("label_names", "new"), [(LABELS, ()), ((*LABELS, "satire"), HEAD)])
def test_which_weights_are_new(trained, label_names, new):
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint="owner/name")
    start = build_model(recipe, None, label_names, trained[0])
    before, after = load_file(trained[0] / "model.safetensors"), start.model.state_dict()

    assert start.new_weights == new
    assert all(torch.equal(before[name], after[name]) for name in before if name not in new)
    assert all(before[name].shape != after[name].shape for name in new)


def test_new_weights_are_told(trained, tmp_path):
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint="owner/name", epochs=1)
    classes = [index % 3 for index in range(len(TEXTS))]
    given = {"checkpoint_dir": trained[0], "labels": classes, "label_names": ("a", "b", "c"), "evaluation": {}}
    report = run(tmp_path / "checkpoint", recipe, **given)

    assert report.new_weights == list(HEAD)
    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["new_weights"] == list(HEAD)
    assert "Started from owner/name, with new classifier.bias, classifier.weight; " in (
        tmp_path / "checkpoint" / "README.md"
    ).read_text(encoding="utf-8")


def goes_on(folder, label_names):
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(folder))
    return build_model(recipe, None, label_names, folder)


def rename_classes(folder, names):
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(index): name for index, name in enumerate(names)}
    config["label2id"] = {name: index for index, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config))


def test_classes_in_another_order_change_places(trained):
    same, swapped = (goes_on(trained[0], names).model.eval() for names in (LABELS, LABELS[::-1]))
    ids = torch.tensor([[2, 11, 12, 3]])

    assert goes_on(trained[0], LABELS[::-1]).new_weights == ()
    torch.testing.assert_close(swapped(ids).logits, same(ids).logits.flip(1))
    assert swapped.config.id2label == dict(enumerate(LABELS[::-1]))


def test_a_head_of_other_classes_begins_anew(trained):
    start, again = (goes_on(trained[0], ("apple", "banana")) for _ in range(2))
    before = load_file(trained[0] / "model.safetensors")["classifier.weight"]

    assert start.new_weights == HEAD
    assert not torch.equal(start.model.classifier.weight, before)
    assert torch.equal(start.model.classifier.weight, again.model.classifier.weight)
    assert start.model.classifier.bias.tolist() == [0, 0]


def test_a_head_whose_classes_have_no_names_goes_on(trained, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(trained[0], folder)
    rename_classes(folder, ("LABEL_0", "LABEL_1"))
    start = goes_on(folder, ("apple", "banana"))

    assert start.new_weights == ()
    assert torch.equal(start.model.classifier.weight, load_file(folder / "model.safetensors")["classifier.weight"])


@pytest.fixture
def base(trained, tmp_path):
    """A checkpoint to start from, and what changes its weights."""
    folder = tmp_path / "base"
    shutil.copytree(trained[0], folder)

    def change():
        weights = load_file(folder / "model.safetensors")
        save_file({name: 1.5 * one for name, one in weights.items()}, folder / "model.safetensors", {"format": "pt"})

    return folder, change


def test_another_checkpoint_in_the_same_place_is_another_start(base, tmp_path):
    folder, change = base
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(folder), epochs=1)
    report = run(tmp_path / "out", recipe)
    again = run(tmp_path / "out", recipe)
    change()
    with pytest.raises(CheckpointError, match="out: holds a finished training from another checkpoint; name another"):
        run(tmp_path / "out", recipe)

    assert (report.weights_sha256, report.base_sha256) == (again.weights_sha256, again.base_sha256)
    assert run(tmp_path / "other", recipe).base_sha256 != report.base_sha256


def test_an_unfinished_training_does_not_go_on_from_another_checkpoint(base, tmp_path, monkeypatch):
    folder, change = base
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(folder))
    monkeypatch.setattr(training, "_save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", recipe)
    change()

    with pytest.raises(CheckpointError, match="an unfinished training that differs in checkpoint to start from; give"):
        run(tmp_path / "out", recipe, resume=True)


def test_a_head_without_its_pooler_is_refused(base):
    folder, _ = base
    weights = load_file(folder / "model.safetensors")
    del weights["albert.pooler.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})

    with pytest.raises(CheckpointError, match="'albert.pooler.weight' first"):
        goes_on(folder, LABELS)


@pytest.mark.parametrize("broken", ["left out", "of another shape"])
def test_an_encoder_is_not_made_up(trained, tmp_path, broken):
    folder = tmp_path / "base"
    shutil.copytree(trained[0], folder)
    weights = load_file(folder / "model.safetensors")
    name = min(name for name in weights if ".attention." in name)
    found = weights.pop(name)
    if broken == "of another shape":
        weights[name] = torch.cat([found, found])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    recipe = dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(folder))

    with pytest.raises(CheckpointError) as caught:
        build_model(recipe, None, LABELS, folder)
    assert str(caught.value) == (
        f"{folder}: 1 weights of its encoder are missing or of another shape, {name!r} first; expected all of them, for a "
        "training would begin with random ones; pass the folder of a whole model"
    )


def test_a_call_may_take_longer_than_any_answer_of_a_worker(monkeypatch):
    monkeypatch.setattr(client.Worker.__init__, "__defaults__", (0.1,))

    assert client.call_in_child(calls.sleep, 0.3, threads=1) is None
