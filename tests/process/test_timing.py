"""Latency: interleaved launches and blocks, and variants that fail on the way."""

import math
import time
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deploybench.bench.measure import latency
from deploybench.bench.measure.deadline import Deadline
from deploybench.bench.measure.latency import LatencyRun
from deploybench.bench.measure.schedule import Schedule, TimedArtifact
from deploybench.bench.runs.measurement import Workload
from deploybench.bench.worker.client import Worker

SCHEDULE = Schedule(launches=2, blocks=3, rounds=2)
BATCHES = {
    Workload(batch_size=size, sequence_length=8, padding="full", threads=1): [
        (np.ones((size, 8), dtype=np.int64), np.ones((size, 8), dtype=np.int64))
    ]
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
    assert len(ticks) == run.steps(BATCHES)
    return run, {(one.variant, one.workload.batch_size): one for one in measured}


def test_every_value_is_kept_with_its_launch_and_block():
    run, measured = measure("fakes.steady", "fakes.allocating")

    assert set(measured) == {(name, size) for name in ("fakes.steady", "fakes.allocating") for size in (1, 4)}
    for one in measured.values():
        assert one.status == "ok"
        assert Counter(zip(one.launches, one.blocks, strict=True)) == {(i, j): 2 for i in range(2) for j in range(3)}
        assert all(value > 0 for value in one.values)
    assert load_times(run) == {"fakes.steady": 2, "fakes.allocating": 2}


def test_who_is_timed_next_has_the_cores_for_itself(monkeypatch):
    """While a worker computes, the others are stopped: their threads may poll for work."""
    states = []
    ask = Worker.ask

    def spy(worker, command, *arguments):
        if command == "time":
            states.append({name: state_of(other) for name, other in alive.items() if other is not worker})
        return ask(worker, command, *arguments)

    alive = {}
    start = Worker.start
    monkeypatch.setattr(Worker, "ask", spy)
    monkeypatch.setattr(
        Worker, "start", lambda worker, *given: (alive.update({given[0]: worker}), start(worker, *given))[1]
    )
    measure("fakes.steady", "fakes.allocating", "fakes.restless", schedule=replace(SCHEDULE, launches=1))

    assert states
    assert {state for others in states for state in others.values()} == {"T"}
    assert {len(others) for others in states} == {2}


def state_of(worker):
    """T for a stopped process; a signal takes a moment to arrive."""
    end = time.monotonic() + 10
    while (state := _state(worker)) != "T" and time.monotonic() < end:
        pass
    return state


def _state(worker):
    return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_control_is_timed_before_and_after_each_row(asked):
    contenders = [
        *timed("fakes.steady", "fakes.allocating"),
        TimedArtifact(name="fakes.restless", artifact=Path(), neighbour=True),
    ]
    run = LatencyRun(contenders, replace(SCHEDULE, launches=1), 1)
    measured = {(one.variant, one.workload.batch_size): one for one in run.measure(BATCHES, lambda: None)}

    one = measured["fakes.steady", 1]
    assert len(one.beside) == len(one.values) == 3 * 2
    assert all(beside > 0 for beside in one.beside)
    own = measured["fakes.restless", 1]
    assert own.beside == ()
    assert Counter(own.blocks) == {0: 6, 1: 6, 2: 6}  # two rounds before the first row and after each of two


def test_every_row_times_the_same_text_of_a_block(monkeypatch):
    """Each text at least once, and its time beside that of the same text."""
    places = []
    ask = Worker.ask

    def spy(worker, command, *arguments):
        if command == "time":
            places.append(arguments[2])
        return ask(worker, command, *arguments)

    monkeypatch.setattr(Worker, "ask", spy)
    [(workload, [batch]), *_] = BATCHES.items()
    texts = {workload: [batch, batch, batch, batch]}
    run = LatencyRun(timed("fakes.steady", "fakes.allocating"), replace(SCHEDULE, launches=1, enough_s=0.0), 1)
    run.measure(texts, lambda: None)

    assert places == [0, 0, 1, 1, 2, 2, 3, 3]


def test_the_first_workload_is_timed_in_every_launch_and_the_others_in_some():
    _, measured = measure("fakes.steady", "fakes.allocating", schedule=replace(SCHEDULE, launches=3, later=2))

    assert {size: set(one.launches) for (_, size), one in measured.items()} == {1: {0, 1, 2}, 4: {0, 1}}


class Clock:
    """Time that passes as a test says."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_after_the_deadline_the_first_workload_has_two_launches_and_the_others_a_reason():
    clock = Clock()

    def advance():
        clock.now += 100

    deadline = Deadline(50, clock)
    run = LatencyRun(timed("fakes.steady", "fakes.allocating"), replace(SCHEDULE, launches=5), 1, deadline=deadline)
    measured = {(one.variant, one.workload.batch_size): one for one in run.measure(BATCHES, advance)}

    assert set(measured["fakes.steady", 1].launches) == {0, 1}
    late = measured["fakes.steady", 4]
    assert (late.status, late.reason, late.values) == ("not_measured", "time budget of 50 s used up", ())


@pytest.mark.parametrize(("left", "launches"), [(3, set()), (9, {1}), (10, {0, 1})])
def test_a_later_workload_is_timed_where_time_remains_for_the_first_in_every_launch(monkeypatch, left, launches):
    """By a clock that counts its readings: a start takes 1, the first workload 1, and one of four times the tokens likely 4."""
    readings = count()
    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: next(readings)))
    deadline = Deadline(100, lambda: 100 - left)
    run = LatencyRun(timed("fakes.steady", "fakes.allocating"), SCHEDULE, 1, deadline=deadline)
    measured = {(one.variant, one.workload.batch_size): one for one in run.measure(BATCHES, lambda: None)}

    assert set(measured["fakes.steady", 1].launches) == {0, 1}
    assert set(measured["fakes.steady", 4].launches) == launches


def test_a_slow_workload_has_as_many_blocks_as_tell_enough():
    _, measured = measure("fakes.steady", "fakes.allocating", schedule=replace(SCHEDULE, enough_s=0.0))

    for one in measured.values():
        assert Counter(zip(one.launches, one.blocks, strict=True)) == {(0, 0): 2, (1, 0): 2}


@pytest.mark.parametrize("blocks", [1, 3])
def test_every_other_block_of_a_workload_is_in_reverse(monkeypatch, blocks):
    """Across launches too, else a workload of one block a launch would favour one side of a duel."""
    asked = {workload: [] for workload in BATCHES}
    ask, last = Worker.ask, {}

    def spy(worker, command, *arguments):
        name = worker.label.split(",")[0]
        if command == "warm_up":
            last[name] = next(one for one, batches in BATCHES.items() if batches is arguments[0])
        if command == "time":
            asked[last[name]].append(name)
        return ask(worker, command, *arguments)

    monkeypatch.setattr(Worker, "ask", spy)
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
    start = Worker.start

    def spy(worker, *arguments):
        started.append(worker.label.split(",")[0])
        return start(worker, *arguments)

    monkeypatch.setattr(Worker, "start", spy)
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


def test_slower_rows_of_a_group_have_fewer_launches_and_say_so():
    """Of five, the fastest three are timed in the third launch; a row without a group, and a control, in all."""
    fast, slow = [f"fast{place}" for place in range(3)], ["slow0", "slow1"]
    rows = [
        *(TimedArtifact(name=name, variant="fakes.steady", artifact=Path(), group="model") for name in fast),
        *(TimedArtifact(name=name, variant="fakes.spreading", artifact=Path(), group="model") for name in slow),
        TimedArtifact(name="reference", variant="fakes.spreading", artifact=Path()),
        TimedArtifact(name="control", variant="fakes.spreading", artifact=Path(), control=True),
    ]
    run = LatencyRun(rows, replace(SCHEDULE, launches=4), 1)
    measured = [one for one in run.measure(BATCHES, lambda: None) if one.workload.batch_size == 1]
    launches = {one.variant: len(set(one.launches)) for one in measured}

    assert launches == {**dict.fromkeys([*fast, "reference", "control"], 4), **dict.fromkeys(slow, 2)}
    assert {one.variant for one in measured if one.stopped == "slower"} == set(slow)


def test_a_failure_at_one_workload_leaves_the_values_of_the_others():
    run, measured = measure("fakes.steady", "fakes.greedy")

    assert measured["fakes.greedy", 1].status == "ok"
    assert len(measured["fakes.greedy", 1].values) == 2 * 3 * 2
    assert measured["fakes.greedy", 4].status == "failed"
    assert "no room for 4 texts" in measured["fakes.greedy", 4].reason
    assert set(load_times(run)) == {"fakes.steady", "fakes.greedy"}
