"""A variant whose artifact is the same as another is left out, and a line says why."""

import pytest

from bench import cli
from bench.pipeline.options import Options
from bench.pipeline.prepare import prepare

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


def test_the_suites_skip_it(options, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    flags = [f"--checkpoint={options['checkpoint']}", "--threads=1", f"--variants={','.join(BOTH)}", "--batch-sizes=1"]
    code = cli.main(["run", *flags, "--sequence-lengths=16", "--time-budget=30"])
    out = capsys.readouterr().out

    assert code == 0
    assert "openvino-int8-careful" not in out
