"""What tables say of times: spread, CPU time, cold starts, and what the controls tell."""

import hashlib
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.spreading import BLOCK
from hypothesis import given
from hypothesis import strategies as st

from deploybench.bench.analysis.derived import pays_back
from deploybench.bench.analysis.figures import figures
from deploybench.bench.analysis.timing_figures import over_budget
from deploybench.bench.measure.controls import AGAIN, NULL
from deploybench.bench.measure.latency import LatencyRun
from deploybench.bench.measure.schedule import Schedule, TimedArtifact
from deploybench.bench.report.render import render
from deploybench.bench.report.timing_notes import control_notes
from deploybench.bench.runs.measurement import Figure, Measurement, Workload
from deploybench.bench.runs.store import read_run
from deploybench.bench.statistics import quantile_interval
from deploybench.exporters.variant import REFERENCE

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
WORKLOAD = Workload(batch_size=1, sequence_length=128, padding="full", threads=2)


@pytest.fixture(scope="module")
def run():
    return read_run(SAMPLE)


def row(variant, values, *, launches=(), cpu_seconds=(), **changes):
    launches = launches or tuple(range(len(values)))
    return Measurement(
        variant=variant,
        metric="latency",
        workload=WORKLOAD,
        values=tuple(values),
        launches=tuple(launches),
        blocks=(0,) * len(values),
        cpu_seconds=tuple(cpu_seconds),
        **changes,
    )


def with_rows(run, *rows):
    replaced = {(one.variant, one.metric, one.workload) for one in rows}
    kept = [one for one in run.measurements if (one.variant, one.metric, one.workload) not in replaced]
    return replace(run, measurements=(*kept, *rows))


def found(run, metric, variant=REFERENCE):
    return next(one for one in figures(run) if (one.metric, one.variant, one.workload) == (metric, variant, WORKLOAD))


def test_percentiles_are_of_all_values_and_the_99th_needs_300(run):
    values = np.random.default_rng(0).lognormal(-3, 0.1, 300)
    many, few = (with_rows(run, row(REFERENCE, values[:n])) for n in (300, 299))

    assert found(many, "latency_p90").value == np.percentile(values, 90)
    p95 = found(many, "latency_p95")
    assert p95.value == np.percentile(values, 95)
    assert (p95.low, p95.high) == quantile_interval(values, 0.95)
    assert p95.low < p95.value < p95.high
    assert (found(few, "latency_p99").low, found(few, "latency_p99").high) == (None, None)
    assert found(many, "latency_p99").value == np.percentile(values, 99)
    assert found(many, "latency_mean").value == pytest.approx(values.mean())
    assert (found(few, "latency_p99").value, found(few, "latency_p99").reason) == (None, "fewer than 300 values")
    assert found(few, "latency_max").value == values[:299].max()


def test_cpu_time_is_for_a_thousand_texts_and_old_runs_say_that_it_was_not_counted(run):
    counted = with_rows(run, row(REFERENCE, [0.01, 0.01], cpu_seconds=[0.015, 0.025]))

    assert found(counted, "cpu_time").value == pytest.approx(20.0)
    assert (found(run, "cpu_time").value, found(run, "cpu_time").reason) == (None, "not counted")


def test_a_row_that_uses_more_than_its_threads_is_marked(run):
    run = replace(run, environment={**run.environment, "cores": 4})
    greedy = with_rows(run, row("onnx-fp32", [0.01, 0.01], cpu_seconds=[0.03, 0.03]))
    text = render(greedy, "text", ["summary"])

    assert over_budget(row("x", [0.01], cpu_seconds=[0.0209])) == ""
    assert over_budget(row("x", [0.01], cpu_seconds=[0.01]), 2.09) == ""
    assert over_budget(row("x", [0.01], cpu_seconds=[0.01]), 3.0).startswith("takes 3.00 CPU-seconds")
    assert over_budget(row("x", [0.01], cpu_seconds=[0.01]), 3.0, 4).startswith("takes 3.00 CPU-seconds")
    assert over_budget(row("x", [0.01], cpu_seconds=[0.025]), 2.3, 2) == ""  # more than there are: a clock's affair
    assert "onnx-fp32!" in text
    assert "! onnx-fp32: takes 3.00 CPU-seconds a second, its budget is 2 threads" in " ".join(text.split())


