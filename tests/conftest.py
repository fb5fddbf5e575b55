"""Checkpoints, a trained model and exported artifacts that tests share, and the environment that they run in."""

import fcntl
import json
import os
import pickle
import shutil
from pathlib import Path

import builders
import pytest
from hypothesis import settings

from deploybench.bench.texts.demonstration import corpus
from deploybench.bench.worker.client import Worker, call_in_child
from deploybench.exporters.artifacts.artifact import Origin, export_artifact
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint

settings.register_profile("any machine", deadline=None)  # others may use the cores
settings.load_profile("any machine")
TESTS = Path(__file__).parent
LONGEST = (  # begun first
    *("test_suites", "test_executed", "test_journal", "test_installs", "test_best", "test_studies", "test_scoring"),
    *("test_duel", "test_notebook", "test_duel_revisions", "test_processes", "test_inputs", "test_artifact"),
    *("test_server", "test_example", "test_started_pytest"),
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


@pytest.fixture(scope="session")
def once(request, tmp_path_factory):
    """Makes a folder once for all processes of a test run: gives it, and what ``make(folder)`` returned."""
    own = tmp_path_factory.getbasetemp()
    root = (own.parent if hasattr(request.config, "workerinput") else own) / "shared"
    root.mkdir(exist_ok=True)

    def made(name, make):
        folder, returned = root / name, root / f"{name}.pickle"
        with (root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not returned.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                returned.write_bytes(pickle.dumps(make(folder)))
        return folder, pickle.loads(returned.read_bytes())

    return made


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
def checkpoint_folder(once):
    """An ALBERT of two shared layers, trained for seconds: its labels differ, and are sure enough to survive int8."""
    folder, _ = once("tiny-albert", builders.trained_albert)
    return folder


@pytest.fixture(scope="session")
def score_command(checkpoint_folder, tmp_path_factory):
    """The command line of a scoring up to its file, by variant; the work folder is shared, so that artifacts are made once."""
    work = tmp_path_factory.mktemp("scoring")
    return lambda variant: ["score", f"--checkpoint={checkpoint_folder}", f"--work-dir={work}", f"--variant={variant}"]


@pytest.fixture(scope="session")
def fragile_checkpoint(checkpoint_folder, once):
    """The same model with two output rows that hardly differ, so that int8's rounding decides the label."""
    folder, _ = once("fragile", lambda folder: builders.fragile_copy(checkpoint_folder, folder))
    return folder


@pytest.fixture(scope="session")
def trained(once):
    """Folder and report of one training of ``builders.TINY``; tests only read it."""
    folder, report = once("trained", lambda folder: builders.train_tiny(folder / "checkpoint"))
    return folder / "checkpoint", report


@pytest.fixture(scope="session")
def checkpoint(checkpoint_folder):
    return read_checkpoint(checkpoint_folder)


@pytest.fixture(scope="session")
def artifacts(checkpoint, checkpoint_folder, once):
    """Folders of the tiny checkpoint's artifacts, by variant, each exported when it is first asked for."""
    calibration = json.loads((checkpoint_folder / "calibration.json").read_text())["input_ids"][:8]
    origin = Origin(
        checkpoint=checkpoint_folder,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=checkpoint_folder,
        calibration=tuple(map(tuple, calibration)),
        calibration_source="training texts",
        head=checkpoint.head,
        training=builders.training_texts(checkpoint_folder),
    )

    root, _ = once("artifacts", lambda folder: None)

    def export(name):
        _, made = once(
            f"{name}-made", lambda _: call_in_child(export_artifact, name, origin, root, threads=1, forked=True)
        )
        return made.path

    return export


@pytest.fixture
def checkpoint_copy(checkpoint_folder, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(checkpoint_folder, tmp_path / "copy"))


@pytest.fixture(scope="session")
def labelled_file(tmp_path_factory):
    """A labelled set of 24 short texts."""
    texts, labels = corpus.corpus("test")
    path = tmp_path_factory.mktemp("data") / "small.jsonl"
    rows = [{"text": text, "label": label} for text, label in zip(texts[:24], labels[:24], strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
