"""Latency: interleaved launches and blocks, and variants that fail on the way."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bench.measure.latency
from bench.measure.latency import LatencyRun
from bench.measure.schedule import Schedule, TimedArtifact
from bench.runs.measurement import Workload

SCHEDULE = Schedule(launches=2, blocks=3, rounds=2)
BATCHES = {
    Workload(batch_size=size, sequence_length=8, padding="full", threads=1): (
        np.ones((size, 8), dtype=np.int64),
        np.ones((size, 8), dtype=np.int64),
    )
    for size in (1, 4)
}


def timed(*names):
    return [TimedArtifact(name=name, artifact=Path()) for name in names]


def load_times(run):
    return {one.variant: len(one.values) for one in run.cold_starts() if one.metric == "load_time"}


def measure(*names, schedule=SCHEDULE):
    ticks = []
    run = LatencyRun(timed(*names), schedule, 1)
    measured = run.measure(BATCHES, lambda: ticks.append(1))
    assert len(ticks) == run.steps(len(BATCHES))
    return run, {(one.variant, one.workload.batch_size): one for one in measured}


def test_every_value_is_kept_with_its_launch_and_block():
    run, measured = measure("fakes.steady", "fakes.allocating")

    assert set(measured) == {(name, size) for name in ("fakes.steady", "fakes.allocating") for size in (1, 4)}
    for one in measured.values():
        assert one.status == "ok"
        assert Counter(zip(one.launches, one.blocks, strict=True)) == {(i, j): 2 for i in range(2) for j in range(3)}
        assert all(value > 0 for value in one.values)
    assert load_times(run) == {"fakes.steady": 2, "fakes.allocating": 2}


@pytest.mark.parametrize("threads", [1, 2])
def test_who_is_timed_next_has_the_cores_for_itself(asked, threads):
    """A worker that has threads to look out for work is asked to rest after each block; one thread alone cannot."""
    LatencyRun(timed("fakes.steady", "fakes.allocating"), SCHEDULE, threads).measure(BATCHES, lambda: None)

    after = Counter(asked[index + 1] for index, command in enumerate(asked[:-1]) if command == "time")
    blocks = SCHEDULE.launches * SCHEDULE.blocks * len(BATCHES) * 2
    assert asked.count("wait_until_idle") == (blocks if threads > 1 else 0)
    assert after["wait_until_idle"] == asked.count("wait_until_idle")


def test_a_slow_workload_has_as_many_blocks_as_tell_enough():
    _, measured = measure("fakes.steady", "fakes.allocating", schedule=replace(SCHEDULE, enough_s=0.0))

    for one in measured.values():
        assert Counter(zip(one.launches, one.blocks, strict=True)) == {(0, 0): 2, (1, 0): 2}


@pytest.mark.parametrize("blocks", [1, 3])
def test_every_other_block_of_a_workload_is_in_reverse(monkeypatch, blocks):
    """Across launches too, else a workload of one block a launch would favour one side of a duel."""
    asked = {workload: [] for workload in BATCHES}
    ask, last = bench.measure.latency.Worker.ask, {}

    def spy(worker, command, *arguments):
        name = worker.label.split(",")[0]
        if command == "warm_up":
            last[name] = next(one for one, batch in BATCHES.items() if batch is arguments[0])
        if command == "time":
            asked[last[name]].append(name)
        return ask(worker, command, *arguments)

    monkeypatch.setattr(bench.measure.latency.Worker, "ask", spy)
    measure(
        "fakes.steady",
        "fakes.allocating",
        schedule=replace(SCHEDULE, launches=8, blocks=blocks, seed=0, enough_s=math.inf),
    )

    for names in asked.values():
        orders = [tuple(names[i : i + 2]) for i in range(0, len(names), 2)]
        assert len(orders) == 8 * blocks
        assert all(orders[first + 1] == orders[first][::-1] for first in range(0, len(orders), 2))
        assert len(set(orders[::2])) == 2  # and the first of a pair is in random order


def test_every_other_launch_starts_backwards(monkeypatch):
    started = []
    start = bench.measure.latency.Worker.start

    def spy(worker, *arguments):
        started.append(worker.label.split(",")[0])
        return start(worker, *arguments)

    monkeypatch.setattr(bench.measure.latency.Worker, "start", spy)
    measure("fakes.steady", "fakes.allocating", schedule=replace(SCHEDULE, launches=4))

    launches = [tuple(started[i : i + 2]) for i in range(0, len(started), 2)]
    assert len(launches) == 4
    assert all(launches[first + 1] == launches[first][::-1] for first in (0, 2))


@pytest.mark.parametrize(
    ("name", "reason", "loaded"),
    [
        ("fakes.crashing", "was killed by signal 9", {"fakes.steady", "fakes.crashing"}),
        ("fakes.refusing", "this file is from another version", {"fakes.steady"}),
    ],
)
def test_a_variant_that_fails_is_failed_and_the_others_go_on(name, reason, loaded):
    run, measured = measure("fakes.steady", name)

    assert {measured["fakes.steady", size].status for size in (1, 4)} == {"ok"}
    for size in (1, 4):
        assert measured[name, size].status == "failed"
        assert measured[name, size].values == ()
        assert reason in measured[name, size].reason
    assert set(load_times(run)) == loaded


def test_a_failure_at_one_workload_leaves_the_values_of_the_others():
    run, measured = measure("fakes.steady", "fakes.greedy")

    assert measured["fakes.greedy", 1].status == "ok"
    assert len(measured["fakes.greedy", 1].values) == 2 * 3 * 2
    assert measured["fakes.greedy", 4].status == "failed"
    assert "no room for 4 texts" in measured["fakes.greedy", 4].reason
    assert set(load_times(run)) == {"fakes.steady", "fakes.greedy"}
