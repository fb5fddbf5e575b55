"""What the machine can do, and what a forward pass takes: rates that are rates, operations that a hand can count."""

import numpy as np
import pytest

from deploybench.bench.measure.yardsticks import MACHINE, Yardsticks
from deploybench.bench.pipeline.recorder import count_checkpoint
from deploybench.bench.runs.journal import Journal
from deploybench.bench.runs.measurement import Workload, batch_shape
from deploybench.bench.runs.metrics import METRICS, YARDSTICKS
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint

HIDDEN, INNER, EMBEDDED, LAYERS = 64, 128, 32, 2  # of the tiny checkpoint


def operations(batch, length):
    """Two per multiply-add, of every product of the tiny ALBERT."""
    layer = length * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * INNER) + 2 * length * length * HIDDEN
    return 2 * batch * (length * EMBEDDED * HIDDEN + LAYERS * layer + HIDDEN * HIDDEN + 2 * HIDDEN)


def workload(batch, length):
    return Workload(batch_size=batch, sequence_length=length, padding="full", threads=1)


@pytest.fixture(scope="module")
def read_twice():
    with Yardsticks(1, Journal()) as yardsticks:
        assert {one.status for one in yardsticks.measurements()} == {"not_measured"}
        yardsticks.read()
        yardsticks.read()
        return yardsticks.measurements()


def test_every_yardstick_has_a_reading_for_every_time_it_was_asked(read_twice):
    assert [one.metric for one in read_twice] == list(YARDSTICKS)
    for one in read_twice:
        assert (one.variant, one.status, one.launches) == (MACHINE, "ok", (0, 1))
        assert all(1e6 < value < 1e16 for value in one.values), one.metric


def test_yardsticks_are_five_and_have_units():
    units = {name.removeprefix("yardstick_"): METRICS[name].unit for name in YARDSTICKS}

    assert units == {"fp32": "1/s", "bf16": "1/s", "int8": "1/s", "copy": "B/s", "python": "1/s"}


def test_a_yardstick_that_fails_has_its_reason_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr("deploybench.bench.measure.yardsticks.YARDSTICKS", ("yardstick_nothing", "yardstick_python"))
    with Yardsticks(1, Journal()) as yardsticks:
        yardsticks.read()
        yardsticks.read()
        nothing, python = yardsticks.measurements()

    assert (nothing.status, nothing.values) == ("failed", ())
    assert "KeyError: 'nothing'" in nothing.reason
    assert (python.status, len(python.values)) == ("ok", 2)


def test_readings_are_taken_over_from_the_journal(tmp_path, monkeypatch):
    monkeypatch.setattr("deploybench.bench.measure.yardsticks.YARDSTICKS", ("yardstick_python",))
    facts = {"machine": "one"}
    with Yardsticks(1, Journal(tmp_path / "journal", facts)) as yardsticks:
        yardsticks.read()
        [first] = yardsticks.measurements()
    with Yardsticks(1, Journal(tmp_path / "journal", facts, resume=True)) as yardsticks:
        yardsticks.read()
        yardsticks.read()
        [both] = yardsticks.measurements()

    assert both.values[:1] == first.values
    assert len(both.values) == 2


def test_a_slow_call_is_a_reading_by_itself(monkeypatch):
    from deploybench.exporters.device_speed import yardsticks

    calls = []
    monkeypatch.setitem(yardsticks.YARDSTICKS, "slow", lambda _: (lambda: calls.append(1), 12.0))
    monkeypatch.setattr(yardsticks, "_seconds", lambda call: call() or 3.0)

    assert yardsticks.rate("slow", 1) == 4.0
    assert len(calls) == 1


def batch(size, length):
    return (np.ones((size, length), dtype=np.int64),) * 2


def test_operations_and_effective_parameters_are_those_that_a_hand_counts(checkpoint_folder):
    batches = {workload(1, 32): [batch(1, 32)], workload(8, 64): [batch(8, 64)]}

    counted, effective = count_checkpoint(checkpoint_folder, batches, 1)

    assert counted == {"1x32": operations(1, 32), "8x64": operations(8, 64)}
    layer = 4 * HIDDEN * (HIDDEN + 1) + HIDDEN * (INNER + 1) + INNER * (HIDDEN + 1) + 4 * HIDDEN
    assert effective == read_checkpoint(checkpoint_folder).num_parameters + (LAYERS - 1) * layer  # stored once


def test_operations_of_texts_of_several_lengths_are_those_of_the_middle_one(checkpoint_folder):
    batches = {workload(1, 64): [batch(1, length) for length in (64, 8, 16)]}

    assert count_checkpoint(checkpoint_folder, batches, 1)[0] == {"1x64": operations(1, 16)}


def test_what_cannot_be_counted_is_no_error(tmp_path, capsys):
    assert count_checkpoint(tmp_path, {workload(1, 32): [batch(1, 32)]}, 1) == ({}, None)
    assert "operations not counted: " in capsys.readouterr().err


def test_a_shape_has_a_name():
    assert batch_shape(workload(8, 512)) == "8x512"
