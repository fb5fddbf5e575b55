"""Two saved runs compared: every verdict, its exit code, and what people read."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from deploybench.bench.compare.changes import compare_runs
from deploybench.bench.compare.judging import judge_rows, rows_of
from deploybench.bench.compare.matching import Matched
from deploybench.bench.compare.outcome import Outcome, outcome_of
from deploybench.bench.compare.thresholds import Rule, Thresholds, read_thresholds
from deploybench.bench.measure.controls import CONTROLS
from deploybench.bench.report.messages.comparison import render_comparison
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.store import VariantInfo, read_run, run_block
from deploybench.exporters.errors import UserError

DATA = Path(__file__).parents[1] / "data"
NO_PREDICTIONS = ({}, {})


@pytest.fixture
def run():
    """A run of two variants with steady times of four processes, and predictions of 100 examples."""
    saved = read_run(DATA / "run-schema-1.json")
    names = ("torch-eager", "onnx-fp32")
    measurements = tuple(
        replace(one, values=(1.0, 1.01, 0.99, 1.0), launches=(0, 1, 2, 3), blocks=(0, 0, 0, 0))
        if one.metric in ("latency", "load_time")
        else one
        for one in saved.measurements
        if one.variant in names and one.metric != "accuracy"
    )
    return replace(
        saved,
        plan=replace(saved.plan, variants=names),
        variants={name: saved.variants[name] for name in names},
        measurements=measurements,
    )


def scaled(run, metric, factor):
    """The run with all of onnx-fp32's values of one metric multiplied."""
    return replace(
        run,
        measurements=tuple(
            replace(one, values=tuple(value * factor for value in one.values))
            if (one.variant, one.metric) == ("onnx-fp32", metric)
            else one
            for one in run.measurements
        ),
    )


def elsewhere(run):
    """The run as if another machine had made it."""
    return replace(run, environment={**run.environment, "cpu": "another"})


def broken(run):
    """The run as if onnx-fp32 could not be exported."""
    failed = VariantInfo(runtime="onnxruntime", precision="fp32", failed="no graph")
    return replace(
        run,
        variants={**run.variants, "onnx-fp32": failed},
        measurements=tuple(one for one in run.measurements if one.variant != "onnx-fp32"),
    )


def compare(base, contender, thresholds=None, right=NO_PREDICTIONS):
    return compare_runs([Matched(base=base, contender=contender, right=right)], thresholds or Thresholds())


def verdicts(comparison, **places):
    return {
        change.verdict
        for change in comparison.changes
        if all(getattr(change, name) == place for name, place in places.items())
    }


def with_accuracy(run):
    accuracies = [
        Measurement(variant=name, metric="accuracy", data="newsmix", values=(1.0, 0.0)) for name in run.plan.variants
    ]
    return replace(run, measurements=(*run.measurements, *accuracies))


def test_a_run_against_itself_has_no_change(run):
    comparison = compare(run, run)

    assert verdicts(comparison) == {"no detectable change"}
    assert len(comparison.changes) == len(
        [one for one in run.measurements if not one.metric.startswith(("l", "s"))]
    ) + (len([one for one in run.measurements if one.metric in ("latency", "load_time")]))


def test_controls_are_no_variants(run):
    """A row that does nothing takes 130 ns or 150: neither is worse, and neither says how others scatter."""
    timed = next(one for one in run.measurements if one.metric == "latency")
    sides = [
        replace(
            run, measurements=(*run.measurements, *(replace(timed, variant=name, values=values) for name in CONTROLS))
        )
        for values in (timed.values, tuple(2 * value for value in timed.values))
    ]

    assert compare(*sides).changes == compare(run, run).changes


def test_many_rows_do_not_make_a_false_alarm(run):
    """Of 60 rows that did not change, one in twenty would be outside its own interval."""
    random = np.random.default_rng(0)
    timed = next(one for one in run.measurements if one.metric == "latency")
    alarms = 0
    for _ in range(40):
        sides = []
        for _ in range(2):
            times = np.exp(random.normal(0, 0.05, (60, 3)))
            rows = [
                replace(timed, variant=f"v{row}", values=tuple(values), launches=(0, 1, 2), blocks=(0, 0, 0))
                for row, values in enumerate(times.tolist())
            ]
            sides.append(replace(run, measurements=tuple(rows)))
        alarms += "worse" in verdicts(compare(*sides)) or "better" in verdicts(compare(*sides))

    assert alarms <= 5


