"""Two Python environments against each other: each side exports and runs with its own packages, which the verdict names."""

import json
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from deploybench.bench import cli
from deploybench.bench.compare.duel import measure as duel
from deploybench.exporters.variant import MANIFEST

QUICK = ("--variants=onnx-fp32", "--threads=1", "--time-budget=0.1", "--sequence-lengths=16")
PACKAGES = Path(sysconfig.get_paths()["purelib"])
# An older version of ONNX Runtime, as far as anybody can tell, which runs each batch five times.
SLOW = """
import importlib.util, sys

class Slow:
    def find_spec(self, name, *_):
        if name != "onnxruntime":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def executed(module):
            execute(module)
            run = module.InferenceSession.run
            module.InferenceSession.run = lambda *given: [run(*given) for _ in range(5)][0]

        spec.loader.exec_module = executed
        return spec

sys.meta_path.insert(0, Slow())
"""


def environment(folder, packages):
    """A new environment with the files ``packages`` writes into its packages; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [site] = folder.glob("lib/*/site-packages")
    packages(site)
    return folder / "bin" / "python"


def all_packages(site):
    (site / "all.pth").write_text(f"{PACKAGES}\n")


def slower_runtime(site):
    all_packages(site)
    metadata = site / "onnxruntime-1.0.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.0.0\n")
    (site / "sitecustomize.py").write_text(SLOW)


def runtime_alone(site):
    for one in PACKAGES.iterdir():
        if one.name.startswith(("numpy", "onnxruntime")):
            (site / one.name).symlink_to(one)


@pytest.fixture(scope="module")
def slower(tmp_path_factory):
    return environment(tmp_path_factory.mktemp("environments") / "an older one", slower_runtime)


@pytest.fixture
def few_launches(monkeypatch):
    monkeypatch.setattr(duel, "_LAUNCHES", 2)
    monkeypatch.setattr(duel, "_BLOCKS", 3)


def run_duel(capsys, *arguments):
    code = cli.main(["duel", *map(str, arguments), *QUICK])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_slower_runtime_is_found_and_named(capsys, artifacts, slower, tmp_path, monkeypatch):
    monkeypatch.setattr(duel, "_LAUNCHES", 4)
    rows, answer = tmp_path / "rows.xml", tmp_path / "answer.json"
    environments = ("--python-a", sys.executable, "--python-b", slower)
    files = ("--junit", rows, "--format=json", "--output", answer)
    code, out, err = run_duel(capsys, artifacts("onnx-fp32"), *environments, *files)
    told = json.loads(answer.read_text())
    verdicts = {change["metric"]: change["verdict"] for change in told["changes"]}

    assert code == 1
    assert [line.partition(":")[0] for line in err.splitlines()] == [
        "timing both sides in turn",
        "memory and what executes",
    ]
    assert verdicts["latency"] == "worse"
    assert verdicts["artifact_size"] == "no detectable change"
    assert set(verdicts.values()) <= {"worse", "better", "no detectable change"}
    assert told["contender"] == f"B: {slower} (onnxruntime 1.0.0)"
    [difference] = told["differences"]
    assert (difference["fact"], difference["contender"]) == ("onnxruntime", "1.0.0")
    assert ET.parse(rows).find("testsuite").get("name").endswith(f"against {told['contender']}")
    assert f"base and contender differ in onnxruntime: {difference['base']} against 1.0.0" in " ".join(out.split())


def test_each_side_exports_a_checkpoint_with_its_packages(capsys, checkpoint_folder, slower, few_launches, monkeypatch):
    exported = []
    measure = duel.duel

    def look(*sides):
        exported.extend(json.loads((side.artifacts["onnx-fp32"].path / MANIFEST).read_text()) for side in sides[:2])
        return measure(*sides)

    monkeypatch.setattr("deploybench.bench.compare.duel.paired.duel", look)
    given = ("--checkpoint", checkpoint_folder, "--python-a", slower, "--python-b", sys.executable, "--format=github")
    code, out, err = run_duel(capsys, *given)
    versions = [one["versions"]["onnxruntime"] for one in exported]

    assert code in {0, 1}
    assert versions[0] == "1.0.0" != versions[1]
    assert f"A: {slower} (onnxruntime 1.0.0) against B: {sys.executable} (onnxruntime {versions[1]})" in out
    assert err.splitlines()[:2] == [f"{checkpoint_folder}: exporting with {one}" for one in (slower, sys.executable)]


def test_an_environment_of_the_runtime_alone_lacks_what_measures_memory(capsys, artifacts, tmp_path, few_launches):
    alone = environment(tmp_path / "alone", runtime_alone)
    code, out, _ = run_duel(capsys, artifacts("onnx-fp32"), "--python-a", alone, "--python-b", alone, "--format=json")
    told = json.loads(out)

    assert [one["metric"] for one in told["changes"]] == ["latency", "load_time", "artifact_size"]
    assert {one["verdict"] for one in told["changes"]} <= {"worse", "better", "no detectable change"}
    assert code == told["exit_code"]
    assert "A and B are the same environment (A/A): a difference between them is chance" in told["notes"]
    assert f"memory was not measured, because these have no memray: {alone}" in told["notes"]


def test_an_environment_that_cannot_run_the_side_is_one_line(capsys, artifacts, checkpoint_folder, tmp_path):
    bare = environment(tmp_path / "bare", lambda site: (site / "numpy.py").touch())
    alone = environment(tmp_path / "alone", runtime_alone)
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\necho \'{"version": [3, 8], "python": "3.8.18", "prefix": "/"}\'\n')
    old.chmod(0o755)
    one, none = artifacts("onnx-fp32"), tmp_path / "none"
    for sides, said in (
        (
            (one, "--python-a", none, "--python-b", bare),
            f"--python-a: {none}: no such program; expected a Python interp",
        ),
        ((one, "--python-a", "true", "--python-b", bare), "--python-a: true does not answer as a Python interpreter"),
        (
            (artifacts("torch-eager"), "--python-a", sys.executable, "--python-b", alone),
            f"--python-b: {alone} has no torch, which torch-eager needs; install it there",
        ),
        ((one, "--python-a", old, "--python-b", bare), f"--python-a: {old} is Python 3.8.18, expected 3.11 or newer"),
        (
            (one, "--python-a", sys.executable, "--python-b", bare),
            f"--python-b: {bare} has no onnxruntime, which onnx-",
        ),
        ((one, "--python-a", bare), "--python-a: expected --python-b as well"),
        ((one, "--python-b", bare), "--python-b: expected --python-a as well"),
        (("--python-a", bare, "--python-b", bare), "--python-a: found neither, expected A"),
        ((one, "--checkpoint", one, "--python-a", bare, "--python-b", bare), "--python-a: found both, expected A"),
        ((one,), "duel: expected A and B"),
    ):
        code, out, err = run_duel(capsys, *sides)

        assert (code, out, err.count("\n")) == (2, "", 1), out + err
        assert err.startswith(f"deploybench: error: {said}")


def test_an_environment_that_cannot_export_is_one_line(capsys, checkpoint_folder, tmp_path):
    alone = environment(tmp_path / "alone", runtime_alone)
    code, out, err = run_duel(capsys, "--checkpoint", checkpoint_folder, "--python-a", alone, "--python-b", alone)
    note, error = err.splitlines()

    assert (code, out) == (2, "")
    assert note == f"{checkpoint_folder}: exporting with {alone}"
    assert error.startswith(f"deploybench: error: {checkpoint_folder}: {alone} does not export onnx-fp32: ")
