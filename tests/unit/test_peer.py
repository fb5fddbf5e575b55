"""The comparison with the peer, as far as neither side has to run."""

import json
import math
from pathlib import Path

import pytest

from deploybench.bench.pipeline.options import PROFILES, Options
from deploybench.exporters.artifacts.catalogue import variant_names
from deploybench.exporters.errors import UserError
from deploybench.suites.studies.peer import __main__ as peer
from deploybench.suites.studies.peer import cell, cells, runs, shown
from deploybench.suites.studies.peer.cells import Timed

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def answers():
    return [json.loads(line) for line in (DATA / "peer-reports.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_shape_is_asked_once_and_the_seed_grid_is_whole():
    profile = PROFILES["standard"]
    asked = cells.points(["onnx-fp32"], profile.batch_sizes, profile.sequence_lengths)
    shapes = {(one["batch_size"], one["sequence_length"]): one["metrics"] for one in asked}
    assert len(asked) == len(shapes) == 9
    assert {shape for shape, metrics in shapes.items() if "latency" in metrics} == {
        (n, 512) for n in (1, 2, 4, 8, 16, 32)
    }
    assert {shape for shape, metrics in shapes.items() if "memory" in metrics} == {(8, n) for n in (64, 128, 256, 512)}
    assert shapes[8, 512] == ["latency", "memory"]


def test_what_the_peer_is_asked_for_are_variants_of_ours():
    assert set(cell.BACKENDS) <= set(variant_names())
    assert set(peer.GRID["variants"]) <= set(cell.BACKENDS)
    assert set(peer.CLOSEST) <= set(cell.BACKENDS)


def test_width_is_that_of_a_t_interval():
    assert cells.mean_width([1.0, 2.0, 3.0]) == pytest.approx(2 * 4.302653 / math.sqrt(3) / 2)
    assert cells.mean_width([2.0, 2.0]) == 0
    assert cells.mean_width([2.0]) == math.inf


def test_a_recorded_report_is_read(answers):
    timed, memory, failed = cells.peer_cells(answers)
    assert list(timed) == ["onnx-fp32 8x32"]
    latency = answers[0]["report"]["forward"]["latency"]
    assert timed["onnx-fp32 8x32"].value == pytest.approx(latency["mean"])
    assert timed["onnx-fp32 8x32"].count == latency["count"]
    assert memory["onnx-fp32 8x32"] == pytest.approx(618.770432e6)
    assert list(memory) == ["onnx-fp32 8x32", "onnx-int8-dynamic 8x16"]
    assert failed == {"openvino-fp32 1x32": "ImportError: no such name"}


def test_our_saved_run_is_read():
    path = DATA / "run-schema-1.json"
    timed, memory, _ = cells.our_cells(path, ["torch-eager", "onnx-fp32"])
    assert timed
    assert memory
    assert {name.split()[0] for name in (*timed, *memory)} <= {"torch-eager", "onnx-fp32"}
    assert all(one.value > 0 and one.width > 0 for one in timed.values())


def test_rounds_go_by_one_over_the_square_of_the_width():
    peers = {"a": Timed(value=2.0, width=0.10, count=10), "b": Timed(value=1.0, width=0.01, count=10)}
    ours = {"a": Timed(value=2.0, width=0.05, count=3), "b": Timed(value=1.0, width=0.02, count=3)}
    # a: 40 rounds instead of 10; b: 2.5 instead of 10
    assert cells.scaled_seconds(100, ours, peers) == pytest.approx(100 + 30 * 2 - 7.5)
    assert cells.scaled_seconds(100, {}, peers) == 100
    assert cells.scaled_seconds(100, {"a": Timed(value=2.0, width=math.inf, count=1)}, peers) == 100


def test_the_text_says_what_was_missed_and_that_it_was_a_part():
    row = {"value": 0.002, "width": 0.01, "count": 3}
    figures = {
        "part": True,
        "wall_seconds": {"ours": 60.0, "peer": 100.0},
        "ours_over_peer": 0.6,
        "peer_seconds_at_our_width_computed": 200.0,
        "peer_settings": "its defaults",
        "latency": {
            "onnx-fp32 1x32": {"ours": row, "peer": {**row, "width": None}},
            "torch-eager 1x32": {"ours": row},
        },
        "failed": {"peer: torch-eager 1x32": "out of memory"},
        "peer_points": {"measured": 1, "of": 2},
        "closest": {},
    }
    printed = shown.text(figures)
    assert "0.60, target 0.5: missed" in printed
    assert "at our width: 0.30: reached" in printed
    assert "at our width: less than 0.75, as far as measured: unknown" in shown.text(
        {**figures, "peer_seconds_at_our_width_computed": 80.0}
    )
    assert "out of memory" in printed
    assert "a part of the grid" in printed
    assert "stopped after 1 of 2 points, so all of them take longer" in printed
    assert "open" in printed


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not such an environment"):
        runs.install(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_what_a_kill_left_of_a_last_line_is_cut_off(tmp_path, answers):
    reports = tmp_path / "reports.jsonl"
    whole = "".join(json.dumps(one) + "\n" for one in answers)
    reports.write_text(whole + '{"variant": "onn', encoding="utf-8")

    assert runs.read_answers(reports) == answers
    assert reports.read_text(encoding="utf-8") == whole


@pytest.mark.parametrize("enough", [True, False])
def test_the_peer_stops_once_the_answer_is_known(tmp_path, monkeypatch, capsys, enough):
    asked = []
    monkeypatch.setattr(cell, "measure", lambda _, point: asked.append(point) or {})
    plan = {"points": [{"variant": "x", "batch_size": size, "sequence_length": 8} for size in (1, 2)]}
    (tmp_path / "plan").write_text(json.dumps({**plan, "enough_s": 0.0 if enough else math.inf}))
    cell.main(str(tmp_path / "plan"), str(tmp_path / "reports"))

    assert len(asked) == (0 if enough else 2)


def test_ours_is_given_the_grid_of_the_peer_and_an_empty_folder(tmp_path, monkeypatch):
    """What a stopped run of ours exported would else be no part of our time."""
    left = tmp_path / ".deploybench" / "artifacts"
    left.mkdir(parents=True)
    seen = []

    class Done:
        returncode = 0

    def run(command, **_):
        seen.append((command, left.exists()))
        return Done()

    monkeypatch.setattr(runs.subprocess, "run", run)
    options = Options(variants=("onnx-fp32",), threads=1)
    runs.run_ours(tmp_path, tmp_path, options, (1, 2, 64), (16,))
    [(command, there)] = seen

    assert not there
    assert "--batch-sizes=1,2,64" in command
    assert runs.run_ours(tmp_path, tmp_path, options, (1,), (16,)) >= 0
    assert len(seen) == 1