@pytest.mark.parametrize(
    ("metric", "factor", "verdict"),
    [
        ("latency", 1.1, "worse"),
        ("latency", 0.9, "better"),
        ("latency", 1.015, "no detectable change"),  # sure, but below the threshold
        ("load_time", 1.2, "worse"),
        ("peak_memory", 1.06, "worse"),
        ("peak_memory", 1.04, "no detectable change"),
        ("peak_resident", 0.8, "better"),
        ("artifact_size", 1.01, "worse"),
    ],
)
def test_a_change_is_found_in_its_direction(run, metric, factor, verdict):
    comparison = compare(run, scaled(run, metric, factor))

    assert verdicts(comparison, variant="onnx-fp32", metric=metric) == {verdict}
    assert verdicts(comparison, variant="torch-eager") == {"no detectable change"}


def test_processes_count_not_rounds(run):
    """Two processes 20 % apart on each side hide a change of 10 %, however many rounds each of them has."""

    def spread(factor):
        values = tuple(factor * value for value in [1.0] * 50 + [1.2] * 50)
        return replace(
            run,
            measurements=tuple(
                replace(one, values=values, launches=(0,) * 50 + (1,) * 50, blocks=(0,) * 100)
                if one.metric == "latency"
                else one
                for one in run.measurements
            ),
        )

    assert verdicts(compare(spread(1), spread(1.1)), metric="latency") == {"no detectable change"}


def test_one_process_is_not_comparable(run):
    single = replace(run, measurements=tuple(replace(one, launches=(0,) * len(one.values)) for one in run.measurements))
    comparison = compare(single, scaled(single, "latency", 2))
    latency = [change for change in comparison.changes if change.metric == "latency"]

    assert {(change.verdict, change.detectable) for change in latency} == {("not comparable", None)}
    assert "one process per side: its rounds cannot separate" in render_comparison(comparison, "md")
    assert "+100.0 %" in render_comparison(comparison, "md")  # said all the same


def test_a_row_that_vanished_is_missing_and_one_that_came_is_new(run):
    smaller = replace(run, measurements=tuple(one for one in run.measurements if one.variant == "torch-eager"))

    assert verdicts(compare(run, smaller), variant="onnx-fp32") == {"missing"}
    assert verdicts(compare(smaller, run), variant="onnx-fp32") == {"new"}


def test_a_variant_that_failed_is_failed_in_every_row(run):
    comparison = compare(run, broken(run))

    assert verdicts(comparison, variant="onnx-fp32") == {"failed"}
    assert "onnx-fp32: no graph" in render_comparison(comparison, "md")
    assert verdicts(compare(broken(run), broken(run)), variant="onnx-fp32") == {"failed"}


def test_another_cpu_makes_times_incomparable_but_not_sizes(run):
    comparison = compare(run, scaled(elsewhere(run), "artifact_size", 2))

    assert verdicts(comparison, metric="latency") == {"not comparable"}
    assert verdicts(comparison, metric="artifact_size", variant="onnx-fp32") == {"worse"}
    text = render_comparison(comparison, "md")
    assert "not comparable: latency, load time of torch-eager, onnx-fp32: CPU: AMD EPYC 7B13 against another" in text


def test_a_fact_that_an_older_file_did_not_record_forbids_nothing(run):
    older = replace(run, environment={**run.environment, "cpu_family": "25/1/0"})
    comparison = compare(run, older)

    assert verdicts(comparison) == {"no detectable change"}
    assert {one.weight for one in comparison.differences} == {"tolerated"}


def test_another_version_is_reported_and_tolerated(run):
    versions = {**run.environment["versions"], "torch": "9.9"}
    comparison = compare(run, replace(run, environment={**run.environment, "versions": versions}))

    assert verdicts(comparison) == {"no detectable change"}
    assert "base and contender differ in torch: 2.13.0 against 9.9" in render_comparison(comparison, "md")


def test_a_row_without_raw_values_is_not_comparable(run):
    empty = replace(
        run, measurements=tuple(replace(one, values=(), launches=(), blocks=()) for one in run.measurements)
    )

    assert verdicts(compare(run, empty)) == {"not comparable"}


