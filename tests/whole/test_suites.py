"""The main job on a tiny real checkpoint: one variant of each runtime, a stock pytest-benchmark file."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import deploybench.suites
from deploybench.bench import cli
from deploybench.bench.analysis.figures import figures
from deploybench.bench.analysis.selection import default_selection
from deploybench.bench.measure.controls import CONTROLS
from deploybench.bench.measure.yardsticks import yardstick_readings
from deploybench.bench.pipeline.options import Options
from deploybench.bench.pipeline.recorder import Recorder
from deploybench.bench.pipeline.started_pytest import Handover
from deploybench.bench.pipeline.unlabelled import Unlabelled
from deploybench.bench.runs.journal import Journal
from deploybench.bench.runs.measurement import batch_shape
from deploybench.bench.runs.metrics import METRICS, YARDSTICKS
from deploybench.bench.runs.predictions import NO_LABEL, Scores, read_answers
from deploybench.bench.runs.store import read_run
from deploybench.exporters.errors import WorkerError
from deploybench.exporters.head import SINGLE_LABEL
from deploybench.suites import conftest
from deploybench.suites import test_accuracy as accuracy_suite
from deploybench.suites.pytest_benchmark_internals import StockSession

SUITES = str(Path(deploybench.suites.__file__).parent)
VARIANTS = ("torch-eager", "onnx-fp32", "openvino-int8")  # one of each runtime, and one in int8; tests/process has all
UNLABELLED_TEXTS = 30  # one of them is in the labelled set as well
SMALL = ["--batch-sizes=1,3", "--sequence-lengths=16,64", "--target-width=9"]


def run(folder, *command, **variables):
    command, env = [sys.executable, "-m", *command], {**os.environ, **variables}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)  # pytest shows it when a test fails
    return done


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory, checkpoint_folder, labelled_file):
    """`deploybench run`, whatever pytest is told elsewhere; its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    labelled_text = json.loads(labelled_file.read_text().splitlines()[0])["text"]
    texts = [labelled_text, *(f"a text without a label, number {place}" for place in range(1, UNLABELLED_TEXTS))]
    pd.DataFrame({"text": texts}).to_csv(folder / "plain.csv", index=False)
    done = run(
        folder,
        "deploybench.bench.cli",
        "run",
        f"--checkpoint={checkpoint_folder}",
        f"--external=small={labelled_file}",
        "--unlabelled=plain.csv",
        f"--variants={','.join(VARIANTS)}",
        *SMALL,
        PYTEST_ADDOPTS="-n 2",
    )
    return folder, done


@pytest.fixture(scope="module")
def saved(whole_run):
    folder, _ = whole_run
    return read_run(folder / "results")


def test_every_variant_is_measured_and_the_answer_is_one_screen(whole_run):
    _, done = whole_run
    lines = done.stderr.splitlines() + done.stdout.splitlines()

    assert done.returncode == 0
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    for name in VARIANTS:
        assert re.search(rf"^{name}!? ", done.stdout, re.MULTILINE)
    assert "failed" not in done.stdout
    assert "small (24 texts)" in done.stdout
    assert "\ntake " in done.stdout


def test_each_stage_is_one_line_where_there_is_no_terminal(whole_run):
    _, done = whole_run
    said, plan, *lines = (line for line in done.stderr.splitlines() if not line.startswith("texts without labels "))

    assert said.startswith("set small: 24 articles")
    assert plan.startswith("plan: export and check 3 variants (about ")
    stages = [line.partition(": ")[0] for line in lines]
    assert stages[0] == "exporting and checking 3 variants"
    assert sorted(stages[1:]) == ["accuracy", "invariance", "latency", "memory"]  # loading is timed on the way
    assert all(re.fullmatch(r".*: (\d+ min )?\d+ s", line) for line in lines)


def test_the_commands_at_the_end_work(whole_run):
    folder, done = whole_run
    line = re.search("^page: (.*)$", done.stdout, re.MULTILINE)[1].replace(
        "deploybench", f"{sys.executable} -m deploybench.bench.cli"
    )

    subprocess.run(line, shell=True, cwd=folder, check=True)
    assert (folder / "report.html").is_file()


def test_every_cell_holds_a_figure(saved):
    empty = [one for one in figures(saved) if one.status != "ok" and "predicted as" not in one.reason]

    assert {(one.metric, one.reason) for one in empty} <= {("latency_p99", "fewer than 300 values")}


