"""Which cores the contenders of a launch share."""

import os

import pytest

from deploybench.bench.machine.cores import shared_cores
from deploybench.bench.worker.client import Worker


def machine(folder, siblings):
    """A topology folder in which every core names the hyperthreads of its own core."""
    for core, names in siblings.items():
        (folder / f"cpu{core}/topology").mkdir(parents=True)
        (folder / f"cpu{core}/topology/thread_siblings_list").write_text(f"{names}\n")
    return folder


@pytest.mark.parametrize(
    ("threads", "expected"),
    [
        (1, [{0}, {2}, {1}, {3}, {0}]),
        (2, [{0, 2}, {1, 3}, {0, 2}]),
        (3, [{0, 1, 2}, {0, 1, 2}]),
        (4, [{0, 1, 2, 3}, {0, 1, 2, 3}]),
    ],
)
def test_launches_take_turns_and_hyperthreads_of_one_core_come_last(monkeypatch, tmp_path, threads, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 1, 0, 2})
    topology = machine(tmp_path, {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"})

    assert [shared_cores(threads, launch, topology) for launch in range(len(expected))] == expected


def test_a_system_that_does_not_tell_has_cores_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 7})

    assert [shared_cores(1, launch, tmp_path) for launch in range(3)] == [{5}, {7}, {5}]


def test_a_worker_runs_on_the_cores_it_was_told_and_no_other():
    core = max(os.sched_getaffinity(0))
    with Worker("pinned", 1) as pinned, Worker("free", 1) as free:
        pinned.ask("set_affinity", {core})
        assert pinned.call(os.sched_getaffinity, 0) == {core}
        assert free.call(os.sched_getaffinity, 0) == os.sched_getaffinity(0)
