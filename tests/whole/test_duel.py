"""A duel: what is measured side by side, how it is judged, and what mistakes come to."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploybench.bench import cli
from deploybench.bench.compare.changes import Comparison
from deploybench.bench.compare.duel import measure as duel
from deploybench.bench.compare.duel.sides import Side
from deploybench.bench.compare.judging import judge_rows, rows_of
from deploybench.bench.compare.outcome import outcome_of
from deploybench.bench.report.messages.comparison import render_comparison
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.store import VariantInfo
from deploybench.exporters.artifacts.artifact import read_artifact
from deploybench.suites.studies.harness.duels import sides as slowed_sides

SAME = "no detectable change"
WORKLOAD = Workload(batch_size=1, sequence_length=16, padding="full", threads=1)
QUICK = ("--threads=1", "--time-budget=0.1", "--sequence-lengths=16")


@pytest.fixture(scope="module")
def work(checkpoint_folder, tmp_path_factory):
    """A work folder with the exported artifacts of the tiny checkpoint; its path has a space."""
    folder = tmp_path_factory.mktemp("a duel")
    command = [
        sys.executable,
        "-m",
        "deploybench.bench.cli",
        "export",
        f"--checkpoint={checkpoint_folder}",
        f"--work-dir={folder}",
    ]
    command += ["--variants=onnx-fp32,onnx-int8-dynamic", "--threads=1"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def artifacts(work):
    [folder] = (work / "artifacts").iterdir()
    return folder


@pytest.fixture
def few_launches(monkeypatch):
    """What a duel is made of is there after three launches as after five."""
    monkeypatch.setattr(duel, "_LAUNCHES", 3)
    monkeypatch.setattr(duel, "_BLOCKS", 3)


def command(capsys, *arguments):
    code = cli.main(["duel", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(capsys, *arguments):
    """The one line that a mistake comes to."""
    code, out, err = command(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), out + err
    assert err.startswith("deploybench: error: ")
    return err


def test_an_artifact_against_itself(capsys, artifacts, few_launches):
    one = artifacts / "onnx-fp32"
    code, out, err = command(capsys, one, one, *QUICK, "--format=json")
    told = json.loads(out)
    verdicts = {change["metric"]: change["verdict"] for change in told["changes"]}

    assert list(verdicts) == ["latency", "load_time", "peak_memory", "peak_resident", "artifact_size"]
    assert verdicts["artifact_size"] == SAME
    assert verdicts["peak_resident"] == SAME
    assert {change["variant"] for change in told["changes"]} == {"onnx-fp32"}
    assert (told["base"], told["contender"]) == (f"A: {one}", f"B: {one}")
    assert code == told["exit_code"]
    assert code == (1 if "worse" in verdicts.values() else 0)
    assert [line.partition(":")[0] for line in err.splitlines()] == [
        "timing both sides in turn",
        "memory and what executes",
    ]


def test_two_variants_are_one_row(capsys, artifacts, few_launches):
    code, out, _ = command(capsys, artifacts / "onnx-fp32", artifacts / "onnx-int8-dynamic", *QUICK)
    rows = [line for line in out.splitlines() if line.startswith("A against B")]
    words = " ".join(out.split())

    assert [row.split()[-1] for row in rows if " size " in row] == ["smaller"]
    assert len(rows) == 5
    assert "times: 3 launches of each side, 3 blocks per launch" in words
    assert "99 % intervals; 1 thread, " in words
    assert "tokenizers" not in words
    assert "checkpoints" not in words
    assert max(map(len, out.splitlines())) <= 80
    assert code in {0, 1}


def test_folders_of_artifacts_are_sides(capsys, artifacts, few_launches):
    code, out, _ = command(capsys, artifacts, artifacts, "--variants=onnx-fp32,onnx-int8-dynamic", *QUICK)

    assert {line.split()[0] for line in out.splitlines() if " size " in line} == {"onnx-fp32", "onnx-int8-dynamic"}
    assert code in {0, 1}
    assert f"{artifacts}: has no artifact of openvino-fp32, only of onnx-fp32; export it as well" in refused(
        capsys, artifacts, artifacts, "--variants=onnx-fp32,openvino-fp32", *QUICK
    )


def test_two_checkpoints_with_another_tokenizer(capsys, checkpoint_folder, work, tmp_path, few_launches):
    """The same weights in a folder of its own, whose tokenizer does not fold case."""
    other = shutil.copytree(checkpoint_folder, tmp_path / "other")
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    tokenizer["normalizer"]["lowercase"] = False
    config = json.loads((other / "tokenizer_config.json").read_text())
    (other / "tokenizer_config.json").write_text(json.dumps({**config, "do_lower_case": False}))
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    given = ("--variants=onnx-fp32", f"--work-dir={work}", *QUICK)
    code, out, _ = command(capsys, checkpoint_folder, other, *given, "--format=md")

    assert code in {0, 1}
    assert "| onnx-fp32 |" in " ".join(out.split())
    assert "torch-eager" not in out
    assert "A and B have different tokenizers" in out


def test_what_takes_twice_as_long_is_found(artifacts, tmp_path):
    sides = slowed_sides(read_artifact(artifacts / "onnx-fp32"), tmp_path, 1.0)
    setting = duel.Setting(workloads=(WORKLOAD,), target_width=0.1, budget_s=1, memory=False)
    comparison = duel.duel(*sides, setting)
    [latency] = [change for change in comparison.changes if change.metric == "latency"]

    assert latency.verdict == "worse"
    assert latency.change > 0.5
    assert outcome_of(comparison.changes).code == 1


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_side_that_cannot_be_loaded_is_incomplete(capsys, artifacts, tmp_path, few_launches, side):
    spoilt = shutil.copytree(artifacts / "onnx-fp32", tmp_path / "spoilt")
    model = spoilt / "model.onnx"
    model.write_bytes(bytes(model.stat().st_size))
    assert "spoilt: model.onnx is not what was exported" in refused(capsys, spoilt, artifacts / "onnx-fp32", *QUICK)
    manifest = json.loads((spoilt / "manifest.json").read_text())
    manifest["files"]["model.onnx"]["sha256"] = hashlib.sha256(model.read_bytes()).hexdigest()
    edit(spoilt / "manifest.json", files=manifest["files"])  # as if it had been exported so
    both = (artifacts / "onnx-fp32", spoilt)
    code, out, err = command(capsys, *(both if side == "B" else reversed(both)), *QUICK)

    assert code == 3
    assert "Traceback" not in out + err
    assert "Protobuf parsing failed" in " ".join(out.split())
    assert "incomplete: 4 rows failed" in out  # latency, load, heap, resident: none is missing or new


def test_mistakes_are_one_line(capsys, monkeypatch, artifacts, tmp_path):
    monkeypatch.chdir(tmp_path)
    good = artifacts / "onnx-fp32"
    for name, spoil in {
        "cut": lambda folder: (folder / "model.onnx").write_bytes(b"x"),
        "gone": lambda folder: (folder / "model.onnx").unlink(),
        "no JSON": lambda folder: (folder / "manifest.json").write_text("{"),
        "no object": lambda folder: (folder / "manifest.json").write_text("[]"),
        "another schema": lambda folder: edit(folder / "manifest.json", schema_version=2),
    }.items():
        spoil(shutil.copytree(good, tmp_path / name))
        assert f"{name}: this artifact is not whole" in refused(capsys, good, name)
    edit(shutil.copytree(good, tmp_path / "foreign") / "manifest.json", variant="os.path")
    assert "unknown variant 'os.path'" in refused(capsys, good, "foreign")
    shutil.rmtree(shutil.copytree(good, tmp_path / "mute") / "tokenizer")
    assert "cannot be read as a tokenizer" in refused(capsys, good, "mute", *QUICK)
    assert "./nowhere: does not exist" in refused(capsys, good, "./nowhere")
    assert "is a file" in refused(capsys, Path(__file__), good)
    assert "takes at most 64" in refused(capsys, good, good, "--sequence-lengths=16,65")
    assert "at least 3" in refused(capsys, good, good, "--sequence-lengths=2")
    assert "there is no git repository here" in refused(capsys, "HEAD~1", "HEAD", "--checkpoint=x")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git cannot be started" in refused(capsys, "HEAD~1", "HEAD", "--checkpoint=x")


def edit(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize("limit", ["64", "null", '"64"', "1e30", "-1"])
def test_a_length_that_both_sides_take(artifacts, tmp_path, limit):
    from deploybench.bench.compare.duel.side import side_of
    from deploybench.bench.pipeline.options import Options

    copy = shutil.copytree(artifacts / "onnx-fp32", tmp_path / "copy")
    (copy / "tokenizer" / "tokenizer_config.json").write_text(f'{{"model_max_length": {limit}}}')
    sides = [side_of(str(folder), {"one": read_artifact(folder)}) for folder in (copy, artifacts / "onnx-fp32")]

    assert sides[0].max_length == (64 if limit == "64" else None)
    [workload] = duel.workloads(sides, Options(variants=("onnx-fp32",), batch_sizes=(1,), threads=1))
    assert workload.sequence_length == 64


# How launches are paired and judged, without any process.


def timed(values, metric="latency", variant="one"):
    """A measurement of ``values`` by launch and block."""
    places = [(launch, block) for launch, blocks in values.items() for block in range(len(blocks))]
    return Measurement(
        variant=variant,
        metric=metric,
        workload=WORKLOAD,
        values=tuple(float(values[launch][block]) for launch, block in places),
        launches=tuple(launch for launch, _ in places),
        blocks=tuple(block for _, block in places),
    )


def judged(base, contender):
    [change] = judge_rows((rows_of([base]), rows_of([contender])), duel._THRESHOLDS, interleaved=True)
    return change


TIMES = st.floats(1e-5, 1e2)
GRIDS = st.integers(2, 6).flatmap(
    lambda launches: st.integers(1, 6).flatmap(
        lambda blocks: st.lists(st.lists(TIMES, min_size=blocks, max_size=blocks), min_size=launches, max_size=launches)
    )
)


@given(GRIDS, st.sampled_from([0.5, 0.9, 1.0, 1.001, 1.2, 3.0]))
def test_what_slows_both_sides_of_a_block_cancels(drift, ratio):
    change = judged(
        timed(dict(enumerate(drift))), timed({launch: [ratio * one for one in row] for launch, row in enumerate(drift)})
    )

    assert change.change == pytest.approx(ratio - 1, abs=1e-9)
    assert change.high - change.low < 1e-6
    assert change.verdict == (SAME if abs(ratio - 1) < duel.DEFAULT_THRESHOLD else "worse" if ratio > 1 else "better")


@given(GRIDS, GRIDS)
def test_swapping_the_sides_swaps_the_verdict(base, contender):
    """Where both have the same launches and blocks, and where they share only some."""
    one, other = (timed(dict(enumerate(grid))) for grid in (base, contender))
    there, back = judged(one, other), judged(other, one)

    assert (1 + there.change) * (1 + back.change) == pytest.approx(1)
    assert {there.verdict, back.verdict} in ({SAME}, {"better", "worse"}, {"not comparable"})


@pytest.mark.parametrize(
    ("base", "contender", "reason"),
    [
        ({0: [1.0], 1: [1.0]}, {2: [2.0], 3: [2.0]}, "no launch timed both sides"),
        ({0: [1.0, 1.0]}, {0: [2.0, 2.0]}, "one process per side"),
        ({0: [1.0], 1: [1.0]}, {1: [2.0], 2: [2.0]}, "one process per side"),
        ({0: [0.0], 1: [1.0]}, {0: [1.0], 1: [1.0]}, "a time is not above zero"),
    ],
)
def test_launches_that_cannot_be_paired_are_not_judged(base, contender, reason):
    change = judged(timed(base), timed(contender))
    comparison = Comparison(base="A", contender="B", changes=(change,))

    assert change.verdict == "not comparable"
    assert change.reason.startswith(reason)
    assert outcome_of([change]).code == 4
    assert json.loads(render_comparison(comparison, "json"))  # nothing in it is not a number


def test_launches_are_added_for_rows_that_are_not_known():
    rng = np.random.default_rng(0)
    steady = [timed({launch: [1.0] for launch in range(5)}, variant=f"{mark}steady") for mark in duel._MARKS]
    noisy = [
        timed({launch: [value] for launch, value in enumerate(rng.lognormal(0, 0.3, 5))}, variant=f"{mark}noisy")
        for mark in duel._MARKS
    ]
    single = [timed({0: [1.0]}, variant=f"{mark}single") for mark in duel._MARKS]
    alone = timed({0: [1.0], 1: [2.0]}, variant=f"{duel._MARKS[0]}alone")

    assert {name for name, _ in duel._unsure([*steady, *noisy, alone], 0.01)} == {"A: noisy", "B: noisy"}
    assert {name for name, _ in duel._unsure(single, 0.01)} == {"A: single", "B: single"}
    assert duel._unsure([alone], 0.01) == set()
    assert duel._unsure([], 0.01) == set()


def simulated(rng, ratio=1.0, most=15):
    """A duel under a drifting clock with blocks that are interrupted: launches are added until the ratio is known to 1 %."""
    grids = {mark: {} for mark in duel._MARKS}
    while True:
        launch = len(grids["A: "])
        drift = rng.lognormal(0, 0.1) * np.exp(np.cumsum(rng.normal(0, 0.01, duel._BLOCKS)))
        for mark, grid in grids.items():
            own = rng.lognormal(0, 0.004)  # of each process: where its memory lies
            tail = np.exp(0.01 * np.abs(rng.standard_t(2, duel._BLOCKS)))
            grid[launch] = drift * own * tail * (ratio if mark == "B: " else 1)
        sides = [timed(grid, variant=f"{mark}one") for mark, grid in grids.items()]
        if launch + 1 >= most or (launch + 1 >= duel._LAUNCHES and not duel._unsure(sides, 0.01)):
            break
    return judged(timed(grids["A: "]), timed(grids["B: "])).verdict


def test_two_equal_sides_get_no_verdict_under_heavy_noise():
    rng = np.random.default_rng(1)
    verdicts = [simulated(rng) for _ in range(200)]

    assert verdicts.count(SAME) >= 190
    assert verdicts.count("not comparable") == 0


def test_a_change_of_five_percent_is_found_under_heavy_noise():
    rng = np.random.default_rng(2)

    assert [simulated(rng, ratio=1.05) for _ in range(50)].count("worse") >= 45


# What people read.


def test_long_names_are_cut_to_a_terminal():
    deep = "/home/someone/" + "a-folder-with-a-name/" * 8 + "onnx-fp32"
    change = judged(timed({0: [1.0], 1: [1.0]}), timed({0: [2.0], 1: [2.0]}))
    comparison = Comparison(base=f"A: {deep}", contender=f"B: {deep}", notes=("word " * 40,), changes=(change,))
    text = render_comparison(comparison, "text")

    assert max(map(len, text.splitlines())) <= 80
    assert text.splitlines()[0].startswith("base:      A: /home/")
    assert text.splitlines()[0].endswith("onnx-fp32")
    assert deep in render_comparison(comparison, "md")


def test_sides_of_different_checkpoints_are_told_apart(monkeypatch, artifacts):
    from deploybench.bench.compare.duel.notes import duel_notes

    sides = [
        Side(
            name=name,
            artifacts={},
            tokenizer=artifacts / "onnx-fp32" / "tokenizer",
            max_length=None,
            checkpoint=name,
        )
        for name in "AB"
    ]
    monkeypatch.setattr("deploybench.bench.compare.duel.notes.available_cores", lambda: 4)
    odd = VariantInfo(runtime="fake", precision="fp32", executed_problem="runs bf16, called fp32", cores_used=2.2)
    infos = {"A: ": {"x": VariantInfo(runtime="fake", precision="fp32", cores_used=2.0)}, "B: ": {"x": odd}}
    said = list(duel_notes(tuple(sides), [timed({0: [1.0], 1: [1.0]}), timed({0: [1.0]})], infos, 3, 2))

    assert "1 to 2 launches of each side" in said[0]
    assert "2 threads" in said[0]
    assert said[1:3] == [
        "! B: x runs bf16, called fp32",
        "! B: x takes 2.20 CPU-seconds a second, its budget is 2 threads",
    ]
    assert "different checkpoints" in said[3]
    assert len(said) == 4

    monkeypatch.setattr("deploybench.bench.compare.duel.notes.available_cores", lambda: 2)
    said = list(duel_notes(tuple(sides), [], infos, 3, 2))
    assert not any("CPU-seconds" in one for one in said)  # more than the machine has is a clock's affair


@pytest.mark.parametrize(
    ("precision", "executed", "reason"),
    [
        ("fp32", "bf16", "runs fp32 in A, bf16 in B, called fp32"),
        ("fp32", "fp32", ""),
        ("int8", "int8", ""),  # another way is what such a duel asks about
        ("fp32", None, ""),
    ],
)
def test_what_is_called_alike_and_executed_otherwise_is_not_comparable(precision, executed, reason):
    base = VariantInfo(runtime="fake", precision="fp32", executed={"fp32": 9.0, "bf16": 1.0})
    other = VariantInfo(runtime="fake", precision=precision, executed={executed: 1.0} if executed else {})
    terms = duel._terms({"x": base}, {"x": other})

    assert terms(("x", "latency", WORKLOAD, None)).unlike == reason
    assert terms(("x", "artifact_size", None, None)).unlike == ""


def test_a_duel_looks_at_what_really_runs(artifacts, few_launches):
    found = duel._how_they_run(
        "A: ",
        Side(
            name="one",
            artifacts={"onnx-fp32": read_artifact(artifacts / "onnx-fp32")},
            tokenizer=artifacts / "onnx-fp32" / "tokenizer",
            max_length=64,
        ),
        duel.Setting(workloads=(WORKLOAD,), target_width=0.1, budget_s=1),
    )

    assert set(found["onnx-fp32"].executed) == {"fp32"}
    assert 0 < found["onnx-fp32"].cores_used < 1.05


def test_progress_is_for_a_terminal_only():
    script = "from deploybench.bench.console import progress\nwith progress('duel', 2) as bar: bar.advance()"
    piped = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert piped.stderr == b""


def test_a_ratio_is_of_medians_of_blocks():
    change = judged(timed({0: [1, 1, 9], 1: [1, 9, 1]}), timed({0: [1.5, 1.5, 1.5], 1: [1.5, 1.5, 1.5]}))

    assert math.isclose(change.change, 0.5)