def test_every_variant_is_the_same_model(saved):
    for name, info in saved.variants.items():
        assert info.failed == ""
        assert info.parity["agreement"] >= 0.95, name
        assert info.parity["examples"] >= (64 if info.precision == "int8" else 16)


def test_every_variant_ran_in_the_precision_that_it_is_called_after(saved):
    for name, info in saved.variants.items():
        assert list(info.executed) == [info.precision], name
        assert (info.executed_problem, info.executed_unknown) == ("", ""), name


def test_operations_are_counted_and_yardsticks_read_with_what_is_timed(saved):
    timed = {batch_shape(one.workload) for one in saved.measurements if one.metric == "latency"}

    assert set(saved.operations) == timed
    assert set(yardstick_readings(saved)) == set(YARDSTICKS)
    assert all(len(one.values) >= 2 for one in yardstick_readings(saved).values())


def test_the_stock_rows_hold_exactly_the_measured_values(saved):
    stock = json.loads(saved.path.read_text())
    latency = {
        (one.variant, one.workload.batch_size, one.workload.sequence_length): list(one.values)
        for one in saved.measurements
        if one.metric == "latency"
    }
    rows = [row for row in stock["benchmarks"] if row["extra_info"]["metric"] == "latency"]

    shorter = len(VARIANTS)  # of one batch size, without the controls
    assert len(rows) == len(latency) == 2 * len([*VARIANTS, *CONTROLS]) + shorter
    for row in rows:
        at = row["extra_info"]["workload"]
        key = row["extra_info"]["variant"], at["batch_size"], at["sequence_length"]
        assert row["stats"]["data"] == latency[key]
        assert row["extra_info"]["unit"] == "s"
        assert row["stats"]["rounds"] >= 5
        assert row["fullname"].startswith("suites/test_latency.py::test_")


def test_memory_rises_with_the_sequence_length(saved):
    for metric in ("peak_memory", "peak_resident"):
        for name in VARIANTS:
            by_length = [
                one.values[0]  # noqa: PD011 - no pandas
                for one in sorted(
                    saved.measurements, key=lambda one: one.workload.sequence_length if one.workload else 0
                )
                if one.metric == metric and one.variant == name
            ]
            assert len(by_length) == 2
            # This model's batches are smaller than the kernel's grain, and than what a runtime allocates one time and not
            # the next; the two plainest vary by Python's own objects alone, the others by what compare takes for a change. Real
            # models' runs are under results/.
            plain = metric == "peak_memory" and name in ("torch-eager", "onnx-fp32")
            assert by_length[1] > by_length[0] - (8192 if plain else METRICS["peak_memory"].compared.noise)


def test_predictions_are_stored_by_row_hash_and_hold_no_text(saved, labelled_file):
    frame = pd.read_parquet(saved.path.parent / saved.predictions)
    first_text = json.loads(labelled_file.read_text().splitlines()[0])["text"]

    assert len(frame) == (24 + UNLABELLED_TEXTS) * len(VARIANTS)
    assert list(frame.columns) == ["set", "row", "label", "tokens", "variant", "logit_0", "logit_1"]
    assert frame["row"].str.fullmatch("[0-9a-f]{16}").all()
    assert first_text not in (saved.path.parent / saved.predictions).read_bytes().decode("latin-1")
    frame = frame[frame["label"] != NO_LABEL]
    right = (frame["logit_1"] > frame["logit_0"]) == frame["label"].astype(bool)
    for one in figures(saved):
        if one.metric == "accuracy":
            assert one.value == right[frame["variant"] == one.variant].mean()


def test_texts_without_labels_decide_with_the_others_and_are_in_no_table(saved):
    drops = {one.variant: one.drop for one in default_selection(saved).candidates}

    assert {(one.texts, one.labelled) for one in drops.values()} == {(24 + UNLABELLED_TEXTS - 1, 24)}
    assert {one.data for one in figures(saved)} == {None, "small"}
    assert set(read_answers(saved)) == {"small"}


def test_stock_pytest_benchmark_compares_the_file(whole_run, saved):
    folder, _ = whole_run
    done = run(folder, "pytest_benchmark", "--storage=file://./results", "compare", saved.path.stem[:4])

    assert done.returncode == 0
    assert "test_latency[1-torch-eager]" in done.stdout


