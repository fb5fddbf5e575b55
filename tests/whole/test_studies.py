"""Small versions of the studies that hold artifacts against each other: each measures, prints and saves what it says."""

import importlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from deploybench.bench.pipeline.options import PROFILES
from deploybench.bench.score import plan as planning
from deploybench.suites.studies.harness import estimators, repeated, verdicts
from deploybench.suites.studies.runtimes import new_lengths, openvino_settings, short_texts
from deploybench.suites.studies.scoring import many_rows, padding

QUICK = ["--profile", "quick", "--time-budget", "1"]


@pytest.fixture
def study(tmp_path, monkeypatch, capsys):
    """Runs one in an empty folder: its exit code, what it printed, and what it saved."""
    monkeypatch.chdir(tmp_path)
    for module in (new_lengths, openvino_settings):
        monkeypatch.setattr(module, "PROCESSES", 1)
    quick = PROFILES["quick"]
    monkeypatch.setitem(PROFILES, "quick", replace(quick, schedule=replace(quick.schedule, launches=2)))

    def run(name, *arguments):
        code = importlib.import_module(f"deploybench.suites.studies.{name}").main([*arguments, "--threads", "1"])
        [saved] = (tmp_path / "results" / "studies").iterdir()
        return code, capsys.readouterr().out, json.loads(saved.read_text())

    return run


def test_each_choice_of_the_onnx_export_is_held_against_what_is_shipped(study, checkpoint_folder):
    code, printed, saved = study("runtimes.onnx_choices", "--checkpoint", str(checkpoint_folder), *QUICK)
    found = saved["artifacts"]
    assert code == 0
    assert {"onnx-int8-dynamic", "fused normalisation", "one scale a weight", "embedding in fp32"} <= found.keys()
    assert found["embedding in fp32"]["weights"] > found["onnx-int8-dynamic"]["weights"]
    for name, figures in found.items():
        assert re.search(rf"^{name} +{figures['size'] / 1e6:.1f} ", printed, re.MULTILINE)
        assert figures["agreement"] > 0.9
        assert figures["process_medians"].keys() == {"16"}  # this model takes no 512


def test_settings_of_openvino_are_tried_with_and_without_a_cache(study, checkpoint_folder):
    code, printed, saved = study("runtimes.openvino_settings", "--checkpoint", str(checkpoint_folder))
    assert code == 0
    for name, figures in saved["variants"].items():
        assert name in printed
        assert figures["cache_bytes"] > 0
        assert {len(values) for values in [*figures["load"].values(), *figures["texts_a_second"].values()]} == {1}


def test_every_new_length_is_met_once_and_later_again(study, checkpoint_folder):
    arguments = ["--checkpoint", str(checkpoint_folder), "--variants", "onnx-fp32,openvino-fp32"]
    code, printed, saved = study("runtimes.new_lengths", *arguments)
    assert code == 0
    assert saved["seconds"].keys() == {"torch-eager", "onnx-fp32", "openvino-fp32"}  # what all others are held against
    for name, [calls] in saved["seconds"].items():
        assert name in printed
        assert sorted(tokens for tokens, _, _ in calls) == [20, 44]  # of those that 64 tokens allow
        assert all(10 > first > 1e-6 and 10 > later > 1e-6 for _, first, later in calls)  # seconds, and no other unit


def test_short_texts_hold_one_model_against_the_other(study, checkpoint_folder, checkpoint_copy, monkeypatch):
    monkeypatch.setattr(short_texts, "MODELS", (str(checkpoint_folder), str(checkpoint_copy)))
    arguments = ["--variants", "onnx-fp32-fused", "--sequence-lengths", "8,16", *QUICK]
    code, printed, saved = study("runtimes.short_texts", *arguments)
    assert code == 0
    assert len(saved["process_medians"]) == 2
    for by_variant in saved["process_medians"].values():
        assert by_variant["onnx-fp32-fused"].keys() == {"8", "16"}
    assert "8 tokens" in printed


