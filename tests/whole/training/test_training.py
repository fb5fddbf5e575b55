"""One training: what is written, that the checkpoint is whole, and that the same seed gives the same bytes."""

import dataclasses
import json
import subprocess
import sys

import pytest
import torch
from builders import CLASSES, HELD_OUT, TEXTS, TINY, train_tiny
from fakes import calls

from deploybench.bench.texts.data import LabelledSet
from deploybench.bench.texts.demonstration.corpus import LABELS
from deploybench.bench.worker import client
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.files import sha256_file
from deploybench.exporters.texts import row_hash
from deploybench.exporters.training import fitting
from deploybench.exporters.training.model import build_model
from deploybench.exporters.training.precision import Device
from deploybench.exporters.training.scores import predict_labels
from deploybench.exporters.training.sentence_pieces import backend
from deploybench.exporters.training.unfinished import Unfinished


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


def test_other_training_texts_are_left_with_their_classes(tmp_path, monkeypatch):
    monkeypatch.setattr("deploybench.exporters.training.train.CALIBRATION_SIZE", 20)
    monkeypatch.setattr("deploybench.exporters.training.train.LABELLED_TOKENS", 700)
    train_tiny(tmp_path / "checkpoint")
    left, calibration = (
        json.loads((tmp_path / "checkpoint" / f"{name}.json").read_text()) for name in ("training_texts", "calibration")
    )
    classes = dict(zip(map(row_hash, TEXTS), CLASSES, strict=True))
    tokens = sum(map(len, left["input_ids"]))

    assert set(left) == {"rows", "input_ids", "labels"}
    assert left["labels"] == [classes[row] for row in left["rows"]]
    assert 700 - TINY.max_length < tokens <= 700
    assert 10 < len(left["rows"]) < 40
    assert not {tuple(ids[:47]) for ids in left["input_ids"]} & {tuple(ids[:47]) for ids in calibration["input_ids"]}


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
    again = train_tiny(tmp_path / "again")
    train_tiny(tmp_path / "other", dataclasses.replace(TINY, seed=8))

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
    train_tiny(tmp_path / "checkpoint", progress=True)  # and standard error is no terminal here

    assert capfd.readouterr() == ("", "")


def test_labels_of_any_number(tmp_path):
    labels = [index % 3 for index in range(60)]
    report = train_tiny(
        tmp_path / "checkpoint", labels=labels, label_names=("a", "b", "c"), evaluation={"all": (TEXTS, labels)}
    )

    assert read_checkpoint(tmp_path / "checkpoint").labels == ("a", "b", "c")
    assert list(report.recall["all"]) == ["a", "b", "c"]


def test_importing_it_is_light():
    """What lists recipes or shows --help waits for no PyTorch."""
    code = "import deploybench.exporters.training.train, deploybench.exporters.training.recipe, sys; "
    code += "print({'torch', 'transformers', 'tokenizers', 'numpy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"


def test_the_record_counts_texts_that_are_trained_on_and_scored(trained, tmp_path):
    mixed = ((*HELD_OUT[0], *TEXTS[:7]), (*HELD_OUT[1], *CLASSES[:7]))
    report = train_tiny(
        tmp_path / "checkpoint", dataclasses.replace(TINY, epochs=1), evaluation={"test": HELD_OUT, "mixed": mixed}
    )

    assert report.leaked == {"test": 0, "mixed": 7}
    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["leaked"] == report.leaked


def test_the_record_says_what_the_texts_are_and_not_the_recipe(tmp_path):
    train_tiny(tmp_path / "checkpoint", dataclasses.replace(TINY, epochs=1), demonstration=False)

    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["demonstration"] is False
    assert not read_checkpoint(tmp_path / "checkpoint").demonstration


def test_a_launchers_precision_does_not_overrule_the_recipes(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    report = train_tiny(tmp_path / "checkpoint")

    assert (report.precision, report.weights_sha256) == ("fp32", trained[1].weights_sha256)


def test_a_gpu_takes_kernels_that_give_the_same_twice(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda *given, **named: asked.append((given, named)))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    for gpu in (False, True):
        fitting._make_deterministic(Device(gpu=gpu, bf16=gpu))

    assert asked == [((True,), {})]  # without warn_only, by which fused attention would take others


def test_a_call_may_take_longer_than_any_answer_of_a_worker(monkeypatch):
    monkeypatch.setattr(client.Worker.__init__, "__defaults__", (0.1,))

    assert client.call_in_child(calls.sleep, 0.3, threads=1) is None