@pytest.mark.parametrize(
    ("lost", "won", "verdict"),
    [(0, 6, "better"), (6, 0, "worse"), (0, 5, "no detectable change"), (9, 9, "no detectable change")],
)
def test_accuracy_is_judged_by_the_examples_that_changed(run, lost, won, verdict):
    before = np.array([True] * 50 + [False] * 50)
    after = before.copy()
    after[:lost], after[50 : 50 + won] = False, True
    scored = with_accuracy(run)
    right = tuple({("newsmix", name): side for name in run.plan.variants} for side in (before, after))
    comparison = compare(scored, scored, right=right)

    assert verdicts(comparison, metric="accuracy") == {verdict}
    [change] = [one for one in comparison.changes if (one.metric, one.variant) == ("accuracy", "onnx-fp32")]
    assert change.change == pytest.approx((won - lost) / 100)
    assert change.low <= change.change <= change.high


def test_accuracy_of_another_set_is_not_comparable(run):
    scored = with_accuracy(run)
    other = replace(scored, sets=tuple(replace(one, sha256="other") for one in scored.sets))
    side = {("newsmix", name): np.array([True] * 50 + [False] * 50) for name in run.plan.variants}

    assert verdicts(compare(scored, replace(scored), right=(side, side)), metric="accuracy") == {"no detectable change"}
    assert verdicts(compare(scored, other, right=(side, side)), metric="accuracy") == {"not comparable"}


def test_sets_that_two_budgets_cut_differently_are_told_as_that(run):
    scored = with_accuracy(run)
    cut = replace(scored, sets=tuple(replace(one, sha256="other", rows=60, unscored=40) for one in scored.sets))
    side = {("newsmix", name): np.array([True] * 50 + [False] * 50) for name in run.plan.variants}
    comparison = compare(scored, cut, right=(side, side))

    reasons = {one.reason for one in comparison.changes if one.metric == "accuracy" and one.reason}
    assert any("of 100 texts fitted the time budget; give both runs more" in reason for reason in reasons)


def test_a_time_of_zero_is_no_time(run):
    assert verdicts(compare(run, scaled(run, "latency", 0)), variant="onnx-fp32", metric="latency") == {
        "not comparable"
    }


@pytest.mark.parametrize(("metric", "factor"), [("artifact_size", 0.0), ("artifact_size", -1.0), ("peak_memory", 0.0)])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_figure_that_is_not_above_zero_is_not_comparable(run, metric, factor, swapped):
    """It is what a measurement that failed leaves."""
    sides = [run, scaled(run, metric, factor)]
    changes = compare(*(reversed(sides) if swapped else sides)).changes
    odd = {(one.verdict, one.reason) for one in changes if (one.variant, one.metric) == ("onnx-fp32", metric)}

    assert odd == {("not comparable", "a value is not above zero")}


@pytest.mark.parametrize(
    ("megabytes", "more", "verdict"),
    [(9.3, 1.05, "no detectable change"), (9.3, 2.2, "worse"), (100, 4.9, "no detectable change")],
)
def test_a_block_of_memory_more_is_no_change(run, megabytes, more, verdict):
    """Two processes that do the same differ by a block, which may be a tenth of a small model's heap."""
    small = replace(
        run,
        measurements=tuple(
            replace(one, values=(megabytes * 1e6,)) if one.metric == "peak_memory" else one for one in run.measurements
        ),
    )

    comparison = compare(small, scaled(small, "peak_memory", 1 + more / megabytes))
    assert verdicts(comparison, variant="onnx-fp32", metric="peak_memory") == {verdict}


def test_another_budget_of_threads_is_not_comparable(run):
    """And neither missing nor new: the same rows were measured."""

    def budget(threads):
        rows = tuple(
            replace(one, workload=replace(one.workload, threads=threads)) if one.workload else one
            for one in run.measurements
        )
        return replace(run, plan=replace(run.plan, threads=threads), measurements=rows)

    changes = compare(budget(2), budget(4)).changes
    timed = [one for one in changes if one.metric != "artifact_size"]

    assert {(one.verdict, one.reason) for one in timed} == {("not comparable", "threads: 2 against 4")}
    assert {one.workload.threads for one in timed if one.workload} == {4}
    assert {one.verdict for one in changes if one.metric == "artifact_size"} == {"no detectable change"}


