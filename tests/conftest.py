"""A tiny real checkpoint, the fakes, and the shared data where there is any."""

import json
import os
from pathlib import Path

import pytest

from bench.texts.demonstration import corpus
from bench.worker.client import Worker, call_in_child
from exporters.artifacts.artifact import Origin, export_artifact
from exporters.checkpoints.checkpoint import read_checkpoint

TESTS = Path(__file__).parent
LONGEST = (  # begun first
    *("test_suites", "test_journal", "test_best", "test_studies", "test_scoring", "test_duel", "test_duel_revisions"),
    *("test_artifact", "test_serving"),
)
_TINY_RECIPE = """
description = "tiny"
max_length = 16
batch_size = 16
epochs = 1
learning_rate = 1e-3

[architecture]
model_type = "albert"
embedding_size = 16
hidden_size = 32
num_hidden_layers = 12
num_hidden_groups = 1
num_attention_heads = 2
intermediate_size = 64
max_position_embeddings = 64

[tokenizer]
vocab_size = 200
"""
# Two tests at once share the cores: threads that wait must not spin (read when libgomp is loaded, so set here).
os.environ["GOMP_SPINCOUNT"] = "0"
# What is expected of a training here is that of a CPU.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
# Tests of what pytest-benchmark writes start a pytest of their own, which is no part of this one, and is told nothing.
for name in [name for name in os.environ if name.startswith(("PYTEST_XDIST", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"))]:
    del os.environ[name]


def pytest_collection_modifyitems(items):
    """The files that take longest come first, so that no process is left with one of them in the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(autouse=True, scope="session")
def own_lock(tmp_path_factory):
    """Tests wait for no run on this machine, nor for other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEPLOYBENCH_LOCK_DIR", str(tmp_path_factory.mktemp("lock")))
        yield


@pytest.fixture(autouse=True)
def fakes_importable(monkeypatch):
    """Children find tests/fakes as the package ``fakes``, and the product of this checkout, whatever is installed."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))


@pytest.fixture
def asked(monkeypatch):
    """The commands that workers are asked while latency is measured, in order."""
    commands = []
    ask = Worker.ask

    def note(worker, command, *arguments):
        commands.append(command)
        return ask(worker, command, *arguments)

    monkeypatch.setattr(Worker, "ask", note)
    return commands


@pytest.fixture
def tiny_recipe(tmp_path):
    """A recipe of an ALBERT that is trained in seconds, as ``tiny.toml`` in the test's folder."""
    path = tmp_path / "tiny.toml"
    path.write_text(_TINY_RECIPE)
    return path


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory):
    """An ALBERT of two shared layers, trained for seconds: its labels differ, and are sure enough to survive int8."""
    import torch
    from transformers import AlbertConfig, AlbertForSequenceClassification

    from exporters.checkpoints.architectures import _make_tokenizer

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-albert"
    texts, labels = corpus.corpus("train")
    tokenizer = _make_tokenizer(texts[:300], 500)
    config = AlbertConfig(
        vocab_size=len(tokenizer),
        embedding_size=32,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=64,
        id2label={0: "real", 1: "fake"},
        label2id={"real": 0, "fake": 1},
    )
    torch.manual_seed(1)
    model = AlbertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for start in [*range(0, 3000, 32), *range(0, 3000, 32)]:
        batch = tokenizer(
            list(texts[start : start + 32]), truncation=True, max_length=64, padding=True, return_tensors="pt"
        )
        model(**batch, labels=torch.tensor(labels[start : start + 32])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(folder)
    calibration = tokenizer(list(texts[:64]), truncation=True, max_length=64)["input_ids"]
    (folder / "calibration.json").write_text(json.dumps({"source": "training texts", "input_ids": calibration}))
    return folder


@pytest.fixture(scope="session")
def fragile_checkpoint(checkpoint_folder, tmp_path_factory):
    """The same model with two output rows that hardly differ, so that int8's rounding decides the label."""
    import torch
    from transformers import AlbertForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("checkpoints") / "fragile"
    torch.manual_seed(1)
    model = AlbertForSequenceClassification.from_pretrained(checkpoint_folder)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder)
    batch = tokenizer(
        list(corpus.corpus("test")[0][:64]), truncation=True, max_length=64, padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        weight = torch.randn(1, model.config.hidden_size)
        model.classifier.weight.copy_(torch.cat([weight, weight + 1e-5 * torch.randn_like(weight)]))
        logits = model(**batch).logits
        model.classifier.bias += torch.stack([torch.zeros(()), (logits[:, 0] - logits[:, 1]).median()])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint(checkpoint_folder):
    return read_checkpoint(checkpoint_folder)


@pytest.fixture(scope="session")
def artifacts(checkpoint, checkpoint_folder, tmp_path_factory):
    """Folders of the tiny checkpoint's artifacts, by variant, each exported when it is first asked for."""
    calibration = json.loads((checkpoint_folder / "calibration.json").read_text())["input_ids"][:8]
    origin = Origin(
        checkpoint=checkpoint_folder,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=checkpoint_folder,
        calibration=tuple(map(tuple, calibration)),
        calibration_source="training texts",
        labels=checkpoint.labels,
    )
    root = tmp_path_factory.mktemp("artifacts")
    return lambda name: call_in_child(export_artifact, name, origin, root, threads=1).path


@pytest.fixture
def checkpoint_copy(checkpoint_folder, tmp_path):
    """A copy that a test may damage."""
    import shutil

    return Path(shutil.copytree(checkpoint_folder, tmp_path / "copy"))


@pytest.fixture(scope="session")
def labelled_file(tmp_path_factory):
    """A labelled set of 24 short texts."""
    texts, labels = corpus.corpus("test")
    path = tmp_path_factory.mktemp("data") / "small.jsonl"
    rows = [{"text": text, "label": label} for text, label in zip(texts[:24], labels[:24], strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
