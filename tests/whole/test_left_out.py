"""A variant whose artifact is the same as another is left out, and a line says why."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploybench.bench.pipeline.options import Options
from deploybench.bench.pipeline.prepare import prepare
from deploybench.bench.runs.store import read_run

SUITES = Path(__file__).parents[2] / "suites"

BOTH = ("openvino-int8", "openvino-int8-careful")


@pytest.fixture
def options(checkpoint_folder, tmp_path):
    return {"checkpoint": str(checkpoint_folder), "threads": 1, "work_dir": tmp_path}


def test_careful_int8_is_left_out_where_plain_int8_keeps_the_classes(options, capsys):
    prepared = prepare(Options(**options, variants=BOTH))

    assert [*prepared.variants] == [*prepared.artifacts] == ["torch-eager", "openvino-int8"]
    assert prepared.options.variants == ("torch-eager", "openvino-int8")
    assert "left out: openvino-int8-careful: plain int8 keeps the classes" in capsys.readouterr().err


def test_it_is_there_where_it_alone_was_asked_for(options, capsys):
    prepared = prepare(Options(**options, variants=BOTH[1:]))

    assert [*prepared.artifacts] == ["torch-eager", "openvino-int8-careful"]
    assert "left out" not in capsys.readouterr().err


def test_pytest_skips_it(options, tmp_path):
    """The tests are there before the artifacts are."""
    flags = [f"--checkpoint={options['checkpoint']}", "--threads=1", f"--variants={','.join(BOTH)}", "--batch-sizes=1"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(SUITES),
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "--benchmark-autosave",
    ]
    given = [*command, *flags, "--sequence-lengths=16", "--time-budget=30"]
    done = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, check=False)
    run = read_run(tmp_path / "results")

    assert done.returncode == 0, done.stdout
    assert "the same as another variant" in done.stdout
    assert run.plan.variants == ("torch-eager", "openvino-int8")
    assert {one.variant for one in run.measurements} >= {"openvino-int8"}
    assert "openvino-int8-careful" not in {one.variant for one in run.measurements}
