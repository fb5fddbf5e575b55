"""The time budget of a run: what is left of it, also after a kill."""

import math
import time

import pytest

from bench.measure.deadline import Deadline
from bench.runs.journal import Journal


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
