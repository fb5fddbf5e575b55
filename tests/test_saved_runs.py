"""One saved run of every schema version, kept for ever: it is read, and a comparison with what became of it ends rightly."""

import json
import shutil
from pathlib import Path

import pytest

from bench import cli
from bench.saved import store
from bench.saved.predictions import read_right
from bench.saved.store import SCHEMA_VERSION, read_run

RUNS = sorted((Path(__file__).parent / "data" / "runs").glob("schema-*.json"))


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
    assert f"{name}: holds no predictions" in err


def test_an_older_version_is_brought_up_to_this_one(kept, monkeypatch):
    """A version that only adds optional fields needs no migration; one that renames has it in one place."""
    newest = SCHEMA_VERSION + 1
    monkeypatch.setattr(store, "SCHEMA_VERSION", newest)
    assert read_run(kept).schema_version == version_of(kept)

    monkeypatch.setitem(store._MIGRATIONS, newest - 1, lambda block: {**block, "predictions": "renamed"})
    assert read_run(kept).predictions == "renamed"