def test_thresholds_by_metric_and_row(run, tmp_path):
    file = tmp_path / "pyproject.toml"
    file.write_text(
        "[tool.deploybench.compare]\nlatency = 0.2\n[[tool.deploybench.compare.rows]]\nvariant = 'onnx-*'\nthreshold = 0.5\n"
        "[[tool.deploybench.compare.rows]]\nat = '8×*'\nthreshold = 0.6\n"
        "[[tool.deploybench.compare.rows]]\nat = 'home'\nmetric = 'accuracy'\nthreshold = 0.01\n"
    )
    thresholds = read_thresholds(file)
    one, eight = (Workload(batch_size=size, sequence_length=64, padding="full", threads=1) for size in (1, 8))

    assert thresholds.rules[0] == Rule(variant="onnx-*", metric="*", at="*", threshold=0.5)
    assert thresholds.of(("torch-eager", "latency", one, None)) == 0.2
    assert thresholds.of(("onnx-fp32", "latency", one, None)) == 0.5
    assert thresholds.of(("onnx-fp32", "latency", eight, None)) == 0.6
    assert thresholds.of(("torch-eager", "accuracy", None, "home")) == 0.01
    assert thresholds.of(("torch-eager", "accuracy", None, "away")) == Thresholds().by_metric["accuracy"]
    assert thresholds.of(("torch-eager", "peak_memory", one, None)) == Thresholds().by_metric["peak_memory"]
    assert verdicts(compare(run, scaled(run, "latency", 1.4), thresholds)) == {"no detectable change"}


@pytest.mark.parametrize(
    "text",
    [
        "[tool.deploybench.compare]\nspeed = 0.1",
        "[tool.deploybench.compare]\n'*' = 0.1",
        "[tool.deploybench.compare]\nlatency = 5",
        "[tool.deploybench.compare]\nlatency = nan",
        "[tool.deploybench.compare]\nlatency = true",
        "[[tool.deploybench.compare.rows]]\nvariant = 'x'",
        "[[tool.deploybench.compare.rows]]\nthreshold = 0.1\nwhere = 'x'",
        "[tool",
        "tool = 1",
        "[tool]\ndeploybench = 'x'",
        "[tool.deploybench]\ncompare = [1]",
        "[tool.deploybench.compare]\nrows = 5",
        "[[tool.deploybench.compare.rows]]\nthreshold = 0.1\nmetric = 'heap'",
        "[[tool.deploybench.compare.rows]]\nthreshold = 0.1\nmetric = 'latncy'",
        "[[tool.deploybench.compare.rows]]\nthreshold = 0.1\nat = 8",
        "[[tool.deploybench.compare.rows]]\nthreshold = 0.1\nvariant = ['a']",
    ],
)
def test_a_threshold_that_cannot_be_meant_is_one_line(tmp_path, text):
    file = tmp_path / "pyproject.toml"
    file.write_text(text)

    with pytest.raises(UserError) as raised:
        read_thresholds(file)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_comparison_looks_like_this(run):
    contender = scaled(scaled(run, "latency", 1.1), "artifact_size", 0.5)
    golden = DATA / "compare.txt"
    text = render_comparison(compare(run, contender), "text")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("fmt", ["text", "md"])
def test_rows_that_one_side_lacks_are_one_line_by_variant_and_metric(run, fmt):
    smaller = replace(run, measurements=tuple(one for one in run.measurements if one.variant == "torch-eager"))
    for sides, word in (((run, smaller), "missing"), ((smaller, run), "new")):
        text = render_comparison(compare(*sides), fmt)
        lines = [line for line in text.splitlines() if "onnx-fp32" in line and line.rstrip(" |").endswith(word)]

        assert [sum(f"{name}, 2 rows" in line for line in lines) for name in ("latency", "heap", "resident")] == [1] * 3
        assert len(lines) == len({one.metric for one in run.measurements} & set(Thresholds().by_metric))
        assert f"8 no detectable change, 8 {word}" in text


def test_json_is_one_object_per_row(run):
    tidy = json.loads(render_comparison(compare(run, scaled(run, "latency", 2)), "json"))

    assert {change["word"] for change in tidy["changes"]} == {"same", "slower"}
    assert set(tidy["changes"][0]) >= {
        "variant",
        "metric",
        "workload",
        "base",
        "contender",
        "change",
        "low",
        "high",
        "verdict",
    }


