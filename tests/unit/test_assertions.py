"""What a test says of a run's variants: each verdict, on saved runs, and the line of each failure and each mistake."""

import json
import shutil
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from several import save_models
from shipped import ROOT, shipped

from deploybench.bench.runs.baseline import save_baseline
from deploybench.bench.runs.store import read_runs
from deploybench.exporters.errors import UserError
from deploybench.suites.plugin import Deploybench, UndecidedWarning

RUNS = {path.name[:4]: path for path in shipped("*/[0-9]*.json")}
FAILED = "torch-int8-dynamic"  # of run 0025
LATENCY = "latency cannot be compared: "


class Folders:
    """As pytest's factory of temporary folders."""

    def __init__(self, folder):
        self.folder = folder

    def mktemp(self, name):
        made = self.folder / name
        made.mkdir()
        return made


@pytest.fixture
def given(tmp_path):
    """The fixture in a session with these options."""

    def made(**options):
        config = SimpleNamespace(
            getoption=lambda flag, default=None: options.get(flag.removeprefix("--deploybench-"), default)
        )
        return Deploybench(config, Folders(tmp_path))

    return made


@pytest.fixture
def rows(given):
    return given().read_run(RUNS["0025"])


def changed(name, folder, change):
    """A copy of a saved run in ``folder`` with ``change`` made to its block."""
    path = RUNS[name]
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content["deploybench"])
    shutil.copy(path.parent / content["deploybench"]["predictions"], folder)
    copy = folder / path.name
    copy.write_text(json.dumps(content), encoding="utf-8")
    return copy


def slowed(factor, variant="onnx-fp32"):
    def change(block):
        for one in block["measurements"]:
            if (one["variant"], one["metric"]) == (variant, "latency"):
                one["values"] = [value * factor for value in one["values"]]

    return change


def without(shape, variant="onnx-fp32"):
    def change(block):
        block["measurements"] = [
            one
            for one in block["measurements"]
            if (one["variant"], one["metric"]) != (variant, "latency") or one["workload"]["batch_size"] not in shape
        ]

    return change


def failure(assertion):
    """The line of a failed assertion."""
    with pytest.raises(AssertionError) as caught:
        assertion()
    return one_line_of(caught)


def mistake(assertion):
    """The line of a mistake, which is no failed assertion."""
    with pytest.raises(pytest.fail.Exception) as caught:
        assertion()
    return one_line_of(caught)


def one_line_of(caught):
    [line] = str(caught.value).splitlines()
    assert caught.value.__cause__ is caught.value.__context__ is None  # pytest would show it
    return line


def test_what_holds_passes_in_silence(rows, given, tmp_path):
    base = changed("0025", tmp_path, slowed(1.02))
    with warnings.catch_warnings(action="error"):
        rows["openvino-bf16"].assert_keeps_accuracy(0.99)
        rows["onnx-fp32"].assert_keeps_accuracy(1.0)  # the same model: nothing is lost
        rows["openvino-int8"].assert_size_below("23.5MB")
        rows["onnx-fp32"].assert_not_slower(base, by=0.1)
        given(baseline=base).read_run(RUNS["0025"])["onnx-fp32"].assert_not_slower(by=0.1)


def test_a_failure_says_what_was_found_and_what_was_expected(rows, tmp_path):
    base = changed("0025", tmp_path, slowed(1 / 1.3))
    line = failure(lambda: rows["onnx-fp32"].assert_not_slower(base, by=0.05))
    assert line.startswith("onnx-fp32: latency 8×512 changed by +30.0 % (+2")
    assert line.endswith(f" (and 2 other rows), expected at most +5.0 % against {base}")
    assert failure(lambda: rows["onnx-fp32"].assert_size_below("50 MB")) == (
        "onnx-fp32: takes 91.0 MB on disk, expected at most 50 MB"
    )


def test_an_undecided_accuracy_fails_and_says_what_would_decide(rows):
    assert failure(lambda: rows["onnx-int8-dynamic"].assert_keeps_accuracy(0.99)) == (
        "onnx-int8-dynamic: keeps 0.997 (0.988 to 1.005) of torch-eager's accuracy, expected at least 0.99: undecided; "
        "some 680 more labelled texts would decide"
    )
    rows["openvino-int8"].assert_keeps_accuracy(0.99)
    assert "(0.984 to 1.012)" in failure(lambda: rows["openvino-int8"].assert_keeps_accuracy(0.99, on="newsmix"))


