"""``compare --confirm``: latencies of two saved runs that are in doubt are measured again, side by side."""

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from deploybench.bench import cli
from deploybench.bench.compare.changes import Comparison
from deploybench.bench.compare.comparability import differences
from deploybench.bench.compare.confirming import confirm, doubtful
from deploybench.bench.compare.duel import measure as duel
from deploybench.bench.compare.judging import Change
from deploybench.bench.runs.measurement import Workload

ONE = Workload(batch_size=1, sequence_length=48, padding="bucketed", threads=1)


@pytest.fixture(scope="module")
def runs(checkpoint_folder, tmp_path_factory):
    """Two saved runs of one commit, and the folder of their artifacts."""
    folder = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-m", "deploybench.bench.cli", "run", f"--checkpoint={checkpoint_folder}", "--threads=1"]
    command += ["--variants=onnx-fp32", "--batch-sizes=1", "--sequence-lengths=16", "--time-budget=20"]
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
    [artifacts] = (folder / ".deploybench" / "artifacts").iterdir()
    return [*sorted((folder / "results").glob("*/0*.json")), artifacts]


@pytest.fixture
def few_launches(monkeypatch):
    monkeypatch.setattr(duel, "_LAUNCHES", 3)
    monkeypatch.setattr(duel, "_BLOCKS", 3)


def slowed(path, folder, factor):
    """A copy of a saved run whose latencies of ``onnx-fp32`` are ``factor`` times as long."""
    content = json.loads(path.read_text())
    for one in content["deploybench"]["measurements"]:
        if (one["variant"], one["metric"]) == ("onnx-fp32", "latency"):
            one["values"] = [factor * value for value in one["values"]]
    found = folder / "slowed.json"
    found.write_text(json.dumps(content))
    return found


def latencies(capsys, *arguments):
    code = cli.main(["compare", *map(str, arguments), "--format=json"])
    told = json.loads(capsys.readouterr().out)
    return code, told, {one["variant"]: one for one in told["changes"] if one["metric"] == "latency"}


def test_a_row_that_was_measured_slower_and_is_not_is_cleared(runs, tmp_path, capsys, few_launches, monkeypatch):
    monkeypatch.setattr("deploybench.bench.compare.confirming._BUDGET_S", 1.0)
    base, contender, artifacts = runs
    late = slowed(contender, tmp_path, 20.0)  # far above the noise of two short runs beside other work
    _, _, before = latencies(capsys, base, late)
    _, told, after = latencies(capsys, base, late, "--confirm", artifacts, artifacts)

    assert before["onnx-fp32"]["verdict"] == "worse"
    assert abs(after["onnx-fp32"]["change"]) < 0.5 < before["onnx-fp32"]["change"]
    assert after["onnx-fp32"]["reason"].startswith("measured again")
    assert after["onnx-fp32"]["contender"] == before["onnx-fp32"]["contender"]
    assert "measured again: " in told["notes"][-1]
    assert "texts of 16 tokens" in told["notes"][-1]


def test_sides_that_lack_a_variant_are_refused(runs, tmp_path, capsys):
    base, contender, artifacts = runs
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "torch-eager").symlink_to(artifacts / "torch-eager")
    late = slowed(contender, tmp_path, 3.0)
    code = cli.main(["compare", str(base), str(late), "--confirm", str(artifacts), str(tmp_path / "nowhere")])
    error = capsys.readouterr().err

    assert code == 2
    assert error.count("\n") == 1
    assert "nowhere" in error


def row(verdict, high=None, **changes):
    found = Change(
        variant="onnx-fp32", metric="latency", workload=ONE, data=None, base=1.0, contender=1.0, threshold=0.05,
        high=high, verdict=verdict,
    )  # fmt: skip
    return replace(found, **changes)


def test_doubtful_is_what_is_worse_or_may_be():
    doubts = row("worse"), row("no detectable change", 0.06)
    others = row("better", 0.2), row("no detectable change", 0.04), row("worse", metric="load_time"), row("missing")

    assert doubtful(Comparison(base="a", contender="b", changes=(*doubts, *others))) == [*doubts]


def test_a_row_is_measured_again_at_its_own_length(monkeypatch):
    """A run may have timed several lengths: each has a verdict of its own."""
    at = {length: replace(ONE, sequence_length=length, padding="full") for length in (16, 48)}
    changes = tuple(row("worse", workload=one, change=0.5) for one in at.values())
    slower = {16: 0.4, 48: 0.0}

    def measured(*_):
        return SimpleNamespace(
            differences=differences({"torch": "2.12"}, {"torch": "2.13"}),
            changes=[row("worse", workload=one, change=slower[length]) for length, one in at.items()],
        )

    monkeypatch.setattr("deploybench.bench.compare.confirming.two_sides", lambda *_: nullcontext((None, None)))
    monkeypatch.setattr("deploybench.bench.compare.confirming.duel", measured)
    contender = SimpleNamespace(plan=SimpleNamespace(text_lengths=(), sequence_lengths=(16, 48), threads=1))
    again = confirm(Comparison(base="a", contender="b", changes=changes), contender, ("a", "b"), None)

    assert {one.workload.sequence_length: one.change for one in again.changes} == slower
    assert "texts of 16 and 48 tokens" in again.notes[-1]
    assert again.notes[-1].endswith("; their environments differ in torch: 2.12 against 2.13")


def test_environments_are_those_of_confirm(capsys):
    assert cli.main(["compare", "a.json", "b.json", "--python-a", "python", "--python-b", "python"]) == 2
    assert "--python-a: was given without --confirm" in capsys.readouterr().err


@pytest.mark.parametrize("given", [("--history", "results"), ("stock.json", "stock.json")])
def test_confirm_is_for_two_saved_runs(given, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stock.json").write_text(
        json.dumps({"benchmarks": [], "machine_info": {}, "version": "5", "datetime": "2026-01-01T00:00:00"})
    )
    code = cli.main(["compare", *given, "--confirm", "a", "b"])

    assert code == 2
    assert "--confirm" in capsys.readouterr().err
