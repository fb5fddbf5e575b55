"""Two saved runs of several models compared: models are matched by name, and all rows are judged together."""

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from several import MODELS, VARIANTS, save_models

from deploybench.bench.cli import main
from deploybench.bench.compare.changes import compare_runs
from deploybench.bench.compare.matching import match_models
from deploybench.bench.compare.thresholds import Rule, Thresholds
from deploybench.bench.measure.yardsticks import MACHINE
from deploybench.bench.report.messages.comparison import render_comparison
from deploybench.bench.runs.measurement import Measurement
from deploybench.bench.runs.store import read_runs

DATA = Path(__file__).parents[1] / "data"
ROWS = len(VARIANTS) * 6  # of a model: two latencies, memory, size and two accuracies of each variant
FIRST, SECOND, THIRD = MODELS


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return save_models(tmp_path_factory.mktemp("base"))


@pytest.fixture
def runs(file):
    return read_runs(file)


@pytest.fixture
def saved(file, request):
    """Write another file beside ``file``, of some of its models or of one alone, after a change of their runs."""

    def save(models=tuple(MODELS), change=lambda run: None, *, alone=False, name="contender.json"):
        content = json.loads(file.read_text())
        found = [run for run in content["deploybench"]["models"] if run["checkpoint"]["name"] in models]
        for run in found:
            change(run)
        content["deploybench"] = found[0] if alone else {**content["deploybench"], "models": found}
        path = file.with_name(name)
        path.write_text(json.dumps(content))
        request.addfinalizer(path.unlink)
        return path

    return save


def slow(model=SECOND, variant="openvino-int8", factor=1.3):
    """A change: latencies of one variant of one model are longer."""

    def change(run):
        for one in run["measurements"]:
            if (run["checkpoint"]["name"], one["variant"], one["metric"]) == (model, variant, "latency"):
                one["values"] = [factor * value for value in one["values"]]

    return change


def compare(base, contender, thresholds=None):
    return compare_runs(match_models(base, contender), thresholds or Thresholds())


def told(capsys, *arguments):
    """Exit code, and what ``compare`` says as JSON."""
    code = main(["compare", *map(str, arguments), "--format=json"])
    return code, json.loads(capsys.readouterr().out)


def verdicts(comparison):
    """Verdicts of the rows of each model, and how many have them."""
    found = {}
    for one in comparison["changes"]:
        found.setdefault(one["variant"].rpartition("/")[0], Counter())[one["verdict"]] += 1
    return found


def same(rows=ROWS):
    return {"no detectable change": rows}


def changed(runs, edit):
    return tuple(replace(run, measurements=tuple(map(edit, run.measurements))) for run in runs)


def longer(run, factor, *variants):
    """The run with longer latencies of ``variants``."""
    return replace(
        run,
        measurements=tuple(
            replace(one, values=tuple(factor * value for value in one.values))
            if one.metric == "latency" and one.variant in variants
            else one
            for one in run.measurements
        ),
    )


# Verdicts and exit codes


def test_the_same_run_twice_has_no_change_in_any_model(file, saved, capsys):
    code, comparison = told(capsys, file, saved())

    assert code == 0
    assert verdicts(comparison) == {model: same() for model in MODELS}


def test_a_slower_variant_of_one_model_is_the_only_one_that_is_worse(file, saved, capsys):
    code, comparison = told(capsys, file, saved(change=slow()))
    worse = [(one["variant"], one["metric"]) for one in comparison["changes"] if one["verdict"] == "worse"]

    assert (code, worse) == (1, [(f"{SECOND}/openvino-int8", "latency")] * 2)
    assert verdicts(comparison)[SECOND] == {"worse": 2, **same(ROWS - 2)}


@pytest.mark.parametrize(("flags", "code"), [((), 3), (("--lenient",), 0)])
def test_rows_of_a_model_that_the_contender_lacks_are_missing(file, saved, capsys, flags, code):
    found, comparison = told(capsys, file, saved((FIRST, SECOND)), *flags)

    assert found == code
    assert verdicts(comparison) == {FIRST: same(), SECOND: same(), THIRD: {"missing": ROWS}}