def test_a_lost_accuracy_fails(tmp_path, given):
    def worse(block):
        file = RUNS["0025"].parent / block["predictions"]
        frame = pd.read_parquet(file)
        logits, ours = ["logit_0", "logit_1"], frame["variant"] == "onnx-fp32"
        lost = ours & (np.arange(len(frame)) % 10 == 0)
        frame.loc[lost, logits] = frame.loc[lost, logits[::-1]].to_numpy()
        (tmp_path / "changed").mkdir()
        frame.to_parquet(tmp_path / "changed" / file.name)
        for one in block["measurements"]:
            if (one["variant"], one["metric"]) == ("onnx-fp32", "accuracy"):
                own = frame[ours & (frame["set"] == one["data"])]
                one["values"] = (own[logits].to_numpy().argmax(axis=1) == own["label"]).astype(float).tolist()

    run = changed("0025", tmp_path, worse)
    [made] = (tmp_path / "changed").iterdir()
    shutil.move(made, run.parent / made.name)

    line = failure(lambda: given().read_run(run)["onnx-fp32"].assert_keeps_accuracy(0.99))
    assert line.startswith("onnx-fp32: keeps 0.9")
    assert line.endswith(" of torch-eager's accuracy, expected at least 0.99")


def test_an_undecided_latency_warns(rows, tmp_path):
    base = changed("0025", tmp_path, slowed(1 / 1.1))
    with pytest.warns(UndecidedWarning) as caught:
        rows["onnx-fp32"].assert_not_slower(base, by=0.1)

    [warning] = caught
    assert warning.filename == __file__
    assert str(warning.message).endswith(f"expected at most +10.0 % against {base}: undecided")


def test_what_may_be_chance_among_many_rows_is_undecided(rows, tmp_path):
    """Though the interval of that row alone is above the limit."""
    base = changed("0025", tmp_path, slowed(1 / 1.105))
    with pytest.warns(UndecidedWarning, match=r"\+10\.5 % \(\+"):
        rows["onnx-fp32"].assert_not_slower(base, by=0.0)


def test_a_latency_that_one_side_lacks_is_undecided_but_none_is_a_failure(given, tmp_path):
    (tmp_path / "base").mkdir()
    fewer = given().read_run(changed("0025", tmp_path, without({8})))
    with pytest.warns(UndecidedWarning, match="onnx-fp32: latency 8×512: .*: undecided"):
        fewer["onnx-fp32"].assert_not_slower(RUNS["0025"], by=0.2)
    none = changed("0025", tmp_path / "base", without({1, 8, 32}))
    line = failure(lambda: given().read_run(RUNS["0025"])["onnx-fp32"].assert_not_slower(none, by=0.1))
    assert line == f"onnx-fp32: {LATENCY}the baseline did not measure it; expected at most +10.0 % against {none}"


def test_another_machine_or_model_is_not_compared(rows, tmp_path):
    other = changed("0025", tmp_path, lambda block: block["environment"].update(cpu="another"))
    row = rows["onnx-fp32"]

    assert f"{LATENCY}CPU: another against AMD EPYC" in failure(lambda: row.assert_not_slower(other, by=0.05))
    assert f"{LATENCY}architecture: albert against" in failure(lambda: row.assert_not_slower(RUNS["0026"], by=0.05))


@pytest.mark.parametrize(
    "expect",
    [
        lambda row: row.assert_not_slower(RUNS["0024"], by=0.05),
        lambda row: row.assert_keeps_accuracy(0.5),
        lambda row: row.assert_size_below("1 GB"),
    ],
)
def test_a_variant_that_failed_is_never_as_expected(rows, expect):
    assert "not the same model as torch-eager: labels agree on 0.935" in failure(lambda: expect(rows[FAILED]))


def test_accuracy_without_labelled_texts_is_not_known(given, tmp_path):
    lost = tmp_path / RUNS["0025"].name
    shutil.copy(RUNS["0025"], lost)
    row = given().read_run(lost)["onnx-fp32"]

    assert "accuracy kept is not known: its predictions" in failure(lambda: row.assert_keeps_accuracy(0.9))


