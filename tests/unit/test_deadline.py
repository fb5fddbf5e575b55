"""The time budget of a run: what is left of it, also after a kill, and what is not measured any more."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploybench.bench.measure.deadline import Deadline
from deploybench.bench.pipeline.options import Options
from deploybench.bench.pipeline.recorder import Recorder
from deploybench.bench.runs.journal import Journal
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.exporters.head import SINGLE_LABEL
from deploybench.suites import conftest, test_accuracy, test_invariance, test_load

WORKLOAD = Workload(batch_size=1, sequence_length=8, padding="full", threads=1)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_what_is_left_of_a_budget(clock):
    deadline = Deadline(180)
    clock[0] += 100
    assert deadline.left() == 80

    clock[0] += 100
    assert deadline.left() == 0
    assert deadline.reason == "time budget of 180 s used up"
    assert Deadline().left() == math.inf


def test_a_resumed_run_has_what_the_killed_one_left(clock, tmp_path):
    killed = Journal(tmp_path / "journal", 1)
    clock[0] += 50
    killed.keep((("a",), 1))
    clock[0] += 500  # nothing was kept of this time, nor is the pause counted
    resumed = Journal(tmp_path / "journal", 1, resume=True)
    clock[0] += 20
    assert Deadline(180, resumed.elapsed).left() == 110

    resumed.keep((("b",), 2))
    assert Journal(tmp_path / "journal", 1, resume=True).elapsed() == 70
    assert Journal(tmp_path / "journal", 2, resume=True).elapsed() == 0  # cells of another run


@dataclass(frozen=True)
class Cell:
    value: int


@pytest.fixture
def late(tmp_path):
    """The recorder of a run whose time is up."""
    prepared = SimpleNamespace(
        artifacts={"onnx-fp32": SimpleNamespace(fingerprint="f", size=7)},
        checkpoint=SimpleNamespace(random_weights=False, task="single-label", head=SINGLE_LABEL),
        options=Options(),
        sets=[SimpleNamespace(name="news", sha256="n", queries=())],
    )
    return Recorder(prepared, Journal(tmp_path / "journal", 1), Deadline(60, lambda: 61.0), commit={})


def never():
    raise AssertionError("measured after the deadline")


def statuses(recorder):
    return {one.metric: (one.status, one.reason) for one in recorder.measurements}


NOT_REACHED = ("not_measured", "time budget of 60 s used up")


def test_a_cell_that_is_not_reached_says_so_and_fails_nothing(late):
    blank = Measurement(variant="onnx-fp32", metric="peak_memory", workload=WORKLOAD)
    with pytest.raises(pytest.skip.Exception, match="time budget"):
        conftest.measure_cell(late, "onnx-fp32", Cell, WORKLOAD, never, blank)

    assert statuses(late) == {"peak_memory": NOT_REACHED}


def test_what_a_killed_run_has_measured_is_used_after_the_deadline(late, tmp_path):
    late.deadline = Deadline()
    conftest.measure_cell(late, "onnx-fp32", Cell, WORKLOAD, lambda: Cell(3))
    late.deadline, late.journal = Deadline(0), Journal(tmp_path / "journal", 1, resume=True)

    try:
        found = conftest.measure_cell(late, "onnx-fp32", Cell, WORKLOAD, never)
    except pytest.skip.Exception:
        found = None
    assert found == Cell(3)


def test_a_resumed_run_takes_the_cell_of_the_same_labelled_set(late, tmp_path):
    late.prepared.sets = [SimpleNamespace(name=name, sha256=name * 3) for name in "ab"]
    blanks = {
        name: Measurement(variant="onnx-fp32", metric="classified", workload=WORKLOAD, data=name) for name in "ab"
    }
    late.deadline = Deadline()
    conftest.measure_cell(late, "onnx-fp32", Cell, WORKLOAD, lambda: Cell(3), blanks["a"])
    late.journal = Journal(tmp_path / "journal", 1, resume=True)

    assert conftest.measure_cell(late, "onnx-fp32", Cell, WORKLOAD, never, blanks["a"]) == Cell(3)
    assert conftest.measure_cell(late, "onnx-fp32", Cell, WORKLOAD, lambda: Cell(4), blanks["b"]) == Cell(4)


def test_accuracy_and_load_time_that_are_not_reached(late):
    request = SimpleNamespace(getfixturevalue={"artifact": Path(), "scored": lambda *_: None}.__getitem__)
    with pytest.raises(pytest.skip.Exception):
        test_accuracy.test_accuracy("", "onnx-fp32", "news", late.prepared, late, request)
    with pytest.raises(pytest.skip.Exception):
        test_load.test_load("onnx-fp32", Path(), late.prepared, late, never)

    assert statuses(late) == {
        **dict.fromkeys(("accuracy", "scoring_time", "load_time"), NOT_REACHED),
        "artifact_size": ("ok", ""),
    }


def test_the_cold_starts_of_all_spawned_processes_are_one_row(late):
    """Of those that timed latency and of those whose memory was measured."""
    starts = {"import_time": (1.0, 2.0), "load_time": (3.0,)}
    for variant in ("onnx-fp32", "torch-eager"):
        late.cold_starts += [Measurement(variant=variant, metric=name, values=one) for name, one in starts.items()]
    late.cold_starts.append(Measurement(variant="onnx-fp32", metric="load_time", values=(4.0,)))
    shown = []
    test_load.test_load("onnx-fp32", Path(), late.prepared, late, lambda *given: shown.append(given))
    [(seconds, *measured)] = shown

    assert seconds == (3.0, 4.0)
    assert [(one.metric, one.values, one.launches) for one in measured] == [
        ("load_time", (3.0, 4.0), (0, 1)),
        ("import_time", (1.0, 2.0), (0, 1)),
    ]


def test_what_decides_is_measured_first():
    names = ["leak", "load", "accuracy", "memory", "latency"]
    items = [SimpleNamespace(path=Path(f"test_{name}.py"), nodeid=number) for number in (1, 2) for name in names]
    config = SimpleNamespace(stash={conftest.OPTIONS: (SimpleNamespace(model="", variants=()),)})
    conftest.pytest_collection_modifyitems(config, items)

    found = [item.path.stem.removeprefix("test_") for item in items]
    assert found[::2] == found[1::2] == ["accuracy", "latency", "memory", "load", "leak"]


def test_invariance_of_random_weights_is_left_to_longer_profiles(late, monkeypatch):
    late.prepared.checkpoint.random_weights = True
    late.prepared.full_length, late.prepared.tokens, late.prepared.inputs = 8, [[1, 2, 3]], SimpleNamespace(pad=None)
    monkeypatch.setattr(test_invariance, "Sample", SimpleNamespace)
    with pytest.raises(pytest.skip.Exception, match="random weights"):
        test_invariance.test_invariance("onnx-fp32", Path(), late.prepared, late, never, never)

    assert {status for status, _ in statuses(late).values()} == {"not_measured"}
