"""Speed-up over the reference: slices are paired, older runs have no interval, and the interval covers the true ratio."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from slices import row_of

from deploybench.bench.analysis.selection import default_selection
from deploybench.bench.analysis.speed_ups import speed_ups, speed_ups_at
from deploybench.bench.report.render import render
from deploybench.bench.runs.measurement import Workload
from deploybench.bench.runs.store import read_run
from deploybench.exporters.variant import REFERENCE

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
WORKLOAD = Workload(batch_size=1, sequence_length=128, padding="full", threads=2)
LAUNCHES, BLOCKS = 4, 16
VARIANTS = {"onnx-fp32": 2.0, "onnx-fp32-fused": 3.0, "openvino-fp32": 4.0}


@pytest.fixture(scope="module")
def run():
    return read_run(SAMPLE)


def timed(run, seed, *, beside=True):
    """A run in which the machine gets slower and faster, for all rows alike, and each row has noise of its own."""
    draw = np.random.default_rng(seed)
    machine = np.exp(np.cumsum(draw.normal(0, 0.2, (LAUNCHES, BLOCKS)), axis=1))
    texts = draw.uniform(0.5, 2, BLOCKS)
    rows = []
    for name, speed_up in {REFERENCE: 1.0, **VARIANTS}.items():
        own = draw.normal(0, 0.05, (LAUNCHES, BLOCKS)) + draw.normal(0, 0.02, (LAUNCHES, 1))
        seconds = 0.01 / speed_up * machine * texts * np.exp(own)
        rows.append(row_of(seconds, name, np.full(seconds.shape, 0.003) if beside else None, WORKLOAD))
    plan = replace(run.plan, variants=(REFERENCE, *VARIANTS), batch_sizes=(1,), sequence_lengths=(128,))
    info = run.variants[REFERENCE]
    return replace(
        run, plan=plan, variants=dict.fromkeys(plan.variants, info), measurements=tuple(rows), operations={}, ledgers=()
    )


def test_what_slows_the_machine_cancels(run):
    found = speed_ups(timed(run, 0))

    for name, true in VARIANTS.items():
        one = found[name, 1]
        assert one.value == pytest.approx(true, rel=0.05)
        assert one.high / one.low < 1.15
    assert (found[REFERENCE, 1].value, found[REFERENCE, 1].low) == (1.0, None)


def test_the_interval_covers_the_true_ratio(run):
    covered = [
        one.low <= true <= one.high
        for seed in range(40)
        for found in (speed_ups(timed(run, seed)),)
        for name, true in VARIANTS.items()
        for one in (found[name, 1],)
    ]

    assert np.mean(covered) >= 0.9


def test_a_run_without_slices_has_the_ratio_of_the_medians(run):
    older = timed(run, 0, beside=False)
    medians = {one.variant: np.median(one.values) for one in older.measurements}
    one = speed_ups(older)["onnx-fp32", 1]

    assert one.value == pytest.approx(medians[REFERENCE] / medians["onnx-fp32"])
    assert (one.low, one.high) == (None, None)


def test_a_variant_that_was_not_timed_has_the_reason(run):
    timed_run = timed(run, 0)
    failed = [
        replace(one, values=(), launches=(), blocks=(), beside=(), status="failed", reason="it crashed")
        if one.variant == "onnx-fp32"
        else one
        for one in timed_run.measurements
    ]
    found = speed_ups(replace(timed_run, measurements=tuple(failed)))

    assert (found["onnx-fp32", 1].value, found["onnx-fp32", 1].reason) == (None, "it crashed")
    assert found["openvino-fp32", 1].low is not None


def test_rows_whose_speed_ups_lie_apart_are_told_apart(run):
    """However wide the intervals of their absolute times."""
    told_by = {one.variant: one.told_by for one in default_selection(timed(run, 0)).candidates}
    fastest, second, third, last = (told_by[name] for name in (*reversed(VARIANTS), REFERENCE))

    assert fastest.low > second.high > second.low > third.high > third.low > last.high == 1.0


def test_lengths_that_were_timed_as_well_have_speed_ups_of_their_own(run):
    """Shorter texts are 32 tokens here, at which the variants gain half as much."""
    both = timed(run, 0)
    short = replace(WORKLOAD, sequence_length=32)
    shorter = [
        replace(
            one, workload=short, values=tuple(0.1 * value * (1 + (one.variant != REFERENCE)) for value in one.values)
        )
        for one in both.measurements
    ]
    both = replace(
        both,
        measurements=(*both.measurements, *shorter),
        plan=replace(both.plan, sequence_lengths=(32, 128)),
    )

    for name, true in VARIANTS.items():
        assert speed_ups(both)[name, 1].value == pytest.approx(true, rel=0.05)
        assert speed_ups_at(both, short)[name].value == pytest.approx(true / 2, rel=0.05)
    text = render(both, "csv", ["sequence"])
    assert "speed_up_32_tokens" in text
    assert "latency_128_tokens_s" in text
    assert "latency" not in render(timed(run, 0), "csv", ["sequence"])