@pytest.mark.parametrize(
    ("assertion", "line"),
    [
        (lambda row: row.assert_size_below("13 parsecs"), "'13 parsecs', expected a number with MB or GB"),
        (lambda row: row.assert_size_below("MB"), "'MB', expected"),
        (lambda row: row.assert_keeps_accuracy(99), "found 99, expected a share from 0 to 1; 99 % is 0.99"),
        (lambda row: row.assert_keeps_accuracy(0.9, on="newsmx"), "did you mean 'newsmix'?"),
        (lambda row: row.assert_not_slower(RUNS["0024"], by=5), "by is 5, expected a share"),
        (
            lambda row: row.assert_not_slower(by=0.1),
            "found no baseline, expected one as its argument or as --deploybench-baseline",
        ),
        (lambda row: row.assert_not_slower("nowhere.json", by=0.1), "nowhere.json: no such file"),
        (lambda row: row.assert_not_slower(RUNS["0025"], by=0.1), "is the run itself"),
        (lambda row: row.assert_not_slower(__file__, by=0.1), "not JSON"),
    ],
)
def test_a_mistake_is_one_line(rows, assertion, line):
    assert line in mistake(lambda: assertion(rows["onnx-fp32"]))


def test_an_unknown_variant_is_one_line(rows):
    assert mistake(lambda: rows["onnx-fp31"]).startswith(
        "'onnx-fp31' is not in the run; did you mean 'onnx-fp32'? its variants: "
    )
    assert list(rows) == list(rows.run.variants)


def test_a_baseline_file_is_read_once(rows, given, tmp_path):
    base = changed("0025", tmp_path, slowed(1.02))
    [run] = read_runs(base)
    save_baseline(tmp_path / "baseline.zip", base, {run.predictions: tmp_path / run.predictions}, {})
    session = given(baseline=tmp_path / "baseline.zip")
    for _ in range(2):
        session.read_run(RUNS["0025"])["onnx-fp32"].assert_not_slower(by=0.1)
    assert [one.name for one in tmp_path.iterdir() if one.is_dir()] == ["baseline"]


def test_of_several_models_each_has_its_rows(given, tmp_path):
    rows = given(baseline=save_models(tmp_path / "base")).read_run(save_models(tmp_path / "new"))

    assert "albert/onnx-fp32" in rows
    rows["org/minilm/openvino-int8"].assert_not_slower(by=0.1)
    line = failure(lambda: rows["albert/openvino-int8"].assert_size_below("12 MB"))
    assert line == "openvino-int8: takes 12.9 MB on disk, expected at most 12 MB"


def test_a_worker_of_xdist_is_refused_once_and_a_saved_run_is_not(given):
    session = given()
    session._config.workerinput = {"workercount": 4}
    session._config.option = SimpleNamespace(collectonly=False)
    assert mistake(lambda: session.run("nowhere")).startswith("-n: found 4 workers of pytest-xdist, expected none: ")
    assert session.read_run(RUNS["0025"])["onnx-fp32"]


@pytest.mark.process
def test_the_plugin_imports_pytest_alone():
    code = "import sys, pytest; before = {*sys.modules}; import deploybench.suites.plugin; print(*({*sys.modules} - before))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert sorted(found) == ["deploybench", "deploybench.suites", "deploybench.suites.plugin"]


def test_a_baseline_may_be_a_run_or_its_rows(rows, given, tmp_path):
    slow = given().read_run(changed("0025", tmp_path, slowed(0.5)))
    for baseline in (slow, slow.run):
        line = failure(lambda baseline=baseline: rows["onnx-fp32"].assert_not_slower(baseline, by=0.05))
        assert "expected at most +5.0 % against" in line


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"budget": -1.0}, "--deploybench-budget: found -1, expected a number of seconds above 0; correct it"),
        ({"baseline": "nowhere.json"}, "nowhere.json: no such file"),
    ],
)
def test_options_are_checked_before_anything_is_measured(given, options, line):
    with pytest.raises(UserError) as caught:
        given(**options).check_options()
    assert str(caught.value).startswith(line)
