"""A saved run: what is written is read again, and what cannot be read is refused in one line."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.metrics import METRICS
from deploybench.bench.runs.store import MODELS_VERSION, Run, VariantInfo, models_block, read_run, read_runs, run_block
from deploybench.exporters.errors import RunFileError

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"  # schema 1 stays readable; never written anew
MACHINE = "Linux-CPython-3.11-64bit"

WORKLOADS = st.builds(
    Workload,
    batch_size=st.integers(1, 64),
    sequence_length=st.integers(1, 512),
    padding=st.sampled_from(["full", "longest"]),
    threads=st.integers(1, 64),
)


@st.composite
def measurements(draw):
    values = tuple(draw(st.lists(st.floats(min_value=0, allow_nan=False, allow_infinity=False), max_size=5)))
    places = st.sampled_from([(), tuple(range(len(values)))])
    return Measurement(
        variant=draw(st.text()),
        metric=draw(st.sampled_from(sorted(METRICS))),
        values=values,
        workload=draw(st.none() | WORKLOADS),
        status=draw(st.sampled_from(["ok", "failed", "not_measured"])),
        reason=draw(st.text()),
        data=draw(st.none() | st.text()),
        launches=draw(places),
        blocks=draw(places),
        confusion=draw(st.sampled_from([(), ((1, 2), (3, 4))])),
    )


@pytest.fixture
def saved():
    """The sample as parsed JSON, to be changed."""
    return json.loads(SAMPLE.read_text(encoding="utf-8"))


def write(path, saved):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(saved if isinstance(saved, str) else json.dumps(saved), encoding="utf-8")
    return path


def refusal(path):
    """The one line with which a path is refused."""
    with pytest.raises(RunFileError) as caught:
        read_run(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_sample_is_read():
    run = read_run(SAMPLE)

    assert (run.path, run.schema_version, len(run.variants)) == (SAMPLE, 1, 7)
    assert run.checkpoint.labels == ("real", "fake")
    assert 18 == len(run.measurements[0].values) == len(run.measurements[0].launches)
    assert Workload(batch_size=1, sequence_length=128, padding="full", threads=2) == run.measurements[0].workload


def test_block_is_everything_of_a_run_but_its_path(saved):
    block = run_block(read_run(SAMPLE))

    assert {part.name for part in fields(Run)} - {"path"} == set(block)
    assert is_kept(saved["deploybench"], json.loads(json.dumps(block)))


def is_kept(old, new):
    """Whether all of ``old`` is in ``new``: a file saved before a field existed lacks it."""
    if isinstance(old, dict):
        return all(key in new and is_kept(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        return len(old) == len(new) and all(map(is_kept, old, new))
    return old == new


def test_a_file_saved_before_executed_formats_were_recorded_has_none():
    info = read_run(SAMPLE).variants["onnx-fp32"]

    assert (info.executed, info.executed_attention, info.executed_problem, info.executed_unknown) == ({}, {}, "", "")


def place(one):
    return one.variant, one.metric, one.workload, one.data


@settings(max_examples=30)
@given(
    found=st.lists(measurements(), max_size=4, unique_by=place),
    environment=st.dictionaries(st.text(), st.integers() | st.text()),
)
def test_what_is_written_is_read_again(tmp_path_factory, found, environment):
    path = tmp_path_factory.mktemp("run") / "run.json"
    info = VariantInfo(runtime="torch", precision="fp32", parity={"max_abs_diff": float("inf")})
    run = replace(
        read_run(SAMPLE), path=path, measurements=tuple(found), environment=environment, variants={"torch-eager": info}
    )
    write(path, {"benchmarks": [], "deploybench": run_block(run)})

    assert run == read_run(path)


def test_what_has_a_default_may_be_absent(tmp_path, saved):
    del saved["deploybench"]["measurements"][0]["data"], saved["deploybench"]["predictions"]
    run = read_run(write(tmp_path / "run.json", saved))

    assert (run.measurements[0].data, run.predictions) == (None, "")


def test_folder_gives_its_highest_number(tmp_path, saved):
    """The number decides, not the name and not the time of the file: a checkout gives all files the same one."""
    for name in ("0009_b_20260101_000000.json", "0010_a_20250101_000000.json", "notes.json"):
        write(tmp_path / MACHINE / name, saved)

    assert tmp_path / MACHINE / "0010_a_20250101_000000.json" == read_run(tmp_path).path


def test_of_two_machines_the_later_run_is_given(tmp_path, saved):
    late = write(tmp_path / "a" / MACHINE / "0001_x_1.json", {**saved, "datetime": "2026-08-01T00:00:00+00:00"})
    write(tmp_path / "b" / MACHINE / "0007_y_2.json", {**saved, "datetime": "2026-08-01T01:30:00+02:00"})  # 23:30 UTC

    assert late == read_run(str(tmp_path)).path


def test_stock_files_in_a_folder_are_passed_over(tmp_path, saved):
    run = write(tmp_path / MACHINE / "0001_x_1.json", saved)
    write(tmp_path / MACHINE / "0002_x_2.json", {"benchmarks": []})

    assert run == read_run(tmp_path).path


def test_folder_without_runs_is_refused(tmp_path):
    write(tmp_path / "tidy.json", "[]")

    assert refusal(tmp_path).startswith(f"{tmp_path}: no saved run in this folder, expected files such as ")


def test_torn_newest_run_is_refused_and_no_older_one_taken(tmp_path, saved):
    write(tmp_path / MACHINE / "0001_x_1.json", saved)
    torn = write(tmp_path / MACHINE / "0002_x_2.json", SAMPLE.read_text(encoding="utf-8")[:5000])

    assert refusal(tmp_path).startswith(f"{torn}: not JSON, line ")


def test_missing_file_is_refused(tmp_path):
    path = tmp_path / "absent.json"

    assert f"{path}: no such file; expected a saved run, or a folder of saved runs" == refusal(path)


@pytest.mark.parametrize("saved", ['{"benchmarks": []}', "[]", "null", '{"deploybench": 3}'])
def test_file_without_our_block_is_refused(tmp_path, saved):
    assert "no 'deploybench' block" in refusal(write(tmp_path / "run.json", saved))


@pytest.mark.parametrize("content", [b"", b"{", b"\x80\x00 not text", b"{'a': 1}"])
def test_what_is_not_json_is_refused(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)

    assert refusal(path).startswith(f"{path}: not JSON, ")


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        (MODELS_VERSION + 1, "update deploybench"),
        (MODELS_VERSION, "measure again"),
        (0, "measure again"),
        (None, "measure again"),
        ("1", "measure again"),
        (True, "measure again"),
    ],
)
def test_other_schema_version_is_refused(tmp_path, saved, version, remedy):
    saved["deploybench"]["schema_version"] = version
    path = write(tmp_path / "run.json", saved)

    message = refusal(path)
    assert message.startswith(f"{path}: schema_version is {version!r}, this deploybench reads 1")
    assert message.endswith(f"; {remedy}")


def without(*keys):
    def spoil(block):
        for key in keys[:-1]:
            block = block[key]
        del block[keys[-1]]

    return spoil


def with_value(value, *keys):
    def spoil(block):
        for key in keys[:-1]:
            block = block[key]
        block[keys[-1]] = value

    return spoil


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (without("plan"), "deploybench.plan is missing"),
        (without("plan", "threads"), "deploybench.plan.threads is missing"),
        (without("sets", 0, "rows"), "deploybench.sets[0].rows is missing"),
        (without("measurements", 4, "metric"), "deploybench.measurements[4].metric is missing"),
        (with_value([], "plan"), "deploybench.plan is [], expected object, got array"),
        (with_value("2", "plan", "threads"), "deploybench.plan.threads is '2', expected int"),
        (with_value(True, "plan", "threads"), "deploybench.plan.threads is True, expected int"),
        (with_value([1, "8"], "plan", "batch_sizes"), "deploybench.plan.batch_sizes[1] is '8', expected int"),
        (
            with_value("fine", "measurements", 0, "status"),
            "deploybench.measurements[0].status is 'fine', none of the values",
        ),
        (with_value("speed", "measurements", 0, "metric"), "('torch-eager' 'speed'): unknown metric"),
        (with_value([0], "measurements", 0, "blocks"), "launches and blocks do not match its 18 values"),
        (with_value([[1]], "measurements", 0, "confusion"), "its confusion matrix does not match 2 labels"),
        (with_value([[1], [2, 3]], "measurements", 0, "confusion"), "its confusion matrix does not match 2 labels"),
        (with_value([float("inf")] * 18, "measurements", 0, "values"), "a value is not a finite number"),
        (with_value([], "plan", "sequence_lengths"), "plan.sequence_lengths is [], expected array of length >= 1"),
        (with_value([], "checkpoint", "labels"), "checkpoint.labels is [], expected array of length >= 1"),
        (with_value(3, "variants", "onnx-fp32", "runtime"), "deploybench.variants[...].runtime: Expected str, got int"),
        (with_value("2", "environment", "cores"), "deploybench.environment.cores is '2', expected int | null, got str"),
    ],
)
def test_spoilt_block_is_refused_by_the_place(tmp_path, saved, spoil, complaint):
    spoil(saved["deploybench"])

    assert complaint in refusal(write(tmp_path / "run.json", saved))


# Several models


@pytest.fixture
def models():
    run = read_run(SAMPLE)
    return [replace(run, checkpoint=replace(run.checkpoint, name=name)) for name in ("large", "small")]


def refusal_of_models(path):
    with pytest.raises(RunFileError) as caught:
        read_runs(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_runs_of_several_models_are_read_again_in_the_order_given(tmp_path, models):
    path = write(tmp_path / MACHINE / "0001_x_1.json", {"datetime": "2026-08-01", "deploybench": models_block(models)})

    expected = tuple(replace(run, path=path) for run in models)
    assert read_runs(path) == read_runs(tmp_path) == expected
    assert [run.checkpoint.name for run in read_runs(path)] == ["large", "small"]


def test_a_file_of_one_model_is_a_tuple_of_one():
    assert read_runs(SAMPLE) == (read_run(SAMPLE),)


def test_where_one_run_is_expected_a_file_of_several_is_refused(tmp_path, models):
    path = write(tmp_path / "run.json", {"deploybench": models_block(models)})

    expected = f"{path}: a run of several models, expected that of one; see them all with: deploybench report {path}"
    assert refusal(path) == expected


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (with_value(MODELS_VERSION + 1, "schema_version"), "schema_version is 4, this deploybench reads 1 to 2"),
        (with_value([], "models"), "deploybench.models is [], expected a list of blocks"),
        (with_value({}, "models"), "deploybench.models is {}, expected a list of blocks"),
        (with_value([3], "models"), "no 'deploybench' block in this file"),
        (
            with_value("small", "models", 0, "checkpoint", "name"),
            "model 'small' appears twice, expected each name once",
        ),
        (with_value("2", "models", 1, "plan", "threads"), "deploybench.plan.threads is '2', expected int"),
        (
            with_value(MODELS_VERSION, "models", 0, "schema_version"),
            "schema_version is 3, this deploybench reads 1 to 2",
        ),
    ],
)
def test_a_spoilt_file_of_several_models_is_refused(tmp_path, models, spoil, complaint):
    saved = {"deploybench": json.loads(json.dumps(models_block(models)))}
    spoil(saved["deploybench"])

    assert complaint in refusal_of_models(write(tmp_path / "run.json", saved))
