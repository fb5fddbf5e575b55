"""Requests at intended times, the queue they should meet, and the highest rate that is fast enough."""

import socket
import subprocess
import sys

import numpy as np
import pytest

from deploybench.bench.measure.server import capacity
from deploybench.bench.measure.server.arrivals import arrivals
from deploybench.bench.measure.server.capacity import NO_ANSWER_S, find_capacity, summed
from deploybench.bench.measure.server.client import Answers, send
from deploybench.exporters.errors import WorkerError
from deploybench.suites.studies.serving.driver import md1_quantile, md1_share, queue_latency
from deploybench.suites.studies.serving.endurance import growth_of, recovery_s


def answers(latency, status=None, *, stopped=False):
    """Of requests ten milliseconds apart."""
    intended = np.arange(len(latency)) / 100
    status = np.full(len(latency), 200) if status is None else np.asarray(status)
    return Answers(intended=intended, sent=intended + 0.001, ended=intended + latency, status=status, stopped=stopped)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_drawn_arrivals_meet_the_queue_of_the_formula(load):
    times = arrivals(200, 400_000, np.random.default_rng(5))
    latency = queue_latency(times, load / 200)

    assert np.diff(times).mean() == pytest.approx(1 / 200, rel=0.01)
    for share in (0.5, 0.95, 0.99):
        assert np.quantile(latency, share) == pytest.approx(md1_quantile(share, 200, load / 200), rel=0.03)


def test_the_formula_at_known_points():
    assert md1_share(0.0039, 200, 0.004) == 0
    assert md1_share(0.004, 200, 0.004) == pytest.approx(0.2)
    assert md1_share(0.06, 200, 0.004) == pytest.approx(0.998, abs=0.001)


def test_a_request_without_an_answer_is_never_fast():
    trial = summed(answers(np.full(100, 0.01), [200] * 98 + [429, 0]), 100, 0.1, 2.0, np.random.default_rng(0))

    assert (trial.p50, trial.p95, trial.p99) == (pytest.approx(0.01), pytest.approx(0.01), NO_ANSWER_S)
    assert trial.refused == pytest.approx(0.02)
    assert trial.cpu_s == pytest.approx(20)
    assert trial.lag == pytest.approx(0.001)


def test_the_interval_of_p99_covers_it():
    random, inside = np.random.default_rng(1), 0
    for _ in range(60):
        trial = summed(answers(random.exponential(1, 2000)), 100, 0.1, 1.0, random)
        inside += trial.p99_low <= -np.log(0.01) <= trial.p99_high
    assert inside >= 48  # 95 %, less what a bootstrap of a high quantile lacks


def test_the_highest_rate_is_found(monkeypatch):
    def trial(server, bodies, rate, seconds, limit, random):
        latency = np.full(1000, rate / 1000) + random.normal(0, 0.0001, 1000)
        return summed(answers(latency), rate, limit, 1.0, random)

    monkeypatch.setattr(capacity, "flood", lambda *_: 400.0)
    monkeypatch.setattr(capacity, "run_trial", trial)
    found = find_capacity(None, [b""], 0.1, np.random.default_rng(2), lambda _: 1.0)

    assert found.low <= found.rate <= 100 <= found.high
    assert found.high - found.low == pytest.approx(400 / 64)


@pytest.fixture
def simulated():
    """Port of a server that takes 1 ms for each request."""
    command = [sys.executable, "-m", "deploybench.suites.studies.serving.simulated", "0.001"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield int(server.stdout.readline())
        server.kill()


@pytest.mark.process
def test_every_request_is_sent_after_its_time_and_answered(simulated):
    times = arrivals(400, 200, np.random.default_rng(3))
    found = send(simulated, [b"{}"] * 200, times)

    assert (found.status == 200).all()
    assert (found.lag >= 0).all()
    assert (found.latency >= 0.001).all()
    assert not found.stopped
    np.testing.assert_array_equal(found.intended, times)


@pytest.mark.process
def test_connections_stay_for_later_requests(simulated, monkeypatch):
    opened, connect = [], socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda address: opened.append(address) or connect(address))
    found = send(simulated, [b"{}"] * 100, np.arange(100) / 200)

    assert (found.status == 200).all()
    assert len(opened) < 100


@pytest.mark.process
def test_a_trial_ends_once_too_many_are_late(simulated):
    found = send(simulated, [b"{}"] * 2000, np.arange(2000) / 2000, limit_s=0.005, most_over=20)

    assert found.stopped
    assert len(found.status) < 2000


@pytest.mark.process
def test_nothing_that_listens_is_an_error():
    with pytest.raises(WorkerError, match="port 1: nothing listens there"):
        send(1, [b"{}"], np.zeros(1))


def test_memory_and_recovery_of_an_endurance():
    assert growth_of([50, *[100] * 19]) == 0
    assert growth_of([50, *[100] * 9, *[110] * 10]) == pytest.approx(0.1)
    late = answers(np.where(np.arange(1000) < 300, 0.5, 0.01))
    assert recovery_s(late, 0.1) == pytest.approx(2.99)
    assert recovery_s(answers(np.full(10, 0.01)), 0.1) == 0