def test_artifacts_are_reused(whole_run, checkpoint_folder):
    folder, _ = whole_run
    manifests = {path: path.stat().st_mtime_ns for path in folder.rglob("manifest.json")}
    done = run(folder, "deploybench.bench.cli", "export", f"--checkpoint={checkpoint_folder}", "--variants=onnx-fp32")

    assert done.returncode == 0
    assert {path.parent.name for path in manifests} == {*VARIANTS, "openvino-fp32"}  # which openvino-int8 is made from
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("manifest.json")} == manifests


def test_pytest_alone_works_and_a_failed_variant_stays_in_every_table(tmp_path, fragile_checkpoint):
    done = run(
        *(tmp_path, "pytest", SUITES, "--benchmark-autosave", "-q", "-p", "no:cacheprovider"),
        *(
            f"--checkpoint={fragile_checkpoint}",
            "--variants=onnx-int8-dynamic",
            "--batch-sizes=1",
            "--target-width=9",
            "--threads=1",
        ),
    )
    saved = read_run(tmp_path / "results")
    failed = [one for one in figures(saved) if one.variant == "onnx-int8-dynamic"]

    assert done.returncode == 1
    assert {one.status for one in failed} == {"failed"}
    assert {one.metric for one in failed} >= {"latency", "throughput", "peak_memory", "artifact_size", "load_time"}
    assert all("not the same model as torch-eager: labels agree on" in one.reason for one in failed)
    assert "skipped" in done.stdout  # accuracy: no set was given, and it says so
    measured = {(one.status, one.reason) for one in figures(saved) if one.variant == "torch-eager"}
    assert measured - {("not_measured", "fewer than 300 values")} == {("ok", ""), ("not_measured", "no labelled set")}
    # The profile's lengths are longer than this checkpoint takes: memory is measured at its own.
    peaks = [one for one in figures(saved) if (one.variant, one.metric) == ("torch-eager", "peak_memory")]
    assert [(one.status, one.workload.sequence_length) for one in peaks] == [("ok", 64)]


