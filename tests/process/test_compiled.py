"""Models compiled by PyTorch: equal logits at every shape, compiled once, within their threads, and no files left behind."""

import os
import zipfile

import numpy as np
import pytest
from fakes import calls

from deploybench.bench.worker.client import Worker, call_in_child
from deploybench.exporters.artifacts.artifact import Origin, export_artifact, read_artifact
from deploybench.exporters.errors import ExportError
from deploybench.exporters.variant import MANIFEST, TOKENIZER

COMPILED = ["torch-aot", "torch-compile"]
LONGEST = 64  # of the tiny checkpoint
SHAPES = [(1, 2), (1, LONGEST), (2, 2), (2, 16), (3, 17), (5, LONGEST), (8, 31), (1, 33), (33, 9)]


def batch(batch_size, length):
    """Random ids; each row has a little more padding than the one before."""
    ids = np.random.default_rng(length).integers(5, 400, (batch_size, length))
    real = np.maximum(1, length - np.arange(batch_size) * 3)
    return ids, (np.arange(length) < real[:, None]).astype(np.int64)


BATCHES = [batch(*shape) for shape in SHAPES]


def logits(name, folder):
    with Worker(name, 1) as worker:
        worker.start(name, folder, 1)
        return [logits for logits, _ in worker.predict(BATCHES)]


@pytest.mark.parametrize("name", COMPILED)
def test_every_shape_gives_eagers_logits(artifacts, name):
    for found, expected in zip(
        logits(name, artifacts(name)), logits("torch-eager", artifacts("torch-eager")), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_no_shape_is_compiled_after_the_load(artifacts):
    arguments = ("torch-compile", artifacts("torch-compile"), BATCHES)

    assert call_in_child(calls.graphs_made, *arguments, threads=1) == (2, 2)  # a batch of one, and any other


@pytest.mark.parametrize("name", COMPILED)
def test_a_missing_compiler_is_one_line(checkpoint, checkpoint_folder, tmp_path, name):
    origin = Origin(
        checkpoint=checkpoint_folder,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=checkpoint_folder,
        calibration=(),
        calibration_source="",
    )
    with Worker(name, 1, environment={"CXX": "no-such-compiler"}) as worker, pytest.raises(ExportError) as error:
        worker.call(export_artifact, name, origin, tmp_path)

    assert str(error.value) == (
        "found no C++ compiler, which PyTorch needs to compile a model; install g++, or set CXX"
    )
    assert os.listdir(tmp_path) == []


def test_a_missing_compiler_is_one_line_at_load_time(artifacts):
    folder = artifacts("torch-compile")
    bare = Worker("serving", 1, environment={"CXX": "no-such-compiler"})
    with bare as worker, pytest.raises(ExportError, match="found no C\\+\\+ compiler"):
        worker.start("torch-compile", folder, 1)


def test_what_is_compiled_ahead_is_one_file_that_needs_torch_alone(artifacts, tmp_path):
    folder = artifacts("torch-aot")
    with Worker("serving", 1, environment={"TMPDIR": str(tmp_path), "CXX": "no-such-compiler"}) as worker:
        worker.start("torch-aot", folder, 1)
        packages = worker.call(calls.packages_imported)
        left = os.listdir(tmp_path)  # while it serves: a killed worker removes nothing

    assert "torch" in packages
    assert not {"transformers", "sympy"} & packages  # PyTorch's compiler comes with sympy
    assert left == []
    assert {*os.listdir(folder)} == {"model.pt2", "config.json", MANIFEST, TOKENIZER}
    assert "compiled for the exporting CPU (" in read_artifact(folder).notes[0]


def test_what_is_compiled_ahead_keeps_to_no_number_of_threads(artifacts):
    with zipfile.ZipFile(artifacts("torch-aot") / "model.pt2") as archive:
        [kernels] = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".kernel.cpp")]

    assert "omp parallel" in kernels
    assert "num_threads(" not in kernels