def test_rows_of_a_model_that_the_base_lacks_are_new(file, saved, capsys):
    code, comparison = told(capsys, saved((FIRST, SECOND)), file)

    assert code == 0
    assert verdicts(comparison) == {FIRST: same(), SECOND: same(), THIRD: {"new": ROWS}}


def test_a_variant_that_failed_in_one_model_is_failed_there_alone(file, saved, capsys):
    def fail(run):
        if run["checkpoint"]["name"] == SECOND:
            run["variants"]["onnx-fp32"]["failed"] = "no graph"
            run["measurements"] = [one for one in run["measurements"] if one["variant"] != "onnx-fp32"]

    code, comparison = told(capsys, file, saved(change=fail))

    assert code == 3
    assert verdicts(comparison) == {FIRST: same(), SECOND: {**same(ROWS - 6), "failed": 6}, THIRD: same()}


@pytest.mark.parametrize(("turned", "code", "verdict"), [(False, 3, "missing"), (True, 0, "new")])
def test_a_run_of_one_model_is_compared_with_the_model_of_its_name(file, saved, capsys, turned, code, verdict):
    sides = (file, saved((SECOND,), alone=True))
    found, comparison = told(capsys, *(sides[::-1] if turned else sides))

    assert found == code
    assert verdicts(comparison) == {FIRST: {verdict: ROWS}, SECOND: same(), THIRD: {verdict: ROWS}}


def test_two_runs_of_one_model_are_compared_whatever_its_name(runs):
    other = replace(runs[0], checkpoint=replace(runs[0].checkpoint, name="another"))

    assert {one.variant for one in compare(runs[:1], [other]).changes} == set(VARIANTS)


def test_runs_that_share_no_model_are_refused_in_one_line(file, saved, capsys):
    sides = saved((FIRST, SECOND), name="a.json"), saved((THIRD,), alone=True)

    assert main(["compare", *map(str, sides)]) == 2
    said = capsys.readouterr().err
    assert "BASE has albert, org/minilm, CONTENDER has tiny; expected a model in both" in said
    assert said.count("\n") == 1


def test_the_order_of_the_models_does_not_matter(runs):
    assert compare(runs, runs[::-1]).changes == compare(runs, tuple(replace(run) for run in runs)).changes


# How rows are judged


def test_a_model_is_judged_as_in_a_run_of_its_own(runs):
    """Others beside it neither hide a change of its rows nor make one up."""
    contender = (runs[0], longer(runs[1], 1.2, "onnx-fp32"), runs[2])
    together = {
        (one.variant, one.metric, one.workload): one
        for one in compare(runs, contender).changes
        if one.metric == "latency" and one.variant.startswith(f"{SECOND}/")
    }
    alone = compare((runs[1],), (contender[1],)).changes

    assert len(together) == sum(one.metric == "latency" for one in alone) > 0
    for one in alone:
        if one.metric == "latency":
            assert together[f"{SECOND}/{one.variant}", "latency", one.workload] == replace(
                one, variant=f"{SECOND}/{one.variant}"
            )


def test_a_latency_is_judged_by_the_reference_of_its_own_model(runs):
    """Where the second model's torch-eager alone is slower, no row of the first has changed."""
    contender = (runs[0], longer(runs[1], 1.4, "torch-eager"), runs[2])
    found = {(one.variant, one.verdict) for one in compare(runs, contender).changes if one.metric == "latency"}

    assert {row for row, verdict in found if verdict == "worse"} == {f"{SECOND}/torch-eager"}
    assert {row for row, verdict in found if verdict == "better"} == {
        f"{SECOND}/onnx-fp32",
        f"{SECOND}/openvino-int8",
    }


def test_a_slower_machine_is_no_slower_model(runs):
    def slower(one):
        return replace(
            one, **{name: tuple(1.5 * value for value in getattr(one, name)) for name in ("values", "beside")}
        )

    contender = changed(runs, lambda one: slower(one) if one.metric == "latency" else one)

    assert {one.verdict for one in compare(runs, contender).changes} == {"no detectable change"}