MISTAKES = [
    (["--variants=onnx"], "unknown variant 'onnx'"),
    (["--checkpoint=./nowhere"], "nowhere: does not exist, expected the folder of a fine-tuned sequence classifier"),
    (["--checkpoint=arch:albert"], "unknown architecture 'albert'"),
    (["--external=missing.csv"], "missing.csv: no such file"),
    (["--sequence-lengths=1000"], "1000 tokens asked, tiny-albert takes at most 64"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys, checkpoint_folder, arguments, message):
    monkeypatch.chdir(tmp_path)
    given = [] if any(one.startswith("--checkpoint") for one in arguments) else [f"--checkpoint={checkpoint_folder}"]

    assert cli.main(["run", *given, *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.startswith("deploybench: error: ")
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert not list((tmp_path / "results").rglob("*.json"))


@pytest.mark.parametrize(("arguments", "message"), [MISTAKES[0], MISTAKES[-1]])  # in an option; of the checkpoint
def test_a_mistake_in_pytest_suites_is_one_line_and_exit_code_2(tmp_path, checkpoint_folder, arguments, message):
    done = run(tmp_path, "pytest", SUITES, f"--checkpoint={checkpoint_folder}", *arguments)

    assert done.returncode == 2
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((tmp_path / "results").rglob("*.json"))


UNWRITABLE = "cannot be written (Not a directory), expected a writable folder"


def test_a_place_that_cannot_be_saved_to_is_said_before_anything_is_made(
    tmp_path, monkeypatch, capsys, checkpoint_folder
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").write_text("no folder")

    assert cli.main(["run", f"--checkpoint={checkpoint_folder}", *SMALL]) == 2
    assert UNWRITABLE in capsys.readouterr().err
    assert not (tmp_path / ".deploybench" / "artifacts").exists()


def test_pytest_suites_says_it_before_anything_is_made_too(tmp_path, checkpoint_folder):
    (tmp_path / "results").write_text("no folder")
    done = run(tmp_path, "pytest", SUITES, "--benchmark-autosave", f"--checkpoint={checkpoint_folder}", *SMALL)

    assert done.returncode == 2
    assert UNWRITABLE in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / ".deploybench" / "artifacts").exists()


def test_options_that_are_handed_over_are_not_parsed_again():
    asked = Options(checkpoint="from the command line", threads=1)
    plugins = SimpleNamespace(get_plugin=lambda name: Handover([SimpleNamespace(options=asked)]))
    option = SimpleNamespace(checkpoint="a flag", benchmark_storage="file://./results", collectonly=True)
    config = SimpleNamespace(option=option, pluginmanager=plugins, stash={})
    conftest.pytest_configure(config)

    assert config.stash[conftest.OPTIONS] == (asked,)


def test_a_disk_that_is_full_in_the_end_is_one_line_and_the_cells_are_kept(tmp_path, capsys):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.keep((("a",), 1))
    recorder = SimpleNamespace(saved=None, unsaved="", journal=journal)
    full = SimpleNamespace(new_file=lambda name: tmp_path / "gone" / f"0001_{name}.json")
    conftest._save_whole(full, recorder, {}, "run")
    plugins = SimpleNamespace(get_plugin=lambda name: None)
    config = SimpleNamespace(
        stash={conftest.RECORDERS: {"": recorder}}, option=SimpleNamespace(benchmark_json=None), pluginmanager=plugins
    )
    session = SimpleNamespace(config=config, exitstatus=0)
    list(conftest.pytest_sessionfinish(session, pytest.ExitCode.OK))
    said = capsys.readouterr().err

    assert said.count("\n") == 1
    assert (
        "0001_run.json: cannot be written (No such file or directory); nothing was saved: the same command with" in said
    )
    assert session.exitstatus == 1
    assert (tmp_path / "journal.jsonl").exists()


def test_predictions_lie_beside_every_file_of_the_run(tmp_path, checkpoint_folder):
    """Of `--benchmark-json` as well: a comparison looks for them there. A text has its own length, wherever it is cut."""
    texts = ["short", "long " * 3000]
    labelled = SimpleNamespace(name="few", row_hashes=["a", "b"], labels=[0, 1], texts=texts)
    prepared = SimpleNamespace(
        options=Options(),
        checkpoint=SimpleNamespace(sha256="c" * 64, head=SINGLE_LABEL),
        sets=[labelled],
        unlabelled=Unlabelled(tokens={}),
        scoring_length=64,
        inputs=SimpleNamespace(tokenizer=checkpoint_folder),
    )
    scores = {("few", "onnx-fp32"): Scores(logits=np.zeros((2, 2), dtype=np.float32), seconds=(1.0,))}
    recorder = Recorder(prepared, scores=scores)
    folders = [tmp_path / "stored", tmp_path / "apart"]
    name = recorder.save_predictions(folders)

    assert [[one.name for one in folder.iterdir()] for folder in folders] == [[name], [name]]
    tokens = pd.read_parquet(folders[0] / name)["tokens"].tolist()
    assert 3 <= tokens[0] < 10
    assert tokens[1] >= 3000
    assert Recorder(prepared).save_predictions(folders) == ""


@pytest.mark.parametrize(
    ("asked", "folders"),
    [
        ({"autosave": True}, ["stored"]),
        ({"save": "name"}, ["stored"]),
        ({"json": Path("apart/run.json")}, ["apart"]),
        ({"autosave": True, "json": Path("apart/run.json")}, ["stored", "apart"]),
        ({}, []),
    ],
)
def test_where_a_run_is_saved(asked, folders):
    storage = SimpleNamespace(get=lambda name: Path("stored") / name)
    session = SimpleNamespace(**{"save": None, "autosave": None, "json": None, **asked}, storage=storage)
    stock = StockSession(SimpleNamespace(_benchmarksession=session))

    assert [str(one) for one in stock.folders()] == folders


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (WorkerError("onnx-fp32, scoring: the worker was killed by signal 9"), "was killed by signal 9"),
        (
            {"news": Scores(logits=np.full((2, 2), np.nan, dtype=np.float32), seconds=(1.0,))},
            "logits on news are not finite",
        ),
    ],
)
def test_a_variant_that_fails_while_scoring_is_recorded_as_failed(answer, reason):
    fixtures = {"artifact": Path(), "scored": lambda *_: answer}
    request = SimpleNamespace(getfixturevalue=fixtures.__getitem__)
    checkpoint = SimpleNamespace(random_weights=False, task="single-label")
    prepared = SimpleNamespace(checkpoint=checkpoint, sets=[SimpleNamespace(name="news")])
    recorder = Recorder(prepared)

    with pytest.raises(pytest.fail.Exception, match=reason):
        accuracy_suite.test_accuracy("", "onnx-fp32", "news", prepared, recorder, request)
    assert {(one.metric, one.status, one.data) for one in recorder.measurements} == {
        ("accuracy", "failed", "news"),
        ("scoring_time", "failed", "news"),
    }
    assert all(reason in one.reason for one in recorder.measurements)
