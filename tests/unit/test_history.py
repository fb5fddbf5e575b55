"""All saved runs of a machine: steps are found where they are, noise is not taken for one, and the newest run is a gate."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deploybench.bench import cli
from deploybench.bench.compare.history import history_of
from deploybench.bench.compare.saved_runs import SavedRun, SavedRuns, read_saved_runs
from deploybench.bench.compare.segments import steps
from deploybench.bench.compare.thresholds import Thresholds
from deploybench.bench.runs.measurement import Measurement
from deploybench.bench.runs.metrics import metrics_of
from deploybench.bench.runs.store import models_block, read_run, run_block
from deploybench.exporters.errors import RunFileError

KEPT = Path(__file__).parents[1] / "data" / "runs" / "schema-1.json"
RUN = read_run(KEPT)
SIMULATED = 200


def saved_runs(rows):
    """Runs of rows ``(rows, runs, processes)``: latency of as many variants, s."""
    runs = []
    for index in range(rows.shape[1]):
        measurements = tuple(
            Measurement(variant=f"v{row}", metric="latency", values=tuple(values), launches=tuple(range(len(values))))
            for row, values in enumerate(rows[:, index])
        )
        run = replace(RUN, measurements=measurements)
        runs.append(SavedRun(run=run, file=f"{index:04}_x.json", time=str(index), commit=f"{index:010x}", dirty=False))
    return SavedRuns(runs=tuple(runs), left_out={})


def found(rows, thresholds=None):
    """The change points of every row."""
    return [one.changes for one in history_of(saved_runs(rows), thresholds or Thresholds()).series]


def noise(rng, runs=20, within=0.02, between=0.0, rows=1):
    own = rng.normal(0, within, (rows, runs, 3)) + rng.normal(0, between, (rows, runs, 1))
    return np.exp(own)


@pytest.mark.parametrize(("runs", "between"), [(20, 0.0), (20, 0.02), (100, 0.02), (6, 0.0), (2, 0.0)])
def test_flat_series_have_no_change_point(runs, between):
    """At most one in twenty has one: whether it is processes that scatter or, in long series, whole runs."""
    rng = np.random.default_rng(runs)
    false = sum(bool(found(noise(rng, runs, between=between))[0]) for _ in range(SIMULATED))

    assert false <= 0.05 * SIMULATED


@pytest.mark.parametrize("between", [0.0, 0.02])
@pytest.mark.parametrize("at", [5, 10, 15])
def test_a_step_of_a_tenth_is_found_where_it_is(at, between):
    rng = np.random.default_rng(at)
    right = 0
    for _ in range(SIMULATED):
        series = noise(rng, within=0.02 * (not between), between=between)
        series[:, at:] *= 1.1
        right += [one.point for one in found(series)[0]] == [at]

    assert right >= 0.9 * SIMULATED


def test_its_size_lies_within_its_interval():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(SIMULATED):
        series = noise(rng)
        series[:, 10:] *= 1.1
        inside += [one.low <= 0.1 <= one.high and one.low > 0 for one in found(series)[0] if one.point == 10]

    assert sum(inside) >= 0.93 * len(inside) >= 0.8 * SIMULATED


def test_rows_that_scatter_between_runs_warn_of_each_other():
    """Three runs of one row cannot show that whole runs scatter; those of twenty rows can."""
    rng = np.random.default_rng(0)
    false = sum(bool(changes) for _ in range(20) for changes in found(noise(rng, runs=3, between=0.02, rows=20)))

    assert false <= 0.05 * 20 * 20


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_step_has_its_direction_and_levels(factor):
    series = noise(np.random.default_rng(0), runs=8)
    series[:, 6:] *= factor
    [[change]] = found(series)

    assert (change.point, change.direction) == (6, "worse" if factor > 1 else "better")
    assert change.after / change.before - 1 == pytest.approx(change.change)
    assert (change.before, change.after) == pytest.approx((1, factor), abs=0.02)


def test_a_step_below_the_threshold_is_none():
    series = noise(np.random.default_rng(0), within=0.001)
    series[:, 10:] *= 1.1

    assert found(series)[0]
    assert not found(series, Thresholds(by_metric={**Thresholds().by_metric, "latency": 0.2}))[0]


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ([], []),
        ([1.0], []),
        ([1.0] * 9, []),
        ([0.0] * 5 + [1.0] * 5, [5]),
        ([0.0] * 5 + [1.0] * 5 + [0.0] * 5, [5, 10]),
        ([1e9] * 5 + [1e9 + 1] * 5, [5]),
    ],
)
def test_steps_are_exact(values, at):
    assert steps(values, 0.01) == at


def write(folder, index, change=lambda block: None, **stock):
    """A saved run; later ones have higher numbers."""
    block = run_block(RUN)
    change(block)
    saved = {
        "datetime": f"2026-11-{index:02}T00:00:00+00:00",
        "commit_info": {"id": f"{index:02}" + "ab" * 19, "dirty": index == 4},
        "benchmarks": [],
        "deploybench": json.loads(json.dumps(block)),
        **stock,
    }
    path = folder / f"{index:04}_{f'{index:02}' + 'ab' * 19}_20261101_000000.json"
    path.write_text(json.dumps(saved), encoding="utf-8")
    return path


def slower(block):
    for one in block["measurements"]:
        if (one["variant"], one["metric"]) == ("onnx-fp32", "latency"):
            one["values"] = [1.2 * value for value in one["values"]]


def elsewhere(block):
    block["environment"]["cpu"] = "another"


def history(capsys, folder, *flags):
    code = cli.main(["compare", "--history", str(folder), *flags])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_row_that_became_worse_with_the_newest_run_fails(tmp_path, capsys):
    for index in (1, 2, 3):
        write(tmp_path, index)
    assert history(capsys, tmp_path)[0] == 0

    write(tmp_path, 4, slower)
    code, text, _ = history(capsys, tmp_path)
    assert code == 1
    unwrapped = " ".join(text.split())
    assert "onnx-fp32, latency 1×128: slower, 122 ms to 146 ms, +20.0 % (+" in unwrapped
    assert "from 0004_04abababab_20261101_000000.json on, commit 04abababab, dirty" in unwrapped
    assert "14 rows, 2 with a change point" in text
    assert text.splitlines()[-1] == "worse: 2 rows became worse with the newest run"
    assert max(map(len, text.splitlines())) <= 80

    commit = {"id": "04" + "ab" * 19, "dirty": False}
    write(tmp_path, 5, slower, commit_info=commit)  # the same commit, once more
    assert history(capsys, tmp_path)[0] == 1
    write(tmp_path, 5, slower)  # another one: known since the run before
    assert history(capsys, tmp_path)[0] == 0
    write(tmp_path, 6)  # faster again
    assert history(capsys, tmp_path)[0] == 0


def test_rows_that_the_newest_run_lacks_are_no_pass(tmp_path, capsys):
    for index in (1, 2, 3):
        write(tmp_path, index)
    write(tmp_path, 4, slower)
    write(tmp_path, 5, lambda block: block.update(measurements=block["measurements"][:1]))

    code, text, _ = history(capsys, tmp_path)
    assert code == 3
    assert " ".join(text.splitlines()[-1].split()).startswith("incomplete: the newest run lacks 13 rows")
    assert history(capsys, tmp_path, "--lenient")[0] == 0


def failing(block):
    block["variants"]["onnx-fp32"]["failed"] = "not the same model"
    block["measurements"] = [one for one in block["measurements"] if one["variant"] != "onnx-fp32"]


def test_a_variant_that_fails_run_after_run_is_never_a_pass(tmp_path, capsys):
    for index in (1, 2):
        write(tmp_path, index)
    for index in (3, 4, 5):
        write(tmp_path, index, failing)
        code, text, _ = history(capsys, tmp_path)
        assert code == 3
        assert "missing from the newest run: onnx-fp32 " in " ".join(text.split())
        assert text.splitlines()[-1].startswith("incomplete: the newest run lacks ")
    told = json.loads(history(capsys, tmp_path, "--format", "json")[1])

    assert (told["outcome"], told["exit_code"]) == ("incomplete", 3)
    assert "onnx-fp32 latency" in told["lacking"]


def test_a_project_that_wants_every_change_gets_steps_where_they_are():
    rows = np.array([[[100.0], [100.0], [200.0]]])
    runs = saved_runs(rows)
    measured = [replace(one.run.measurements[0], metric="artifact_size", launches=()) for one in runs.runs]
    changed = [
        replace(one, run=replace(one.run, measurements=(m,))) for one, m in zip(runs.runs, measured, strict=True)
    ]
    thresholds = Thresholds(by_metric={**Thresholds().by_metric, "artifact_size": 0.0})
    [series] = history_of(replace(runs, runs=tuple(changed)), thresholds).series

    assert [(one.point, round(one.change, 6)) for one in series.changes] == [(2, 1.0)]


def test_markdown_and_json_say_the_same(tmp_path, capsys):
    for index in (1, 2, 3):
        write(tmp_path, index)
    write(tmp_path, 4, slower)
    _, table, _ = history(capsys, tmp_path, "--format", "md")
    code, tidy, _ = history(capsys, tmp_path, "--format", "json")
    tidy = json.loads(tidy)

    assert code == 1
    assert table.count("| onnx-fp32") == 2
    changed = [one for one in tidy["series"] if one["changes"]]
    assert [len(one["values"]) for one in changed] == [4, 4]
    [change] = changed[0]["changes"]
    assert (change["commit"], change["dirty"], change["word"], change["point"]) == ("04abababab", True, "slower", 3)
    assert change["low"] < 0.2 < change["high"]
    assert [run["dirty"] for run in tidy["runs"]] == [False, False, False, True]


def test_a_change_that_takes_two_runs_to_be_told_is_still_worse():
    """A step of 2.5 standard deviations is not seen in the run that begins it."""
    late = 0
    for seed in range(40):
        rows = noise(np.random.default_rng(seed), runs=24, within=0.02)
        rows[:, 16:] *= 1.04
        worse = [bool(history_of(saved_runs(rows[:, :n]), Thresholds()).worse) for n in range(17, 25)]
        changed = [bool(found(rows[:, :n])[0]) for n in range(17, 25)]
        if True in changed:
            first = changed.index(True)
            assert worse[first]
            assert not any(worse[: changed.index(True)])
            late += first > 0

    assert late >= 5


def test_runs_not_comparable_with_the_newest_are_left_out_and_reported(tmp_path, capsys):
    write(tmp_path, 1, elsewhere)
    write(tmp_path, 2, elsewhere)
    write(tmp_path, 3)
    write(tmp_path, 4, lambda block: block.update(schema_version=99))
    (tmp_path / "torn.json").write_text("{")
    (tmp_path / "stock.json").write_text('{"benchmarks": []}')
    (tmp_path / "other.json").write_text("{}")
    models = [RUN, replace(RUN, checkpoint=replace(RUN.checkpoint, name="other"))]
    (tmp_path / "models.json").write_text(json.dumps({"deploybench": models_block(models)}))
    code, text, _ = history(capsys, tmp_path)
    text = " ".join(text.split())

    assert "left out: 2 files: CPU: another against AMD EPYC 7B13" in text
    assert "left out: 1 file: schema_version is 99" in text
    assert "left out: 1 file: not JSON" in text
    assert "left out: 1 file: a file of pytest-benchmark without" in text
    assert "left out: 1 file: a run of several models; look at one with --model NAME" in text
    assert "runs: 1 " in text
    assert code == 3
    assert text.endswith("incomplete: 2 files cannot be read")
    code, text, _ = history(capsys, tmp_path, "--lenient")
    assert code == 3
    assert text.splitlines()[-1] == "incomplete: nothing was compared"


def test_another_set_under_the_same_name_is_no_point_of_its_series(tmp_path, capsys):
    write(tmp_path, 1, lambda block: block["sets"][0].update(sha256="other"))
    write(tmp_path, 2)
    series = history_of(read_saved_runs(tmp_path), Thresholds()).series

    assert {one.runs for one in series if one.metric == "accuracy"} == {(1,)}
    assert {one.runs for one in series if one.metric in metrics_of("time")} == {(0, 1)}
    code, text, _ = history(capsys, tmp_path)
    assert code == 4
    assert "not comparable with earlier runs: torch-eager accuracy posts, onnx-fp32 accuracy posts" in (
        " ".join(text.split())
    )
    assert text.splitlines()[-1] == "incomparable: 2 rows of the newest run"
    assert history(capsys, tmp_path, "--lenient")[0] == 0


def without(block):
    block["measurements"] = [one for one in block["measurements"] if one["variant"] != "onnx-fp32"]


def other_examples(block):
    block["sets"][0].update(sha256="other")


@pytest.mark.parametrize(("change", "code"), [(slower, 1), (without, 3), (failing, 3), (other_examples, 4)])
def test_to_measure_the_same_commit_again_makes_nothing_innocent(tmp_path, capsys, change, code):
    for index in (1, 2, 3):
        write(tmp_path, index)
    write(tmp_path, 4, change)
    once, text, _ = history(capsys, tmp_path)
    write(tmp_path, 5, change, commit_info={"id": "04" + "ab" * 19, "dirty": False})
    again, text_again, _ = history(capsys, tmp_path)

    assert (once, again) == (code, code)
    assert text.splitlines()[-1] == text_again.splitlines()[-1]


def test_a_failure_is_not_forgiven(tmp_path, capsys):
    for index in (1, 2):
        write(tmp_path, index)
    write(tmp_path, 3, failing)

    assert history(capsys, tmp_path, "--lenient")[0] == 3


@pytest.mark.parametrize("time", [None, "garbage", 5])
def test_a_run_without_its_time_has_no_place_in_the_order(tmp_path, capsys, time):
    for index in (1, 2):
        write(tmp_path, index)
    write(tmp_path, 3, datetime=time)
    code, text, _ = history(capsys, tmp_path)

    assert code == 3
    assert "left out: 1 file: datetime is " in " ".join(text.split())


def test_hours_are_of_one_zone(tmp_path):
    write(tmp_path, 1, datetime="2026-11-01T12:00:00+02:00")
    write(tmp_path, 2, datetime="2026-11-01T11:00:00+00:00")
    write(tmp_path, 3, datetime="2026-11-01T10:30:00")

    assert [one.file[:4] for one in read_saved_runs(tmp_path).runs] == ["0001", "0003", "0002"]


def test_a_file_that_cannot_be_read_is_no_pass(tmp_path, capsys):
    """It may be the newest run: the gate would be that of the one before."""
    for index in (1, 2):
        write(tmp_path, index)
    assert history(capsys, tmp_path)[0] == 0
    (tmp_path / "0003_torn.json").write_text('{"benchmarks": [')
    code, text, _ = history(capsys, tmp_path)

    assert (code, text.splitlines()[-1]) == (3, "incomplete: 1 file cannot be read")
    assert history(capsys, tmp_path, "--lenient")[0] == 0


@pytest.mark.parametrize(("rate", "worse"), [(100.0, 1), (80.0, 0), (125.0, 1)])
def test_what_became_slower_as_the_machine_did_is_no_step(rate, worse):
    """And a machine that became faster excuses nothing."""
    rows = noise(np.random.default_rng(0), runs=6, within=0.005)
    rows[:, 5] *= 1.2
    runs = []
    for index, one in enumerate(saved_runs(rows).runs):
        rates = (rate if index == 5 else 100.0,)
        yardstick = Measurement(variant="machine", metric="yardstick_fp32", values=rates)
        row = replace(one.run.measurements[0], variant="torch-eager")
        runs.append(replace(one, run=replace(one.run, measurements=(row, yardstick))))
    history = history_of(SavedRuns(runs=tuple(runs), left_out={}), Thresholds())

    assert len(history.worse) == worse
    assert [change.drift for one in history.series for change in one.changes] == pytest.approx([100 / rate - 1] * worse)


def test_the_time_of_saving_decides_the_order(tmp_path):
    write(tmp_path, 9, slower, datetime="2026-10-01T00:00:00+00:00")
    for index in (1, 2, 3):
        write(tmp_path, index)
    saved = read_saved_runs(tmp_path)

    assert [one.file[:4] for one in saved.runs] == ["0009", "0001", "0002", "0003"]
    assert history_of(saved, Thresholds()).worse == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--history", "FOLDER", "x.json"), "--history: takes one folder and neither BASE nor CONTENDER"),
        (("--history", "FOLDER", "--all"), "'--all'"),
        (("--history", "nowhere"), "--history: 'nowhere' is no folder"),
        (("--history", "FOLDER"), "no saved run in this folder or below"),
        (("x.json",), "expected BASE and CONTENDER"),
        ((), "expected BASE and CONTENDER"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER").mkdir()

    assert cli.main(["compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_without_runs_has_no_history(tmp_path):
    with pytest.raises(RunFileError):
        read_saved_runs(tmp_path)