def test_times_without_a_control_must_exceed_the_drift_of_the_yardsticks_in_every_model(runs):
    def with_yardstick(rate, factor):
        made = changed(
            runs,
            lambda one: (
                replace(one, beside=(), values=tuple(factor * v for v in one.values))
                if one.metric == "latency"
                else one
            ),
        )
        yardstick = Measurement(variant=MACHINE, metric="yardstick_fp32", values=(rate,) * 3)
        int8 = replace(yardstick, metric="yardstick_int8")
        return tuple(replace(run, measurements=(*run.measurements, yardstick, int8)) for run in made)

    base, slower = with_yardstick(100.0, 1.0), with_yardstick(70.0, 1.3)

    assert {one.verdict for one in compare(base, slower).changes} == {"no detectable change"}
    worse = {one.variant for one in compare(base, with_yardstick(100.0, 1.8)).changes if one.verdict == "worse"}
    assert worse == {f"{model}/{variant}" for model in MODELS for variant in VARIANTS}


@pytest.mark.parametrize(
    ("variant", "worse"),
    [("onnx-*", 0), (f"{SECOND}/*", 0), ("openvino-*", 2), (f"{FIRST}/*", 2), ("*", 0)],
)
def test_a_threshold_is_for_a_variant_of_every_model_or_of_one(runs, variant, worse):
    contender = (runs[0], longer(runs[1], 1.3, "onnx-fp32"), runs[2])
    thresholds = Thresholds(rules=(Rule(threshold=0.5, variant=variant),))

    assert sum(one.verdict == "worse" for one in compare(runs, contender, thresholds).changes) == worse


# Facts


def test_a_fact_is_said_once_where_it_is_that_of_all_models_else_with_the_model(runs):
    def told(**python):
        contender = tuple(
            replace(run, environment={**run.environment, "python": python.get(run.checkpoint.name, "3.11")})
            for run in runs
        )
        base = tuple(replace(run, environment={**run.environment, "python": "3.11"}) for run in runs)
        return list(map(str, compare(base, contender).differences))

    assert told(**dict.fromkeys(MODELS, "3.12")) == ["Python: 3.11 against 3.12"]
    assert told(albert="3.12", tiny="3.13") == [
        "Python of albert: 3.11 against 3.12",
        "Python of tiny: 3.11 against 3.13",
    ]


def test_a_difference_that_forbids_is_that_of_one_model(runs):
    other = replace(runs[2], checkpoint=replace(runs[2].checkpoint, num_parameters=1))
    comparison = compare(runs, (*runs[:2], other))
    forbidden = {(one.variant, one.metric) for one in comparison.changes if one.verdict == "not comparable"}

    assert {variant.rpartition("/")[0] for variant, _ in forbidden} == {THIRD}
    assert {metric for _, metric in forbidden} == {"latency", "peak_memory", "artifact_size"}
    [said] = json.loads(render_comparison(comparison, "json"))["differences"]
    assert said == {"fact": "parameters", "model": THIRD, "weight": "fatal", "base": MODELS[THIRD][0], "contender": 1}


# What people read


def test_a_comparison_of_several_models_looks_like_this(file, saved):
    """One model is slower, one is missing, one is new."""
    base, contender = saved((FIRST, SECOND), name="base.json"), saved((SECOND, THIRD), slow())
    comparison = compare(read_runs(base), read_runs(contender))
    golden = DATA / "compare-models.txt"
    text = render_comparison(comparison, "text")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 80
    cells = [
        [cell.strip() for cell in line.split("|")[1:3]] for line in render_comparison(comparison, "md").splitlines()
    ]
    assert [f"{SECOND}/openvino-int8", "latency 1×480"] in cells
    assert [f"{FIRST}/&#42;", "18 rows"] in cells  # no emphasis


