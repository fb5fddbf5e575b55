"""What the throughput suite records of a variant: both ways, a death, and nothing where there is nothing to share out."""

import functools
from types import SimpleNamespace

import pytest

from deploybench.bench.measure.concurrency import ServedTexts
from deploybench.bench.pipeline.recorder import Recorder
from deploybench.bench.runs.journal import Journal
from deploybench.exporters.errors import WorkerError
from deploybench.suites import test_throughput as suite
from deploybench.suites.conftest import measure_cell

SERVED = ServedTexts(alone=(10.0, 20.0, 16.0), together=(30.0, 40.0, 50.0))


@pytest.fixture
def measure(monkeypatch):
    """Runs the suite's one test with a journal; gives its recorder and the seconds of its row."""

    def run(answer, threads=2, journal=None):
        prepared = SimpleNamespace(
            sequence_lengths=(8, 16),
            options=SimpleNamespace(threads=threads, model=""),
            tokens=[[1, 2, 3]],
            artifacts={"onnx-fp32": SimpleNamespace(fingerprint="f")},
        )
        rows = []
        recorder = Recorder(prepared, journal or Journal())

        def replay(seconds, *measurements):
            recorder.add(*measurements)
            rows.extend(seconds)

        monkeypatch.setattr(suite, "measure_served", answer)
        try:
            cell = functools.partial(measure_cell, recorder, "onnx-fp32")
            suite.test_throughput("onnx-fp32", None, prepared, cell, replay)
        except (pytest.fail.Exception, pytest.skip.Exception) as end:
            rows.append(str(end))
        return recorder.measurements, rows

    return run


def died(*_):
    raise WorkerError("process 2 of 2: the worker was killed by signal 9")


def test_both_ways_are_recorded_at_the_longest_length_and_the_row_times_batches(measure):
    (alone, together), rows = measure(lambda *_: SERVED)

    assert (alone.values, together.values) == (SERVED.alone, SERVED.together)
    assert [(one.workload.instances, one.workload.threads) for one in (alone, together)] == [(1, 2), (2, 1)]
    assert {(one.workload.batch_size, one.workload.sequence_length) for one in (alone, together)} == {(8, 16)}
    assert rows == [8 / 10, 8 / 20, 8 / 16]


def test_a_process_that_dies_fails_both_ways(measure):
    found, rows = measure(died)

    assert [(one.workload.instances, one.status) for one in found] == [(1, "failed"), (2, "failed")]
    assert {one.reason for one in found} == set(rows) == {"process 2 of 2: the worker was killed by signal 9"}


def test_one_thread_is_not_shared_out(measure):
    assert measure(died, threads=1) == ([], ["one thread cannot be divided among processes"])


def test_a_finished_variant_is_taken_over(measure, tmp_path):
    first = measure(lambda *_: SERVED, journal=Journal(tmp_path / "journal.jsonl"))
    again = measure(died, journal=Journal(tmp_path / "journal.jsonl", resume=True))

    assert first == again
