"""What a worker times: calls of the predictor and nothing else, by clocks that the test moves."""

import gc
from types import SimpleNamespace

import pytest

from deploybench.bench.worker import commands

BATCH = ("ids", "mask")
CALL, CPU, COLLECTION = 5_000_000, 9_000_000, 1_000_000_000  # nanoseconds


@pytest.fixture
def worker(monkeypatch):
    """One whose predictor takes CALL, on two threads; a collection of garbage takes a second."""
    now = SimpleNamespace(wall=0, cpu=0)
    seen = SimpleNamespace(calls=0, collecting=[])

    def predict(input_ids, attention_mask):
        now.wall, now.cpu = now.wall + CALL, now.cpu + CPU
        seen.calls += 1
        seen.collecting.append(gc.isenabled())

    def collect():
        now.wall, now.cpu = now.wall + COLLECTION, now.cpu + COLLECTION

    clocks = SimpleNamespace(
        perf_counter_ns=lambda: now.wall,
        perf_counter=lambda: now.wall / 1e9,
        process_time_ns=lambda: now.cpu,
        thread_time_ns=lambda: now.wall,
    )
    monkeypatch.setattr(commands, "time", clocks)
    monkeypatch.setattr(commands.gc, "collect", collect)
    found = commands.Commands()
    found._predict, found._batches, found.seen = predict, [BATCH], seen
    return found


def test_a_round_is_one_call_of_the_predictor_and_the_cpu_time_of_its_threads(worker):
    assert worker.time(3, None) == [(CALL, CPU)] * 3


def test_no_garbage_is_collected_during_a_round(worker):
    worker.time(2, None)

    assert worker.seen.collecting == [False, False]
    assert gc.isenabled()


@pytest.mark.parametrize(("seconds", "untimed"), [(None, 0), (0.0, 1), (0.012, 3)])
def test_untimed_calls_come_before(worker, seconds, untimed):
    assert len(worker.time(2, seconds)) == 2
    assert worker.seen.calls == 2 + untimed


@pytest.mark.parametrize(
    ("rounds", "seconds", "made"),
    [(1, 0.0, 1), (1, 0.004, 1), (1, 0.02, 4), (2, 0.005, 2), (1, 1.0, 10), (12, 1.0, 12)],
)
def test_calls_follow_until_the_time_of_the_slice_is_used(worker, rounds, seconds, made):
    assert worker.time(rounds, None, 0, seconds) == [(CALL, CPU)] * made


def test_prediction_is_timed_without_what_is_between_batches(worker):
    assert worker.predict([BATCH] * 2) == [(None, CALL)] * 2


@pytest.mark.parametrize(
    ("milliseconds", "calls"),
    [
        ([80, 60, 6, 6.1, 6], 4),  # cold twice
        ([5, 5], 2),
        ([10, 20, 10, 20, 10, 20, 10], 6),  # never settles
        ([1500, 900, 1500], 1),  # so slow that it has warmed itself
        ([600, 500, 600], 2),
        ([500, 80, 6, 5, 5], 5),  # alike by the call before, not by all of them
    ],
)
def test_settling_ends_when_two_calls_take_alike(monkeypatch, milliseconds, calls):
    now, made = 0, []

    def predict(input_ids, attention_mask):
        nonlocal now
        now += int(milliseconds[len(made)] * 1e6)
        made.append(input_ids)

    monkeypatch.setattr(commands.time, "perf_counter_ns", lambda: now)
    monkeypatch.setattr(commands.gc, "freeze", lambda: None)  # that is for a process of its own
    worker = commands.Commands()
    worker._predict = predict
    worker.warm_up([(None, None)])

    assert len(made) == calls
