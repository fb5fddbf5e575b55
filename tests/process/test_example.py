"""example.py beside an artifact runs, and prints the label and probability of the tool's own predictor."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer

from deploybench.bench.worker.client import Worker
from deploybench.exporters.artifacts.catalogue import find_variant, variant_names
from deploybench.exporters.checkpoints.tokenization import cut_texts_at
from deploybench.exporters.serving import example
from deploybench.exporters.serving.example import EXAMPLE, is_example_changed, write_example

LENGTH = 12
TEXT = "The minister said on Tuesday that the budget had passed. " * 9
CODE = '''"""The label of a text and its probability, by onnx-fp32: python example.py TEXT"""

import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder, threads = Path(__file__).parent, os.cpu_count()
encoded = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json")).encode(sys.argv[1])
inputs = {"input_ids": np.array([encoded.ids]), "attention_mask": np.array([encoded.attention_mask])}
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(folder / "model.onnx", options)
zeros = np.zeros_like(inputs["input_ids"])
feed = {one.name: inputs.get(one.name, zeros) for one in session.get_inputs()}
[logits] = session.run(["logits"], feed)
[logits] = logits
chances = np.exp(logits - np.logaddexp.reduce(logits))
print(['real', 'fake'][chances.argmax()], float(chances.max()))
'''


@pytest.fixture
def folder(artifacts, tmp_path):
    """A copy of an artifact, by variant, whose tokenizer cuts texts, with the program."""

    def copied(variant):
        made = shutil.copytree(artifacts(variant), tmp_path / variant)
        cut_texts_at(LENGTH, made / "tokenizer")
        write_example(made)
        return made

    return copied


def label_and_chance(folder, text):
    """Output of the program, started in another folder."""
    command = [sys.executable, "-I", str(folder / EXAMPLE), text]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    label, chance = done.stdout.rsplit(maxsplit=1)
    return label, float(chance)


def predicted(folder, variant, text):
    """Label and probability by the tool's own predictor, of the text truncated by hand."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.enable_truncation(LENGTH)
    ids = np.array([tokenizer.encode(text).ids])
    with Worker(variant, 1) as worker:
        worker.start(variant, folder, 1)
        [([logits], _)] = worker.predict([(ids, np.ones_like(ids))])
    return ids, np.exp(logits) / np.exp(logits).sum()


@pytest.mark.parametrize(
    "variant", ["linear-tokens", "onnx-fp32", "openvino-fp32", "torch-eager", "torch-int8-dynamic", "torchscript"]
)
def test_it_says_what_the_predictor_says(folder, variant):
    made = folder(variant)
    label, chance = label_and_chance(made, TEXT)
    ids, chances = predicted(made, variant, TEXT)

    assert ids.shape == (1, LENGTH)
    assert label == ("real", "fake")[chances.argmax()]
    assert chance == pytest.approx(chances.max(), abs=1e-5)


def test_it_reads_like_this(folder):
    assert (folder("onnx-fp32") / EXAMPLE).read_text() == CODE


def test_every_variant_has_one():
    for name in variant_names():
        own = find_variant(name).program
        assert own.load.count("\n") + own.predict.count("\n") <= 10, name
        assert "threads" in own.load or name == "linear-tokens"
        assert "logits" in own.predict.splitlines()[-1], name


@pytest.mark.parametrize(
    ("task", "last", "lines"),
    [
        (
            {"task": "multi-label", "thresholds": [0.25, 0.5]},
            "chances = np.exp(-np.logaddexp(0, -logits))",
            [
                "for label, chance, threshold in zip(['real', 'fake'], chances, [0.25, 0.5]):",
                "    if chance > threshold:",
                "        print(label, float(chance))",
            ],
        ),
        ({"task": "score"}, "chances = logits", ["print(float(chances[0]))"]),
        (
            {"task": "score", "sigmoid": True},
            "chances = np.exp(-np.logaddexp(0, -logits))",
            ["print(float(chances[0]))"],
        ),
    ],
)
def test_other_tasks_have_another_end(folder, task, last, lines):
    made = folder("onnx-fp32")
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps({**manifest, **task}))
    write_example(made)

    *before, _ = CODE.splitlines()[1:-1]
    assert (made / EXAMPLE).read_text().splitlines()[1:] == [*before, last, *lines]


def test_a_variant_without_a_program_has_none(folder, monkeypatch):
    made = folder("onnx-fp32")
    (made / EXAMPLE).unlink()
    monkeypatch.setattr(example, "find_variant", lambda name: replace(find_variant(name), program=None))
    write_example(made)

    assert not (made / EXAMPLE).exists()


def test_labels_are_whatever_they_are_called(folder):
    hostile = ['a"b', "c'd\\", "\u202e\n\U0001f600 é"]
    made = folder("onnx-fp32")
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps({**manifest, "labels": hostile}))
    assert is_example_changed(made)
    write_example(made)

    assert not is_example_changed(made)
    assert label_and_chance(made, TEXT)[0] in hostile
    assert "\u202e" not in (made / EXAMPLE).read_text()


def test_a_tokenizer_that_pads_is_told_not_to(folder):
    made = folder("onnx-fp32")
    file = made / "tokenizer" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.enable_padding(length=512)
    tokenizer.save(str(file))
    cut_texts_at(LENGTH, made / "tokenizer")

    assert len(Tokenizer.from_file(str(file)).encode("short").ids) < LENGTH
