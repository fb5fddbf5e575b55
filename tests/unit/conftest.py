"""Unit tests start no process and load no model runtime: that is what makes them quick."""

import importlib.util
import subprocess
import sys

import pytest

from deploybench.exporters import packages

RUNTIMES = ("torch", "onnxruntime", "openvino", "transformers")


@pytest.fixture(autouse=True)
def no_runtime_is_needed(monkeypatch):
    """Where none is installed (tox -e lowest), a command must still reach what a test is about."""
    if importlib.util.find_spec("torch") is None:
        monkeypatch.setattr(packages, "_is_installed", lambda name: name != "acme-runtime")


@pytest.fixture(autouse=True)
def neither_process_nor_runtime(monkeypatch, request):
    """Fail a test that belongs in tests/process, unless it is marked as one that does."""
    if request.node.get_closest_marker("process"):
        yield
        return

    def refuse(*arguments, **_):
        started = arguments[0] if arguments else ""
        raise AssertionError(f"a unit test started a process ({started}): mark it, or move it to tests/process")

    before = {name for name in RUNTIMES if name in sys.modules}
    monkeypatch.setattr(subprocess, "Popen", refuse)
    yield
    loaded = {name for name in RUNTIMES if name in sys.modules} - before
    assert not loaded, f"a unit test loaded {', '.join(loaded)}: mark it, or move it to tests/process"
