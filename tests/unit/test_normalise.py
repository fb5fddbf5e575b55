"""Times of two machines, held against each other by what each machine did in a second."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deploybench.bench import cli
from deploybench.bench.compare.changes import compare_runs
from deploybench.bench.compare.matching import Matched
from deploybench.bench.compare.thresholds import Thresholds
from deploybench.bench.report.messages.comparison import render_comparison
from deploybench.bench.runs.measurement import Measurement
from deploybench.bench.runs.metrics import METRICS, Metric, metrics_of
from deploybench.bench.runs.store import read_run, run_block

RUN = read_run(Path(__file__).parents[1] / "data" / "runs" / "schema-1.json")


def machine(cpu, rates, slower=1.0, run=RUN):
    """The run on a machine of these yardsticks, the interpreter's like that of fp32, its times multiplied."""
    rates = {**rates, "python": rates["fp32"]} if "fp32" in rates else rates
    timed = tuple(
        replace(one, values=tuple(slower * value for value in one.values)) if one.metric in metrics_of("time") else one
        for one in run.measurements
    )
    yardsticks = tuple(
        Measurement(variant="machine", metric=f"yardstick_{precision}", values=(0.9 * rate, rate, 1.1 * rate))
        for precision, rate in rates.items()
    )
    return replace(run, environment={**run.environment, "cpu": cpu}, measurements=(*timed, *yardsticks))


def compare(base, contender, *, normalise=True):
    return compare_runs([Matched(base=base, contender=contender)], Thresholds(), normalise=normalise)


def verdicts(comparison):
    return {one.verdict for one in comparison.changes if one.metric in metrics_of("time")}


@pytest.mark.parametrize(
    ("rate", "slower", "verdict"),
    [
        (50.0, 2.0, "no detectable change"),  # half the machine, twice the time
        (50.0, 2.15, "no detectable change"),  # 7.5 %: less than yardsticks can tell
        (50.0, 2.4, "worse"),
        (50.0, 1.6, "better"),
        (200.0, 1.0, "worse"),
    ],
)
def test_times_are_divided_by_what_the_machine_does(rate, slower, verdict):
    comparison = compare(machine("fast", {"fp32": 100.0}), machine("other", {"fp32": rate}, slower))
    latency = [one for one in comparison.changes if one.metric == "latency"]

    assert {one.verdict for one in latency} == {verdict}
    for one in latency:
        assert one.change == pytest.approx(slower * rate / 100 - 1, abs=1e-3)
        assert one.low < one.change < one.high
        assert one.contender == pytest.approx(slower * one.base)  # as measured
        assert one.threshold == 0.1
        assert one.reason == f"normalised by yardstick_fp32 (×{rate / 100:.2f})"


def test_of_processors_that_are_unknown_too():
    """Nothing says that they are one, and their yardsticks say how they differ."""
    run = replace(RUN, environment={**RUN.environment, "cpu_family": "unknown"})
    machines = machine("unknown", {"fp32": 100.0}, run=run), machine("unknown", {"fp32": 50.0}, slower=2.0, run=run)

    assert verdicts(compare(*machines, normalise=False)) == {"not comparable"}
    assert verdicts(compare(*machines)) == {"no detectable change"}


def test_the_yardstick_is_that_of_the_variants_precision():
    int8 = replace(RUN, variants={**RUN.variants, "onnx-fp32": replace(RUN.variants["onnx-fp32"], precision="int8")})
    base = machine("fast", {"fp32": 100.0, "int8": 400.0}, run=int8)
    comparison = compare(base, machine("other", {"fp32": 50.0, "int8": 100.0}, run=int8))
    changes = {one.variant: one.change for one in comparison.changes if one.metric == "latency"}

    assert changes == pytest.approx({"torch-eager": -0.5, "onnx-fp32": -0.75})