@pytest.mark.parametrize("name", ["runtimes.new_lengths", "runtimes.short_texts"])
def test_a_mistake_in_a_study_is_one_line(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main = importlib.import_module(f"deploybench.suites.studies.{name}").main
    assert main(["--variants", "onnx-fp33"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "onnx-fp33" in line
    assert not (tmp_path / "results").exists()


def test_a_ratio_is_of_the_rounds_that_both_took_part_in():
    rates = {"plan": [8.0, 9.0, 1.0, 10.0], "padded": [4.0, 3.0, 1.0, 2.0], "eager": [1.0, 2.0]}

    assert padding.ratio(rates, "padded") == 2.5
    assert padding.ratio(rates, "eager") == 6.5


def test_a_plan_is_held_against_padding_to_the_maximum(study, checkpoint_folder, labelled_file, monkeypatch):
    monkeypatch.setattr(padding, "ROUNDS", 4)
    monkeypatch.setattr(padding, "TURN_S", 0.01)
    monkeypatch.setattr(planning, "_FIRST_TRIAL_S", 0.001)
    code, printed, done = study(
        "scoring.padding",
        f"--checkpoint={checkpoint_folder}",
        f"--tokenizer={checkpoint_folder}",
        f"--external=few={labelled_file}",
        "--variants=onnx-fp32",
        "--length=64",
    )
    found = done["sets"]["few"]["onnx-fp32"]

    assert code == 0
    assert "few: " in printed
    assert done["length"] == 64
    assert set(found["rates"]) == {"plan", "padded", "eager"}
    assert {side: len(values) for side, values in found["rates"].items()} == {"plan": 4, "padded": 4, "eager": 2}
    assert all(value > 0 for values in found["rates"].values() for value in values)
    assert 3 < found["mean_tokens"] <= 64
    assert 0 <= found["padding_share"] < 1
    agreement = found["agreement"]
    assert agreement["same"] == agreement["texts"] == 24
    assert agreement["low"] < agreement["high"] == 1.0


def test_rows_are_scored_by_the_command_and_memory_that_grows_is_a_failure(tmp_path, monkeypatch):
    many_rows.write_rows(tmp_path / "rows.csv", 5000)
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    peaks = {10: 100e6, 1000: 111e6, 2000: 109e6}
    monkeypatch.setattr(many_rows, "score", lambda rows, _: {"rows": rows, "peak": peaks[rows], "seconds": 1.0})

    assert len(lines) == 5001
    assert max(map(len, lines)) < 100
    assert many_rows.answer((10, 2000), ["one"], ()).figures["failed"] == []
    assert many_rows.answer((10, 1000), ["one"], ()).figures["failed"] == ["one: memory grows with the rows"]
    assert "one: growth of the peak +11.0 %, at most 10 % are allowed" in many_rows.answer((10, 1000), ["one"], ()).text


def test_repeated_runs_are_recorded_and_judged(tmp_path, monkeypatch, checkpoint_folder, capsys):
    """The same slices give the table of estimators and that of verdicts."""
    monkeypatch.chdir(tmp_path)
    few = ["--variants=onnx-fp32,openvino-fp32", "--sequence-lengths=16", "--runs=3", "--launches=2", "--name=tiny"]
    assert repeated.main([f"--checkpoint={checkpoint_folder}", *few, "--threads=1"]) == 0
    assert estimators.main(["tiny"]) == 0
    assert "median, by text, less nothing" in capsys.readouterr().out
    assert verdicts.main(["tiny"]) == 0
    assert "slowed by 10%" in capsys.readouterr().out
    found = {name: json.loads(Path(f"results/studies/{name}.json").read_text()) for name in ("estimators", "verdicts")}

    for one in found["estimators"]["tiny"]["estimators"].values():
        assert one["half_width"] > 0
        assert 0 <= one["coverage"] <= 1
    assert found["verdicts"]["tiny"]["pairs"] == 2
    assert sum(found["verdicts"]["tiny"]["same"].values()) == 2 * 3


def test_a_recording_that_is_not_there_says_how_to_make_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert estimators.main(["nowhere"]) == 2
    assert (
        "record it with: python -m deploybench.suites.studies.harness.repeated --name nowhere"
        in capsys.readouterr().err
    )


def test_a_forked_worker_is_held_against_a_spawned_one(study, checkpoint_folder):
    few = ["--sequence-lengths", "16", "--launches", "2", "--alternations", "1", "--rounds", "1"]
    code, printed, saved = study(
        "harness.forked",
        "--checkpoint",
        str(checkpoint_folder),
        "--variants",
        "torch-eager,onnx-fp32",
        *few,
    )

    assert code == 0
    assert "spawned_again" in printed
    assert saved["variants"].keys() == {"torch-eager", "onnx-fp32"}
    assert saved["variants"]["torch-eager"].keys() == {"forked", "spawned_again"}
    for one in saved["variants"]["onnx-fp32"].values():
        assert 0 < one["low"] < one["ratio"] < one["high"]
        assert abs(one["heap"]) < 2**21
