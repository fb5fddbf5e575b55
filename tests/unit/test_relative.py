"""Two runs are compared by what was timed beside each row: a slower machine is no slower variant."""

import numpy as np
import pytest
from slices import row_of

from deploybench.bench.compare.judging import FAIR, Terms, judge_rows, rows_of
from deploybench.bench.compare.thresholds import Thresholds
from deploybench.exporters.variant import REFERENCE

LAUNCHES, BLOCKS, CONTROL = 6, 16, 0.001
SECONDS = {REFERENCE: 0.014, "onnx-fp32": 0.008, "openvino-int8": 0.003, "openvino-bf16": 0.004}


def measured(seed, machine=1.0, slower=None, *, beside=True):
    """Rows of a run on a machine that takes ``machine`` times as long, with texts of different length and noise of 3 %."""
    draw = np.random.default_rng(seed)
    texts = np.random.default_rng(0).uniform(0.5, 2, BLOCKS)
    state = machine * np.exp(np.cumsum(draw.normal(0, 0.02, (LAUNCHES, BLOCKS)), axis=1))
    rows = []
    for name, seconds in SECONDS.items():
        noise = np.exp(draw.normal(0, 0.03, (LAUNCHES, BLOCKS)))
        values = seconds * (slower or {}).get(name, 1.0) * texts * state * noise
        rows.append(row_of(values, name, CONTROL * state if beside else None))
    return rows_of(rows)


def verdicts(base, contender, terms=FAIR):
    judged = judge_rows((base, contender), Thresholds(), lambda _: terms)
    return {one.variant: one.verdict for one in judged}


@pytest.mark.parametrize("seed", range(5))
def test_a_slower_machine_is_no_slower_variant(seed):
    """Of times alone, all rows would be slower."""
    found = verdicts(measured(seed), measured(seed + 100, machine=1.3))

    assert {*found.values()} == {"no detectable change"}
    alone = verdicts(measured(seed, beside=False), measured(seed + 100, machine=1.6, beside=False))
    assert {*alone.values()} == {"worse"}


@pytest.mark.parametrize("seed", range(5))
def test_a_slower_variant_is_found_on_a_faster_machine(seed):
    found = verdicts(measured(seed), measured(seed + 100, machine=0.8, slower={"onnx-fp32": 1.2}))

    assert found == {**dict.fromkeys(SECONDS, "no detectable change"), "onnx-fp32": "worse"}


def test_the_reference_is_compared_with_the_control():
    found = verdicts(measured(1), measured(2, machine=1.3, slower={REFERENCE: 1.4}))

    assert found[REFERENCE] == "worse"
    assert {verdict for name, verdict in found.items() if name != REFERENCE} == {"better"}


def test_two_machines_are_compared_by_their_yardsticks():
    """The factor is for times."""
    found = verdicts(measured(1), measured(2, machine=2.0), Terms(factor=0.5, least=0.1))

    assert {*found.values()} == {"no detectable change"}


def test_a_run_without_a_control_is_compared_as_times():
    judged = judge_rows((measured(1, beside=False), measured(2, machine=1.5)), Thresholds())

    assert {one.verdict for one in judged} == {"worse"}
    assert all(0.35 < one.change < 0.7 for one in judged)