def test_cpu_time_is_that_of_all_threads():
    start = time.thread_time()
    hashlib.sha256(BLOCK).digest()
    one = time.thread_time() - start  # CPU time, which a busy machine does not stretch
    workload = replace(WORKLOAD, threads=1)
    batch = (np.ones((1, 8), dtype=np.int64),) * 2
    timed = [TimedArtifact(name=name, artifact=Path()) for name in ("fakes.spreading", "fakes.steady")]
    timing = LatencyRun(timed, Schedule(launches=1, blocks=2, rounds=5), 1)
    measured = {one.variant: one for one in timing.measure({workload: [batch]}, lambda: None)}

    assert len(measured["fakes.spreading"].cpu_seconds) == len(measured["fakes.spreading"].values) == 10
    assert sorted(measured["fakes.spreading"].cpu_seconds)[5] > 1.3 * one  # two threads hash a block each
    assert max(measured["fakes.steady"].cpu_seconds) < one


def test_controls_say_what_a_table_can_tell(run):
    noise = np.random.default_rng(1).normal(0, 0.01, 6)
    rows = [row(REFERENCE, [0.1] * 6), row(AGAIN, 0.1 * np.exp(noise)), row(NULL, [3e-7] * 6)]
    again, null = control_notes(with_rows(run, *rows))

    assert again.startswith("A/A: torch-eager timed twice, under two names: ")
    assert "at batch 1 (detectable change: " in again
    assert null == "null row: a variant that does nothing takes 0.300 µs, the harness's overhead per round"
    assert list(control_notes(run)) == []


def test_the_table_says_which_rows_ran_out_of_time(run):
    plan = replace(run.plan, precision=0.02, time_budget=60)
    known, late = row(REFERENCE, [0.1, 0.1], stopped="precise"), row("onnx-fp32", [0.1, 0.2], stopped="budget")
    text = " ".join(render(with_rows(replace(run, plan=plan), known, late), "text", ["timing"]).split())

    assert "narrower than 2.0 % or 60 s are over; time ran out for: onnx-fp32" in text
    for table in ("summary", "batch"):
        text = " ".join(render(with_rows(replace(run, plan=plan), known, late), "text", [table]).split())
        assert "or 60 s are over; time ran out for: 1 of 2 rows" in text


def figure(value, variant="onnx-fp32"):
    blank = {"low": None, "high": None, "n": 1, "status": "ok", "reason": "", "workload": WORKLOAD}
    return Figure(variant=variant, metric="x", value=value, unit="s", **blank)


@given(
    st.floats(0.01, 100), st.floats(0.0001, 10), st.floats(0.01, 100), st.floats(0.0001, 10), st.sampled_from((1, 8))
)
def test_from_as_many_texts_on_the_whole_takes_less_than_the_reference(cold, steady, other_cold, other_steady, size):
    sides = (figure(cold), figure(steady)), (figure(other_cold, REFERENCE), figure(other_steady, REFERENCE))
    answer = pays_back(*sides, size)

    def whole(texts):
        return cold + steady * texts / size, other_cold + other_steady * texts / size

    if answer.value is not None:
        own, other = whole(answer.value)
        assert own <= other * (1 + 1e-9)
        own, other = whole(answer.value - 1)
        assert own >= other * (1 - 1e-9)
    elif answer.reason == "at once":
        assert (cold <= other_cold, steady <= other_steady) == (True, True)
    elif answer.reason == "never":
        assert (cold >= other_cold, steady >= other_steady) == (True, True)
    else:
        assert answer.reason.startswith("until ")
        assert (cold < other_cold, steady > other_steady) == (True, True)
