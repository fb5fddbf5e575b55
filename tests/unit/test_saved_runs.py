"""One saved run of every schema version, kept for ever: it is read, and a comparison with what became of it ends rightly."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deploybench.bench import cli
from deploybench.bench.runs import store
from deploybench.bench.runs.predictions import read_right
from deploybench.bench.runs.store import SCHEMA_VERSION, read_run

RUNS = sorted((Path(__file__).parents[1] / "data" / "runs").glob("schema-*.json"))


def version_of(path):
    return int(path.stem.removeprefix("schema-"))


@pytest.fixture(params=RUNS, ids=lambda path: path.stem)
def kept(request):
    return request.param


def lose_a_row(block):
    del block["measurements"][0]


def move(block):
    block["environment"]["cpu"] = "another"


def move_and_slow_down(block):
    move(block)
    grow(block, "artifact_size")


def grow(block, metric):
    for one in block["measurements"]:
        if one["metric"] == metric:
            one["values"] = [2 * value for value in one["values"]]


def lose_values(block):
    for one in block["measurements"]:
        one.update(values=[], launches=[], blocks=[])


def fail(block):
    name = block["plan"]["variants"][-1]
    block["variants"][name]["failed"] = "no graph"
    block["measurements"] = [one for one in block["measurements"] if one["variant"] != name]


def test_there_is_one_of_every_older_version():
    assert {version_of(path) for path in RUNS} >= {1, *range(1, SCHEMA_VERSION)}


def test_it_is_read(kept):
    run = read_run(kept)

    assert run.schema_version == version_of(kept)
    assert set(run.variants) == set(run.plan.variants)
    assert {(one.data, one.variant) for one in run.measurements if one.data} == set(read_right(run))
    assert "/work/" not in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda block: None, (0, "nothing worse: ")),
        (lambda block: grow(block, "latency"), (1, "slower")),
        (lose_a_row, (3, "incomplete: 1 row missing")),
        (fail, (3, "no graph")),
        (move, (4, "against another")),
        (move_and_slow_down, (1, "larger")),
        (lose_values, (4, "no raw values were saved")),
    ],
    ids=["same", "slower", "row lost", "failed", "another CPU", "another CPU and larger", "values lost"],
)
def test_it_is_compared_with_what_became_of_it(kept, tmp_path, capsys, change, expected):
    saved = json.loads(kept.read_text(encoding="utf-8"))
    change(saved["deploybench"])
    shutil.copy(kept.with_name(saved["deploybench"]["predictions"]), tmp_path)
    contender = tmp_path / "contender.json"
    contender.write_text(json.dumps(saved), encoding="utf-8")

    code, text = expected
    assert cli.main(["compare", str(kept), str(contender)]) == code
    assert text in " ".join(capsys.readouterr().out.split())


def test_a_run_against_itself_is_no_comparison(kept, capsys):
    """The newest run of a folder is the base itself where nothing was saved since."""
    for contender in (kept, kept.parent / "." / kept.name):
        assert cli.main(["compare", str(kept), str(contender)]) == 2
    assert "BASE and CONTENDER are the same file" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"PAR1 cut"])
def test_predictions_that_cannot_be_read_are_one_line(kept, tmp_path, capsys, content):
    contender = shutil.copy(kept, tmp_path / "contender.json")
    name = json.loads(kept.read_text(encoding="utf-8"))["deploybench"]["predictions"]
    (tmp_path / name).write_bytes(content)

    assert cli.main(["compare", str(kept), str(contender)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"{name}: no predictions can be read" in err


def doctored(kept, folder, **columns):
    """The run with these columns of its predictions changed."""
    contender = Path(shutil.copy(kept, folder / "contender.json"))
    name = json.loads(kept.read_text(encoding="utf-8"))["deploybench"]["predictions"]
    frame = pd.read_parquet(kept.with_name(name))
    frame = frame.sample(frac=1, random_state=0).assign(**columns)
    frame.to_parquet(folder / name)
    return contender


def test_predictions_are_paired_by_row(kept, tmp_path):
    right, shuffled = read_right(read_run(kept)), read_right(read_run(doctored(kept, tmp_path)))

    assert right.keys() == shuffled.keys()
    for place, found in right.items():
        np.testing.assert_array_equal(found, shuffled[place])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"logit_0": 9.0}, "accuracy of "),
        ({"logit_0": float("nan")}, "accuracy of "),
        ({"logit_0": "high"}, "no predictions can be read"),
        ({"label": "real"}, "no predictions can be read"),
    ],
)
def test_predictions_of_another_run_are_one_line(kept, tmp_path, capsys, columns, message):
    assert cli.main(["compare", str(kept), str(doctored(kept, tmp_path, **columns))]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert message in err


def spoilt(kept, folder, change):
    saved = json.loads(kept.read_text(encoding="utf-8"))
    change(saved["deploybench"])
    path = folder / "spoilt.json"
    path.write_text(json.dumps(saved), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda block: block["measurements"].append(block["measurements"][0]), "appears twice"),
        (lambda block: block["environment"].update(versions=[1]), "environment.versions is [1]"),
        (lambda block: block["environment"].update(kernels="x"), "environment.kernels is 'x'"),
        (lambda block: block["environment"].update(steal_share="much"), "environment.steal_share is 'much'"),
        (lambda block: block["measurements"][0]["values"].__setitem__(0, 10**400), "number out of range"),
        (lambda block: block["measurements"][0]["values"].__setitem__(0, float("nan")), "expected float"),
    ],
)
def test_a_run_that_was_changed_is_one_line(kept, tmp_path, capsys, change, message):
    assert cli.main(["compare", str(kept), str(spoilt(kept, tmp_path, change))]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("text", ["[" * 200_000, '{"deploybench": ' + "9" * 5_000 + "}"])
def test_what_json_cannot_hold_is_one_line(tmp_path, capsys, text):
    (tmp_path / "odd.json").write_text(text)
    assert cli.main(["report", str(tmp_path / "odd.json")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "odd.json: no saved run" in err


def test_an_unknown_fact_is_equal_to_itself(kept, tmp_path, capsys):
    path = spoilt(kept, tmp_path, lambda block: block["environment"].update(cpu=float("nan")))
    other = shutil.copy(path, tmp_path / "other.json")
    cli.main(["compare", str(path), str(other), "--format", "json"])

    assert "CPU: " not in json.dumps(json.loads(capsys.readouterr().out))


def test_a_version_that_only_adds_optional_fields_needs_no_migration(kept, monkeypatch):
    monkeypatch.setattr(store, "SCHEMA_VERSION", SCHEMA_VERSION + 1)

    assert read_run(kept).schema_version == version_of(kept)
