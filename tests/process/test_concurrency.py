"""One process of N threads against N of one: counts and order; every time is that of a clock that only batches move."""

import os

import numpy as np
import pytest

import deploybench.bench.measure.concurrency
import deploybench.bench.worker.instances
from deploybench.bench.measure.concurrency import BLOCKS, measure_served
from deploybench.bench.worker import commands
from deploybench.exporters.errors import WorkerError

THREADS = 3
BATCH = (np.ones((8, 16), dtype=np.int64), np.ones((8, 16), dtype=np.int64))


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def watched(monkeypatch):
    """Every worker that is started, and what is sent to it and received of it, in turn."""
    workers, events = [], []

    class Watched(deploybench.bench.worker.instances.Worker):
        def __init__(self, label, threads):
            super().__init__(label, threads)
            self.threads = threads
            workers.append(self)

        def start(self, variant, artifact, threads):
            assert threads == self.threads
            return super().start(variant, artifact, threads)

        def send(self, command, *arguments):
            if command == "run_for":
                events.append(("send", workers.index(self), sum(lives(one.pid) for one in workers)))
            super().send(command, *arguments)

        def receive(self):
            value = super().receive()
            if self._asked == "run_for":
                events.append(("receive", workers.index(self), value))
            return value

    monkeypatch.setattr(deploybench.bench.worker.instances, "Worker", Watched)
    return workers, events


def test_instances_that_do_not_hinder_each_other_add_up(watched, tmp_path):
    served = measure_served("fakes.clockwork", tmp_path, BATCH, THREADS)

    assert served.alone == (8 * 4.0,) * BLOCKS
    assert served.together == (THREADS * 8 * 4.0,) * BLOCKS
    assert [one.threads for one in watched[0]] == [THREADS, *[1] * THREADS]


def test_all_are_asked_before_any_is_waited_for_and_the_sides_take_turns(watched, tmp_path):
    measure_served("fakes.clockwork", tmp_path, BATCH, THREADS)
    _, events = watched

    alone = [("send", 0), ("receive", 0)]
    together = [(what, number) for what in ("send", "receive") for number in range(1, THREADS + 1)]
    assert [event[:2] for event in events] == [*alone, *together, *together, *alone, *alone, *together]


def test_both_sides_are_alive_in_every_block_and_gone_afterwards(watched, tmp_path):
    measure_served("fakes.clockwork", tmp_path, BATCH, THREADS)
    workers, events = watched

    assert {alive for what, _, alive in events if what == "send"} == {1 + THREADS}
    assert not any(lives(one.pid) for one in workers)


def test_each_instance_counts_over_its_own_span(monkeypatch):
    class Instance:
        def __init__(self, calls, seconds):
            self.span = calls, int(seconds * 1e9)

        def send(self, *_):
            pass

        def receive(self):
            return self.span

    assert deploybench.bench.measure.concurrency._texts_per_second([Instance(4, 1), Instance(1, 2)], BATCH) == 8 * (
        4 + 0.5
    )


def test_an_instance_that_dies_is_an_error_with_its_last_words_and_takes_the_others_along(watched, tmp_path):
    words = r"process \d of 3: the worker was killed by signal 9; last output: no room beside the others"
    with pytest.raises(WorkerError, match=words):
        measure_served("fakes.crowded", tmp_path, BATCH, THREADS)

    workers, events = watched
    assert len(workers) == 1 + THREADS
    assert [event[:2] for event in events[:2]] == [("send", 0), ("receive", 0)]
    assert not any(lives(one.pid) for one in workers)


@pytest.mark.parametrize(("seconds", "calls"), [(1.0, 4), (0.9, 4), (0.25, 1), (0.01, 1), (0.0, 1)])
def test_a_span_ends_with_the_batch_in_which_its_time_is_over(monkeypatch, seconds, calls):
    now = 0

    def predict(*_):
        nonlocal now
        now += 250_000_000

    monkeypatch.setattr(commands.time, "perf_counter_ns", lambda: now)
    worker = commands.Commands()
    worker._predict = predict

    assert worker.run_for(BATCH, seconds) == (calls, calls * 250_000_000)
