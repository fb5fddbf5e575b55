"""linear-tokens in a run of several models: trained on a file, on texts that training left, or on the reference's answers."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from deploybench.bench import cli
from deploybench.bench.pipeline.options import read_models
from deploybench.bench.pipeline.prepare import prepare_models
from deploybench.bench.report.cells import CAUTION
from deploybench.bench.runs.predictions import read_scored
from deploybench.bench.runs.store import read_runs
from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.texts import row_hash

LINEAR = "linear-tokens"
TRAINED_ON = slice(300, 900)  # of the corpus, whose first texts calibrate
# Whatever else is installed: a text's class with NumPy and tokenizers alone.
ALONE = """
import runpy, sys
for name in ("torch", "transformers", "onnxruntime", "openvino", "scipy", "sklearn", "safetensors", "deploybench"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def write(path, texts, labels):
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = zip(texts, (corpus.LABELS[label] for label in labels), strict=True)
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture(scope="module")
def train_file(tmp_path_factory):
    texts, labels = corpus.corpus("train")
    return write(tmp_path_factory.mktemp("train") / "train.csv", texts[TRAINED_ON], labels[TRAINED_ON])


@pytest.fixture(scope="module")
def held_out_file(tmp_path_factory):
    texts, labels = corpus.corpus("test")
    return write(tmp_path_factory.mktemp("test") / "test.csv", texts[:100], labels[:100])


@pytest.fixture
def prepared(tmp_path):
    """Prepares a run of the checkpoints with linear-tokens; gives each model as it is prepared."""

    def prepare(*checkpoints, **options):
        folders = [f"--checkpoint={name}={folder}" for name, folder in checkpoints]
        flags = [f"--{name}={value}" for name, value in options.items()]
        parsed = cli.parser().parse_args(
            ["run", *folders, *flags, f"--variants={LINEAR}", "--threads=1", f"--work-dir={tmp_path}"]
        )
        return prepare_models(read_models(parsed))

    return prepare


def test_a_file_trains_one_beside_each_model_that_serves_without_any_runtime(
    checkpoint_folder, fragile_checkpoint, train_file, held_out_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    models = [f"--checkpoint=sure={checkpoint_folder}", f"--checkpoint=fragile={fragile_checkpoint}"]
    small = [f"--variants={LINEAR}", "--batch-sizes=1", "--threads=1", "--time-budget=40"]

    assert cli.main(["run", *models, f"--train={train_file}", f"--external=test={held_out_file}", *small]) == 0
    screen = capsys.readouterr().out
    marked = {word.removesuffix(CAUTION) for word in screen.split()}  # where other work disturbed the row
    assert {f"sure/{LINEAR}‡", f"fragile/{LINEAR}‡"} <= marked
    assert f"take sure/{LINEAR}" not in screen
    assert f"take fragile/{LINEAR}" not in screen
    for run in read_runs(tmp_path / "results"):
        scored = read_scored(run)["test"]
        assert (scored.logits[LINEAR].argmax(axis=1) == scored.labels).mean() > 0.8
        assert "trained on 600 labelled texts of train.csv" in run.variants[LINEAR].notes[0]

    allowed = ["--allow-other-model", "--max-accuracy-drop=0.5", "--objective=size", "--copy-to=best"]
    assert cli.main(["recommend", "results", *allowed]) == 0
    assert f"/{LINEAR}" in json.loads((tmp_path / "best" / "evidence.json").read_text())["chosen"]
    texts, labels = corpus.corpus("test")
    right = 0
    for text, label in zip(texts[:5], labels[:5], strict=True):
        done = subprocess.run(
            [sys.executable, "-I", "-c", ALONE, "best/example.py", text], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        right += done.stdout.split()[0] == corpus.LABELS[label]
    assert right >= 4


def test_texts_that_training_left_train_its_own_model_and_a_model_without_any_has_a_failed_row(
    checkpoint_folder, fragile_checkpoint, tmp_path, prepared
):
    left = Path(shutil.copytree(checkpoint_folder, tmp_path / "left"))
    texts, labels = (column[TRAINED_ON] for column in corpus.corpus("train"))
    ids = AutoTokenizer.from_pretrained(left)(list(texts), truncation=True)["input_ids"]
    content = {"rows": [row_hash(text) for text in texts], "input_ids": ids, "labels": labels}
    (left / "training_texts.json").write_text(json.dumps(content))
    of_left, of_fragile = prepared(("left", left), ("fragile", fragile_checkpoint))

    assert "labelled texts that training left" in of_left.variants[LINEAR].notes[0]
    assert LINEAR in of_left.artifacts
    assert of_fragile.variants[LINEAR].failed.startswith(
        "found no texts to train on, expected labelled ones (--train FILE)"
    )
    assert {*of_fragile.artifacts} == {"torch-eager"}


def test_without_labels_it_learns_what_its_own_model_answers(
    checkpoint_folder, fragile_checkpoint, train_file, prepared
):
    models = prepared(("sure", checkpoint_folder), ("fragile", fragile_checkpoint), unlabelled=train_file)
    sure, fragile = (np.load(one.artifacts[LINEAR].path / "model.npz")["weights"] for one in models)

    for one in models:
        assert "trained on 600 texts without labels, classified by torch-eager" in one.variants[LINEAR].notes[0]
        assert one.variants[LINEAR].parity["agreement"] > 0.7
    assert not np.array_equal(sure, fragile)
