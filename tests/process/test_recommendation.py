"""Which variant to take within limits: decided by intervals, with the reason for every other one."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.analysis.recommendation import Limit, recommend
from bench.cli import main
from bench.report.recommendation import render_recommendation
from bench.runs.measurement import Measurement, Workload
from bench.runs.store import BLOCK, read_run
from exporters.artifacts.artifact import read_artifact

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
MS = {"torch-eager": 40.0, "onnx-fp32": 30.0, "onnx-int8-dynamic": 10.0, "openvino-int8": 20.0}
MB = {"torch-eager": 46.0, "onnx-fp32": 47.0, "onnx-int8-dynamic": 13.0, "openvino-int8": 12.0}
SIZE = "--max-size-mb"


def rows(name):
    at = Workload(batch_size=1, sequence_length=128, padding="full", threads=2)
    values = tuple(MS[name] / 1e3 * factor for factor in (1.0, 1.02, 0.98, 1.0))
    yield Measurement(
        variant=name, metric="latency", workload=at, values=values, launches=(0, 1, 2, 3), blocks=(0, 0, 0, 0)
    )
    yield Measurement(variant=name, metric="peak_memory", workload=at, values=(2 * MB[name] * 1e6,))
    yield Measurement(variant=name, metric="artifact_size", values=(MB[name] * 1e6,))


@pytest.fixture
def run():
    saved = read_run(SAMPLE)
    plan = replace(saved.plan, variants=tuple(MS), batch_sizes=(1,), sequence_lengths=(128,), memory_batch_size=1)
    infos = {name: saved.variants[name] for name in MS}
    return replace(saved, plan=plan, variants=infos, measurements=tuple(one for name in MS for one in rows(name)))


def right(run, wrong, examples=1000):
    """By variant, how many of the examples that the reference calls right it does not."""
    found = {(run.sets[0].name, name): np.ones(examples, dtype=bool) for name in MS}
    for name, count in wrong.items():
        found[run.sets[0].name, name][:count] = False
    return found


def standings(found):
    return {one.variant: one.standing for one in found.variants}


def test_what_is_surely_within_is_taken_though_another_may_be_quicker(run):
    found = recommend(run, right(run, {"onnx-int8-dynamic": 8}), "latency", 0.01, [])

    assert standings(found)["onnx-int8-dynamic"] == "undecided"  # 0.8 % of 1,000, at most 1.6 %
    assert found.best.variant == "openvino-int8"
    assert [one.variant for one in found.hopeful] == ["onnx-int8-dynamic"]


def test_a_slower_undecided_one_is_no_hope(run):
    found = recommend(run, right(run, {"onnx-fp32": 8}), "latency", 0.01, [])

    assert found.best.variant == "onnx-int8-dynamic"
    assert found.hopeful == ()


def test_few_texts_that_all_agree_decide_nothing(run):
    found = recommend(run, right(run, {}, examples=40), "latency", 0.01, [])

    assert set(standings(found).values()) == {"in", "undecided"}
    assert found.best.variant == "torch-eager"  # loses nothing by its own measure
    assert len(found.hopeful) == 3


def test_every_limit_that_is_passed_is_a_reason(run):
    limits = [
        Limit(flag=SIZE, metric="artifact_size", most=40e6),
        Limit(flag="--max-memory-mb", metric="peak_memory", most=25e6),
    ]
    found = recommend(run, right(run, {"onnx-int8-dynamic": 60}), "latency", 0.01, limits)
    text = render_recommendation(found)

    assert standings(found) == {
        "openvino-int8": "in",
        "onnx-int8-dynamic": "out",
        "torch-eager": "out",
        "onnx-fp32": "out",
    }
    assert text.splitlines() == [
        "variant             latency        accuracy lost",
        "------------------  -------------  ------------------------  ------",
        "openvino-int8*      20 ms (1x128)  0.000 (-0.004 to +0.004)  within",
        "onnx-int8-dynamic*  10 ms (1x128)  0.060 (+0.047 to +0.076)  out",
        "onnx-fp32           30 ms (1x128)  0.000 (-0.004 to +0.004)  out",
        "torch-eager         40 ms (1x128)  0.000                     out",
        "",
        "onnx-int8-dynamic: above --max-accuracy-drop on newsmix; 26.0 MB (1x128) is",
        "  above --max-memory-mb",
        "onnx-fp32: 47.0 MB is above --max-size-mb; 94.0 MB (1x128) is above",
        "  --max-memory-mb",
        "torch-eager: 46.0 MB is above --max-size-mb; 92.0 MB (1x128) is above",
        "  --max-memory-mb",
        "* no other variant is as good in accuracy, latency, memory and size, and better",
        "  in one of them",
        "",
        "take openvino-int8: within every limit, by the ends of the intervals too",
    ]
    assert max(map(len, text.splitlines())) <= 80


def test_an_interval_across_a_limit_decides_nothing(run):
    limit = Limit(flag="--max-p95-ms", metric="latency", most=10.0e-3)
    found = recommend(run, right(run, {}), "latency", 0.01, [limit])

    assert standings(found)["onnx-int8-dynamic"] == "undecided"
    assert found.best is None
    assert "take none" in render_recommendation(found)


@pytest.mark.parametrize(("most", "standing"), [(10e-3, "out"), (26e-3, "undecided"), (80e-3, "in")])
def test_few_values_say_little_of_their_95th_percentile(run, most, standing):
    values = (20e-3, 21e-3, 20e-3, 22e-3, 21e-3, 20e-3, 24e-3, 21e-3)
    few = [
        replace(one, values=values, launches=(0, 0, 1, 1, 2, 2, 3, 3), blocks=(0, 1) * 4)
        if (one.variant, one.metric) == ("openvino-int8", "latency")
        else one
        for one in run.measurements
    ]
    limit = Limit(flag="--max-p95-ms", metric="latency_p95", most=most)
    found = recommend(replace(run, measurements=tuple(few)), right(run, {}), "latency", 0.01, [limit])

    assert standings(found)["openvino-int8"] == standing


def test_the_95th_percentile_of_a_single_value_is_open_above(run):
    few = [
        replace(one, values=one.values[:1], launches=(0,), blocks=(0,), cpu_seconds=one.cpu_seconds[:1])
        for one in run.measurements
        if one.metric == "latency"
    ]
    limit = Limit(flag="--max-p95-ms", metric="latency_p95", most=1e6)
    found = recommend(replace(run, measurements=tuple(few)), right(run, {}), "latency", 0.01, [limit])

    assert set(standings(found).values()) == {"undecided"}


def test_the_front_holds_what_nothing_beats_in_everything(run):
    found = recommend(run, right(run, {"onnx-int8-dynamic": 8, "onnx-fp32": 8}), "latency", 0.01, [])

    # onnx-int8-dynamic is the quickest, openvino-int8 the smallest and most accurate; the others beat neither in anything
    assert {one.variant for one in found.variants if one.front} == {"onnx-int8-dynamic", "openvino-int8"}


def test_nothing_to_take_is_exit_code_1(capsys):
    assert main(["recommend", str(SAMPLE), "--max-size-mb", "0.001"]) == 1
    assert "take none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "text"),
    [(SIZE, "big"), (SIZE, "0"), ("--max-p95-ms", "-3"), ("--max-memory-mb", "inf"), ("--max-accuracy-drop", "2")],
)
def test_a_limit_that_is_no_number_is_one_line(capsys, flag, text):
    assert main(["recommend", str(SAMPLE), flag, text]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_smallest_batch_decides_how_long_one_waits(run):
    """Of two batch sizes; the quick one of a row is the one that a person waits for."""
    at = Workload(batch_size=32, sequence_length=128, padding="full", threads=2)
    slow = Measurement(
        variant="openvino-int8",
        metric="latency",
        workload=at,
        values=(9.0,) * 4,
        launches=(0, 1, 2, 3),
        blocks=(0,) * 4,
    )
    plan = replace(run.plan, batch_sizes=(1, 32))
    run = replace(run, plan=plan, measurements=(*run.measurements, slow))
    limit = Limit(flag="--max-p95-ms", metric="latency_p95", most=1.0)

    assert standings(recommend(run, right(run, {}), "latency", 0.01, [limit]))["openvino-int8"] == "in"


# --copy-to


@pytest.fixture
def saved(tmp_path, monkeypatch, checkpoint):
    """The sample as a run of the tiny checkpoint, judged by parity; its command line is in its folder."""
    content = json.loads(SAMPLE.read_text())
    content[BLOCK]["checkpoint"] |= {"sha256": checkpoint.sha256, "random_weights": True, "name": "tiny albert"}
    content[BLOCK]["plan"]["variants"] = ["torch-eager", "onnx-fp32", "torchscript"]  # the last one failed
    for info in content[BLOCK]["variants"].values():
        info["parity"] = {"max_abs_diff": 0.0, "agreement": 1.0, "examples": 64}
    (tmp_path / "run.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    return ["recommend", "run.json", "--max-size-mb=100"]


@pytest.fixture
def made(tmp_path, artifacts):
    """An artifact where runs leave them, by variant."""

    def put(variant, folder="tiny"):
        return shutil.copytree(artifacts(variant), tmp_path / ".deploybench" / "artifacts" / folder / variant)

    return put


def test_what_is_recommended_is_copied_and_serves(saved, made, capsys):
    folder = made("onnx-fp32")
    assert main([*saved, "--copy-to=best"]) == 0
    said = capsys.readouterr()
    done = subprocess.run([sys.executable, "best/example.py", "a text"], capture_output=True, text=True, check=True)
    evidence = json.loads(Path("best", "evidence.json").read_text())

    assert "take onnx-fp32" in said.out
    assert "exported again since" in said.err  # the tiny checkpoint's is not the one that was measured
    assert read_artifact(Path("best")).fingerprint == read_artifact(folder).fingerprint
    assert done.stdout.split()[0] in ("real", "fake")
    assert evidence["chosen"] == "onnx-fp32"
    assert evidence["limits"] == [{"flag": SIZE, "metric": "artifact_size", "most": 1e8}]
    assert {one["variant"]: (one["standing"], bool(one["why"])) for one in evidence["variants"]} == {
        "onnx-fp32": ("in", False),
        "torch-eager": ("in", False),
        "torchscript": ("out", True),
    }
    assert main([*saved, "--copy-to=best"]) == 0  # what it wrote it may replace


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            shutil.rmtree,
            "make it with: deploybench export --checkpoint 'tiny albert' --variants",
        ),
        (lambda folder: (folder / "model.onnx").write_bytes(b""), "holds no artifact of onnx-fp32"),
        (lambda folder: change(folder, checkpoint_sha256="0"), "holds no artifact of onnx-fp32"),
        (lambda folder: change(folder, labels=[]), "holds no artifact of onnx-fp32"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "holds no artifact of onnx-fp32"),
        (lambda folder: flip(folder / "model.onnx"), "model.onnx is not what was exported; remove the folder"),
    ],
)
def test_an_artifact_that_is_not_there_is_one_line(saved, made, capsys, spoil, message):
    spoil(made("onnx-fp32"))

    assert main([*saved, "--copy-to=best"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not Path("best").exists()


def change(folder, **facts):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **facts}))


def flip(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_another_checkpoint_of_the_same_name_is_passed_over(saved, made, capsys):
    made("onnx-fp32", "older")
    change(made("onnx-fp32", "newer"), checkpoint_sha256="0")

    assert main([*saved, "--copy-to=best"]) == 0


def test_nothing_recommended_is_nothing_written(saved, made, capsys):
    made("onnx-fp32")

    assert main([*saved, "--max-memory-mb=0.001", "--copy-to=best"]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert not Path("best").exists()


def test_somebodys_folder_is_not_replaced(saved, made, capsys):
    made("onnx-fp32")
    assert main([*saved, "--copy-to=best"]) == 0
    program = Path("best", "example.py")
    program.write_text(program.read_text().replace("print", "return_"))
    capsys.readouterr()

    assert main([*saved, "--copy-to=best"]) == 2
    assert "its example.py was changed" in capsys.readouterr().err
    assert "return_" in program.read_text()
    assert main([*saved, "--copy-to=."]) == 2
    assert main([*saved, "--copy-to="]) == 2