@pytest.mark.process
@pytest.mark.parametrize(
    ("change", "flags", "code"),
    [
        (lambda run: run, (), 0),
        (lambda run: replace(run, predictions=""), (), 0),
        (lambda run: scaled(run, "latency", 0.5), (), 0),
        (lambda run: scaled(run, "latency", 1.5), (), 1),
        (lambda run: replace(run, measurements=run.measurements[:-2]), (), 3),
        (lambda run: replace(run, measurements=run.measurements[:1]), ("--lenient",), 0),
        (lambda run: replace(run, measurements=()), ("--lenient",), 3),
        (lambda run: scaled(replace(run, measurements=run.measurements[:-2]), "latency", 1.5), (), 1),
        (elsewhere, (), 4),
        (elsewhere, ("--lenient",), 0),
        (lambda run: elsewhere(replace(run, measurements=run.measurements[:-2])), (), 3),
        (lambda run: elsewhere(scaled(run, "artifact_size", 2)), (), 1),
        (broken, (), 3),
        (broken, ("--lenient",), 3),
    ],
    ids=[
        "same",
        "no predictions",
        "faster",
        "slower",
        "missing",
        "missing, lenient",
        "nothing, lenient",
        "missing and slower",
        "another machine",
        "another machine, lenient",
        "another machine and missing",
        "another machine and larger",
        "failed",
        "failed, lenient",
    ],
)
def test_the_exit_code_is_a_gate(run, tmp_path, change, flags, code):
    for name, saved in (("base.json", run), ("contender.json", change(run))):
        (tmp_path / name).write_text(json.dumps({"deploybench": run_block(saved)}))
    command = [
        sys.executable,
        "-m",
        "deploybench.bench.cli",
        "compare",
        tmp_path / "base.json",
        tmp_path / "contender.json",
        *flags,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == code, done.stderr
    assert "contender: contender.json" in done.stdout
    last = {0: "nothing worse: ", 1: "worse: ", 3: "incomplete: ", 4: "incomparable: "}[code]
    assert done.stdout.splitlines()[-1].startswith(last)


@pytest.mark.parametrize(
    ("change", "lenient", "text"),
    [
        (lambda run: run, False, "nothing worse: 16 rows compared"),
        (lambda run: scaled(run, "latency", 2), False, "worse: 2 rows"),
        (lambda run: broken(replace(run, measurements=run.measurements[1:])), False, "incomplete: "),
        (elsewhere, False, "incomparable: 6 rows"),
        (lambda run: replace(run, measurements=()), True, "incomplete: nothing was compared"),
    ],
)
def test_an_outcome_is_one_line(run, change, lenient, text):
    assert str(outcome_of(compare(run, change(run)).changes, lenient=lenient)).startswith(text)


def test_the_outcome_is_in_the_json(run):
    outcome = Outcome(name="worse", detail="2 rows")
    tidy = json.loads(render_comparison(compare(run, run), "json", outcome=outcome))

    assert (tidy["outcome"], tidy["exit_code"]) == ("worse", 1)


def test_measurements_are_judged_without_runs():
    """What has two sides but no saved run, such as a duel, is judged by the same rules."""
    sides = [
        rows_of([Measurement(variant="one", metric="latency", values=values, launches=(0, 1, 2))])
        for values in ((1.0, 1.01, 0.99), (1.5, 1.51, 1.49))
    ]

    assert [change.verdict for change in judge_rows(sides, Thresholds())] == ["worse"]


def test_a_change_is_plain_data(run):
    assert json.dumps([asdict(change) for change in compare(run, run).changes], allow_nan=False)


@pytest.mark.parametrize(("interleaved", "verdict"), [(True, "worse"), (False, "no detectable change")])
def test_sides_that_were_timed_together_are_paired_by_launch(interleaved, verdict):
    """What slows a launch slows both sides of it: a launch may take twice the time of another, their ratio stays."""
    pace = (1.0, 2.0, 1.2, 1.7)
    one = Measurement(
        variant="a",
        metric="latency",
        values=pace,
        workload=Workload(batch_size=1, sequence_length=8, padding="full", threads=1),
        launches=(0, 1, 2, 3),
        blocks=(0, 0, 0, 0),
    )
    noise = (1.1, 1.101, 1.099, 1.1)
    other = replace(one, values=tuple(value * factor for value, factor in zip(pace, noise, strict=True)))
    sides = rows_of([one]), rows_of([other])

    assert [change.verdict for change in judge_rows(sides, Thresholds(), interleaved=interleaved)] == [verdict]
