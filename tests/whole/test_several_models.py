"""A run of several checkpoints: prepared in turn, timed together on the same texts, saved in one file, killed and resumed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes.calls import write_inputs_but_of_bad

from deploybench.bench import cli
from deploybench.bench.analysis.models.selection import default_models_selection
from deploybench.bench.analysis.speed_ups import speed_ups
from deploybench.bench.pipeline.checkpoints import find_checkpoint, own_name
from deploybench.bench.pipeline.exports import artifacts_folder
from deploybench.bench.pipeline.options import Options
from deploybench.bench.runs.store import read_runs
from deploybench.suites.studies.harness.kills import kill_and_resume

# Every launch that is planned and no more, however slow the machine is.
SMALL = ("--variants=onnx-fp32", "--batch-sizes=1", "--threads=1", "--time-budget=900", "--target-width=9")


@pytest.fixture(scope="module")
def command(checkpoint_folder, fragile_checkpoint, labelled_file):
    """Two models under names, on one labelled set."""
    models = (f"--checkpoint=sure={checkpoint_folder}", f"--checkpoint=fragile={fragile_checkpoint}")
    return [*models, f"--external={labelled_file}", *SMALL]


@pytest.fixture(scope="module")
def measured(command, tmp_path_factory):
    """Folder, and the finished process of the command."""
    folder = tmp_path_factory.mktemp("models")
    done = subprocess.run(
        [sys.executable, "-m", "deploybench.bench.cli", "run", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return folder, done


def test_one_file_holds_a_whole_run_of_each_model(measured):
    folder, done = measured
    assert done.returncode == 0, done.stderr
    runs = read_runs(folder / "results")

    assert [run.checkpoint.name for run in runs] == ["sure", "fragile"]
    for run in runs:
        metrics = {(one.variant, one.metric) for one in run.measurements if one.status == "ok"}
        for variant in ("torch-eager", "onnx-fp32"):
            assert {(variant, metric) for metric in ("latency", "accuracy", "peak_memory", "load_time")} <= metrics
        assert run.checkpoint.effective_parameters > run.checkpoint.num_parameters  # its two layers share their weights
    assert runs[0].sets == runs[1].sets
    assert runs[0].predictions != runs[1].predictions
    assert all((folder / "results" / runs[0].path.parent.name / run.predictions).is_file() for run in runs)


def test_models_are_timed_in_the_same_launches_on_the_same_texts(measured):
    runs = read_runs(measured[0] / "results")
    rows = [one for run in runs for one in run.measurements if one.metric == "latency" and len(set(one.blocks)) > 1]
    own = [one for one in rows if one.variant in ("torch-eager", "onnx-fp32")]

    assert len(own) == 4
    assert len({(one.launches[0], one.launches[-1], max(one.blocks)) for one in own}) == 1
    assert runs[0].plan.text_lengths == runs[1].plan.text_lengths  # they have the same tokenizer
    assert all(speed_ups(run)["onnx-fp32", 1].low for run in runs)


def test_the_screen_names_models_and_ends_with_a_pair_to_take(measured):
    folder, done = measured
    lines = done.stdout.splitlines()

    assert len(lines) + len(done.stderr.splitlines()) <= 41
    assert all(len(line) <= 80 for line in lines)
    best = default_models_selection(read_runs(folder / "results")).best
    assert any(line.startswith(f"take {best.variant}") for line in lines) if best else "take none" in done.stdout
    assert any(line.startswith("sure/torch-eager") for line in lines)


def test_rows_of_the_stock_file_name_the_model(measured):
    [file] = (measured[0] / "results").glob("*/*.json")
    rows = json.loads(file.read_text())["benchmarks"]

    assert {row["extra_info"]["model"] for row in rows if "control" not in row["name"]} == {"sure", "fragile"}
    assert "test_latency[1-fragile/onnx-fp32]" in {row["name"] for row in rows}


def test_saved_runs_are_compared_model_by_model(measured, tmp_path, capsys):
    """With the same run saved again, and with one that lacks a model."""
    results = measured[0] / "results"
    again = Path(shutil.copytree(results, tmp_path / "again"))
    [file] = again.glob("*/*.json")

    def compared():
        code = cli.main(["compare", str(results), str(again), "--format=json"])
        changes = json.loads(capsys.readouterr().out)["changes"]
        return code, {(one["variant"].split("/")[0], one["verdict"]) for one in changes}

    same = "no detectable change"
    assert compared() == (0, {("sure", same), ("fragile", same)})
    content = json.loads(file.read_text())
    del content["deploybench"]["models"][1]
    file.write_text(json.dumps(content))
    assert compared() == (3, {("sure", same), ("fragile", "missing")})


def test_a_single_model_may_have_a_name(checkpoint_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert cli.main(["run", f"--checkpoint=mine={checkpoint_folder}", "--sequence-lengths=8", *SMALL]) == 0
    [run] = read_runs(tmp_path / "results")
    assert run.checkpoint.name == "mine"
    timed = {one.variant for one in run.measurements if one.metric == "latency" and one.status == "ok"}
    assert {"torch-eager", "onnx-fp32", "torch-eager-again"} <= timed
    assert any(one.metric == "first_inference" for one in run.measurements)
    assert "checkpoint mine: albert" in capsys.readouterr().out


def test_a_killed_run_of_several_models_loses_nothing(command, tmp_path):
    journal = tmp_path / ".deploybench" / "journal.jsonl"

    def ready():
        return journal.exists() and journal.read_bytes().count(b"\n") > 8

    found = kill_and_resume(tmp_path, ready, ["deploybench.bench.cli", "run", *command])
    assert found is not None
    assert "torn" not in found
    assert (found["exit_code"], found["taken"]) == (0, found["cells"])
    assert [run.checkpoint.name for run in read_runs(tmp_path / "results")] == ["sure", "fragile"]


def test_other_labels_are_refused_before_anything_is_made(checkpoint_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = Path(shutil.copytree(checkpoint_folder, tmp_path / "other"))
    config = json.loads((other / "config.json").read_text())
    config |= {"id2label": {"0": "ham", "1": "spam"}, "label2id": {"ham": 0, "spam": 1}}
    (other / "config.json").write_text(json.dumps(config))

    assert cli.main(["run", f"--checkpoint={checkpoint_folder}", f"--checkpoint={other}", *SMALL]) == 2
    said = capsys.readouterr().err
    assert "other ham, spam; expected the same in the same order" in said
    assert not (tmp_path / ".deploybench" / "artifacts").exists()


def test_a_checkpoint_that_does_not_exist_is_one_line(checkpoint_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert cli.main(["run", f"--checkpoint={checkpoint_folder}", "--checkpoint=x=./gone", *SMALL]) == 2
    assert "./gone: does not exist" in capsys.readouterr().err


def test_time_goes_to_all_models_alike(capfd):
    """A budget that ends early leaves out the last variants and the shorter texts, of every model."""
    flags = ["--variants=onnx-fp32", "--sequence-lengths=8,16", "--batch-sizes=1"]
    assert pytest.main(["suites/test_memory.py", "--co", "-q", "--checkpoint=a=x", "--checkpoint=b=y", *flags]) == 0
    rows = [line.partition("[")[2].rstrip("]") for line in capfd.readouterr().out.splitlines() if "::" in line]

    assert rows == [
        f"{length}-{model}/{variant}"
        for length in (16, 8)
        for variant in ("torch-eager", "onnx-fp32")
        for model in "ab"
    ]


def change_weights(folder, changed):
    """Save the weights of a checkpoint again as ``changed`` of them."""
    from safetensors.numpy import load_file, save_file

    file = folder / "model.safetensors"
    save_file(changed(load_file(file)), file, metadata={"format": "pt"})


def without_a_query(weights):
    return {name: one for name, one in weights.items() if "query.weight" not in name}


def with_a_larger_head(weights):
    head = weights["classifier.weight"]
    return {**weights, "classifier.weight": np.concatenate([head, head])}


def spoilt(weights):
    return {**weights, "classifier.weight": np.full_like(weights["classifier.weight"], np.nan)}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (without_a_query, "expected a fine-tuned classifier with all of its weights"),
        (with_a_larger_head, "transformers cannot load it as a classifier"),
        (spoilt, "gives logits that are not finite"),
    ],
)
def test_a_checkpoint_that_does_not_load_is_one_line_before_any_export(
    checkpoint_folder, tmp_path, capsys, monkeypatch, changed, message
):
    monkeypatch.chdir(tmp_path)
    bad = Path(shutil.copytree(checkpoint_folder, tmp_path / "bad"))
    change_weights(bad, changed)

    assert cli.main(["run", f"--checkpoint={checkpoint_folder}", f"--checkpoint={bad}", *SMALL]) == 2
    [error] = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert f"{bad}: " in error
    assert message in error
    assert not (tmp_path / ".deploybench" / "artifacts").exists()


def spoil_reference(work_dir, *checkpoints):
    """Export the reference of each checkpoint and overwrite the first bytes of its weights."""
    for checkpoint in checkpoints:
        assert cli.main(["export", f"--checkpoint={checkpoint}", "--variants=torch-eager", "--threads=1"]) == 0
    for file in work_dir.glob("artifacts/*/torch-eager/model.safetensors"):
        with file.open("r+b") as weights:
            weights.write(b"\xff" * 64)


def test_a_model_whose_reference_cannot_be_run_fails_and_the_others_go_on(
    checkpoint_folder, fragile_checkpoint, labelled_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    spoil_reference(tmp_path / ".deploybench", fragile_checkpoint)
    models = [f"--checkpoint=bad={fragile_checkpoint}", f"--checkpoint=sure={checkpoint_folder}"]
    capsys.readouterr()

    assert cli.main(["run", *models, f"--external={labelled_file}", *SMALL]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("failed: bad: the reference cannot be run: checking torch-eager: SafetensorError") == 1
    assert "test_accuracy" not in printed.err
    assert printed.out.count("failed: bad, every variant: checking torch-eager: ") == 1
    assert "bad/" not in printed.out
    runs = read_runs(tmp_path / "results")
    assert [run.checkpoint.name for run in runs] == ["sure", "bad"]  # the first has the controls
    assert all("SafetensorError" in one.failed for one in runs[1].variants.values())
    assert {*runs[1].variants} == {"torch-eager", "onnx-fp32"}
    timed = {one.variant for one in runs[0].measurements if one.metric == "latency" and one.status == "ok"}
    assert {"torch-eager", "onnx-fp32", "torch-eager-again"} <= timed

    assert cli.main(["recommend", "results"]) in {0, 1}
    assert "failed: bad, every variant: " in capsys.readouterr().out
    assert cli.main(["report", "results", "--table", "models"]) == 0
    assert "bad " not in capsys.readouterr().out.partition("costs and accuracies")[0]


def test_a_model_that_takes_too_much_memory_to_load_fails_as_well(
    checkpoint_folder, fragile_checkpoint, labelled_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deploybench.bench.pipeline.checkpoints.write_inputs", write_inputs_but_of_bad)
    models = [f"--checkpoint=bad={fragile_checkpoint}", f"--checkpoint=sure={checkpoint_folder}"]

    assert cli.main(["run", *models, f"--external={labelled_file}", *SMALL]) == 1
    printed, why = capsys.readouterr(), "loading the checkpoint: the worker was killed by signal 9"
    assert f"failed: bad: {why}" in printed.err
    assert f"failed: bad, every variant: {why}" in " ".join(printed.out.split())
    sure, bad = read_runs(tmp_path / "results")
    assert (sure.checkpoint.name, bad.checkpoint.name) == ("sure", "bad")
    assert {one.failed for one in bad.variants.values()} == {why}
    assert cli.main(["report", "results"]) == 0
    assert f"failed: every variant: {why}" in " ".join(capsys.readouterr().out.split())


def test_a_run_of_which_no_model_can_be_run_is_one_line(
    checkpoint_folder, fragile_checkpoint, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    spoil_reference(tmp_path / ".deploybench", checkpoint_folder, fragile_checkpoint)

    assert cli.main(["run", f"--checkpoint={checkpoint_folder}", f"--checkpoint={fragile_checkpoint}", *SMALL]) == 2
    assert "error: --checkpoint: none of the 2 models can be run" in capsys.readouterr().err


def test_a_name_in_a_run_exports_nothing_again(checkpoint_folder, tmp_path):
    folders = {
        artifacts_folder(one, find_checkpoint(one))
        for one in (
            Options(checkpoint=str(checkpoint_folder), model=name, work_dir=tmp_path) for name in ("", "a", "b")
        )
    }

    [folder] = folders
    assert folder.name.startswith(f"{checkpoint_folder.name}-")
    architecture = Options(checkpoint="arch:albert-base-v2", model="a")
    assert own_name(architecture) == "arch:albert-base-v2"