def test_names_that_are_cut_stay_distinct(runs):
    names = [f"{start}-of-a-long-name" for start in ("one", "two")]
    base = [replace(run, checkpoint=replace(run.checkpoint, name=name)) for run, name in zip(runs, names, strict=False)]
    contender = [longer(run, 1.5, "openvino-int8") for run in base]
    lines = [line for line in render_comparison(compare(base, contender), "text").splitlines() if "slower" in line]

    assert sorted({line.split("-of-")[0] for line in lines}) == ["one", "two"]
    assert max(map(len, lines)) <= 80


# One of several models


def test_of_one_model_alone_the_comparison_is_that_of_two_files_of_one(file, saved, capsys):
    contender = saved(change=slow(), name="several.json")
    alone = saved((SECOND,), alone=True, name="a.json"), saved((SECOND,), slow(), alone=True, name="b.json")

    found, of_two = told(capsys, file, contender, f"--model={SECOND}"), told(capsys, *alone)
    assert found[0] == of_two[0] == 1
    assert {**found[1], "base": "a.json", "contender": "b.json"} == of_two[1]


def test_confirm_is_of_one_model(file, saved, capsys, monkeypatch):
    asked = []

    def confirm(comparison, contender, sides, *_):
        asked.append(({one.variant for one in comparison.changes}, contender.checkpoint.name, sides))
        return comparison

    monkeypatch.setattr("deploybench.bench.compare.confirming.confirm", confirm)
    arguments = ["compare", str(file), str(saved(change=slow())), "--confirm", "old", "new"]

    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "--confirm: is of one model, and this run has 3; pass --model NAME, one of albert, org/minilm, tiny" in said
    assert said.count("\n") == 1
    assert main([*arguments, f"--model={SECOND}"]) == 1
    assert asked == [(set(VARIANTS), SECOND, ("old", "new"))]


def test_a_model_that_is_in_one_of_the_files_alone_is_refused_in_one_line(file, saved, capsys):
    assert main(["compare", str(file), str(saved((FIRST, SECOND))), f"--model={THIRD}"]) == 2
    said = capsys.readouterr().err
    assert "--model: 'tiny' is not in " in said
    assert "contender.json; its models: albert, org/minilm" in said


def test_the_history_of_one_model_takes_its_runs_from_files_of_several(tmp_path, file, capsys):
    content = json.loads(file.read_text())
    for number in range(4):
        one = {**content, "datetime": f"2026-11-{number + 1:02}T12:00:00+00:00"}
        one["commit_info"] = {"id": f"{number:x}" * 40}
        if number == 2:
            one["deploybench"] = content["deploybench"]["models"][1]  # of this model alone
        if number == 3:
            one = json.loads(json.dumps(one))
            slow(factor=2.0)(one["deploybench"]["models"][1])
        (tmp_path / f"000{number}_x.json").write_text(json.dumps(one))
    arguments = ["compare", "--history", str(tmp_path), "--format=json"]

    assert main([*arguments, f"--model={SECOND}"]) == 1
    history = json.loads(capsys.readouterr().out)
    assert len(history["runs"]) == 4
    assert main([*arguments, f"--model={THIRD}"]) == 0
    history = json.loads(capsys.readouterr().out)
    assert (len(history["runs"]), history["left_out"]) == (3, {"no run of tiny": ["0002_x.json"]})
    assert main([*arguments, "--model=gone"]) == 2
    assert f"{tmp_path}: no saved run of gone in this folder" in capsys.readouterr().err


def test_a_history_without_a_model_leaves_files_of_several_out(tmp_path, file, capsys):
    (tmp_path / "0001_x.json").write_text(file.read_text())

    assert main(["compare", "--history", str(tmp_path)]) == 2
    assert (
        "no saved run of one model in this folder or below; name a folder, pass --model NAME, or"
        in capsys.readouterr().err
    )


def test_a_stock_file_of_pytest_benchmark_has_no_models(tmp_path, capsys):
    (tmp_path / "stock.json").write_text('{"benchmarks": []}')

    assert main(["compare", *[str(tmp_path / "stock.json")] * 2, "--model=tiny"]) == 2
    assert "--model: needs the models of both runs, and a stock file of pytest-benchmark has none" in (
        capsys.readouterr().err
    )