@pytest.mark.parametrize(
    ("before", "after", "lacking"),
    [
        ({}, {"fp32": 1.0}, "base"),
        ({"fp32": 1.0}, {}, "contender"),
        ({}, {}, "base and contender"),
        ({"fp32": 0.0}, {"fp32": 1.0}, "base"),
        ({"int8": 1.0}, {"int8": 1.0}, "base and contender"),
    ],
)
def test_without_a_yardstick_times_stay_incomparable(before, after, lacking):
    comparison = compare(machine("fast", before), machine("other", after))

    assert verdicts(comparison) == {"not comparable"}
    assert f"CPU: fast against other; no yardstick_fp32 in the {lacking}" in render_comparison(comparison, "md")


def test_nothing_is_normalised_unless_asked_or_on_one_machine():
    rates = {"fp32": 100.0}, {"fp32": 50.0}

    assert verdicts(compare(machine("a", rates[0]), machine("b", rates[1]), normalise=False)) == {"not comparable"}
    same = compare(machine("a", rates[0]), machine("a", rates[1]))
    assert {one.change for one in same.changes if one.metric in metrics_of("time")} == {0.0}


@pytest.mark.parametrize(
    ("slower", "rate", "verdict", "reason"),
    [
        (1.08, 100.0, "worse", ""),
        (1.08, 99.0, "worse", ""),
        (1.08, 90.0, "no detectable change", "the machine's own yardstick_fp32 took 11.1% more time"),
        (1.25, 90.0, "worse", "the machine's own yardstick_fp32 took 11.1% more time"),
        (1.08, 110.0, "worse", "the machine's own yardstick_fp32 took 9.1% less time"),
        (0.92, 110.0, "no detectable change", "the machine's own yardstick_fp32 took 9.1% less time"),
        (0.88, 110.0, "better", "the machine's own yardstick_fp32 took 9.1% less time"),
        (0.92, 90.0, "better", "the machine's own yardstick_fp32 took 11.1% more time"),
    ],
)
def test_what_changed_as_the_machine_did_and_no_more_is_no_change(slower, rate, verdict, reason):
    comparison = compare(machine("a", {"fp32": 100.0}), machine("a", {"fp32": rate}, slower), normalise=False)

    assert {(one.verdict, one.reason) for one in comparison.changes if one.metric == "latency"} == {(verdict, reason)}


def test_loading_is_held_against_the_interpreter():
    """It does not become faster with the matrix product."""
    base, contender = machine("a", {"fp32": 100.0}), machine("b", {"fp32": 800.0, "python": 100.0})
    found = {one.metric: one for one in compare(base, machine("b", {"fp32": 800.0})).changes}
    assert found["load_time"].change == pytest.approx(7.0)

    contender = replace(
        contender,
        measurements=tuple(
            replace(one, values=(100.0,)) if one.metric == "yardstick_python" else one for one in contender.measurements
        ),
    )
    found = {one.metric: one for one in compare(base, contender).changes}
    assert (found["load_time"].change, found["load_time"].verdict) == (pytest.approx(0.0), "no detectable change")
    assert found["load_time"].threshold == 0.25


def test_a_yardstick_does_not_make_another_model_comparable():
    other = replace(RUN, checkpoint=replace(RUN.checkpoint, num_parameters=1))
    comparison = compare(machine("a", {"fp32": 100.0}), machine("b", {"fp32": 100.0}, run=other))

    assert verdicts(comparison) == {"not comparable"}


def test_the_flag(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(METRICS, "yardstick_fp32", Metric(name="yardstick_fp32", unit="1/s", better="higher"))
    files = []
    for name, rate, slower in (("here", 100.0, 1.0), ("there", 50.0, 2.0)):
        run = machine(name, {"fp32": rate}, slower)
        kept = tuple(one for one in run.measurements if one.metric != "accuracy")
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps({"deploybench": run_block(replace(run, measurements=kept))}))

    assert cli.main(["compare", *map(str, files)]) == 4
    assert cli.main(["compare", *map(str, files), "--normalise"]) == 0
    assert "normalised by yardstick_fp32 (×0.50)" in " ".join(capsys.readouterr().out.split())
