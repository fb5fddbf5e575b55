"""The study of sharing, small: both parts measure, save and show what they say, and trainings that are done are not done again."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deploybench.bench.measure.latency import LatencyRun
from deploybench.bench.measure.schedule import Schedule, TimedArtifact
from deploybench.bench.pipeline.options import PROFILES, Options
from deploybench.bench.runs.measurement import Measurement
from deploybench.suites.studies import trained
from deploybench.suites.studies.sharing import __main__ as sharing
from deploybench.suites.studies.sharing import costs, grid, shown
from deploybench.suites.studies.sharing.grid import Model
from deploybench.suites.studies.study import saved_at

SIZES = {
    "vocab_size": 500,
    "hidden_size": 32,
    "num_hidden_layers": 12,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
GRID = ["--groups", "1,12", "--embeddings", "16,32,256"]


@pytest.fixture
def study(tmp_path, monkeypatch, capsys):
    """Runs it in an empty folder: its exit code, and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(costs, "SIZES", SIZES)
    monkeypatch.setattr(grid, "EMBEDDING", 16)
    monkeypatch.setitem(shown._AXES, "groups", ("groups", ("embedding", 16)))

    def run(*arguments):
        code = sharing.main([*arguments, "--threads", "1"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def saved(name):
    return json.loads(saved_at(name).read_text())


def test_the_grid_varies_one_thing_at_a_time():
    assert grid.models([1, 12], [64, 128]) == [Model(1, 128), Model(12, 128), Model(1, 64)]


def test_costs_of_a_model_are_measured_and_shown(study, tmp_path, monkeypatch):
    once = Schedule(launches=1, blocks=1, rounds=2)
    monkeypatch.setitem(PROFILES, "quick", replace(PROFILES["quick"], schedule=once))
    arguments = ["--variants", "torch-eager", "--sequence-lengths", "16", "--profile", "quick", "--time-budget", "0.1"]
    code, printed, _ = study("--only", "costs", "--groups", "6", "--embeddings", "16", *arguments)
    [row] = saved("sharing-costs")["rows"]

    assert code == 0
    assert (row["variant"], row["groups"], row["embedding"]) == ("torch-eager", 6, 16)
    layer = 4 * (32 * 32 + 32) + 2 * 32 * 64 + 64 + 32 + 4 * 32
    assert row["effective"] - row["parameters"] == 6 * layer
    assert row["size"] == pytest.approx(4 * row["parameters"], rel=0.1)
    assert row["resident"] > row["size"] / 2
    assert all(1 > seconds > 1e-5 for seconds in row["process_medians"])
    assert f"{row['parameters']:,}" in printed
    assert (tmp_path / "results" / "studies" / "sharing-groups.svg").read_bytes().startswith(b"<?xml")


def test_each_artifact_gets_its_own_seconds(monkeypatch, tmp_path):
    timed = [TimedArtifact(name=name, artifact=tmp_path) for name in ("b", "a", "c")]
    seconds = {"a": 1.0, "b": 2.0, "c": 3.0}

    def measure(run, batches, *_):
        [workload] = batches
        return [
            Measurement(variant=name, metric="latency", workload=workload, values=(seconds[name],), launches=(0,))
            for name in run._artifacts
        ]

    monkeypatch.setattr(LatencyRun, "measure", measure)
    batch = (np.zeros((1, 16), dtype=np.int64),) * 2

    assert costs._time(timed, batch, Options(threads=1)) == [[2.0], [1.0], [3.0]]


def test_each_model_is_trained_once(study, tiny_recipe, labelled_file, monkeypatch):
    files = ["--recipe", "tiny.toml", "--train", str(labelled_file), "--external", f"test={labelled_file}"]
    code, printed, _ = study("--only", "accuracy", *GRID, *files)
    first = saved("sharing-accuracy")
    monkeypatch.setattr(trained, "call_in_child", None)  # what would train
    again, printed_again, _ = study("--only", "accuracy", *GRID, *files)

    assert code == again == 0
    assert printed == printed_again
    assert saved("sharing-accuracy") == first
    assert [(row["groups"], row["embedding"]) for row in first["rows"]] == [
        (1, 16),
        (12, 16),
        (1, 32),
    ]  # 256 is no factor
    assert first["rows"][1]["parameters"] > first["rows"][0]["parameters"]
    assert first["sets"]["test"]["texts"] == 24
    assert "1 × 32" in printed


ROWS = [
    {
        "variant": "torch-eager",
        "groups": groups,
        "embedding": embedding,
        "parameters": 10**6 * groups + embedding,
        "effective": 12 * 10**6,
        "size": 4 * 10**6 * groups,
        "resident": 5 * 10**6 * groups,
        "process_medians": [0.1, 0.101, 0.102, 0.1],
    }
    for groups, embedding in ((1, 128), (12, 128), (1, 64))
]
COSTS = {"rows": ROWS, "threads": 2, "sequence_length": 128}
TRAINED = {
    "recipe": {"epochs": 2, "architecture": {"num_hidden_layers": 12, "hidden_size": 256}},
    "sets": {"test": {"texts": 200}},
    "rows": [
        {"groups": row["groups"], "embedding": row["embedding"], "parameters": 5, "accuracy": {"test": 0.9}}
        for row in ROWS
    ],
}


def test_both_parts_are_shown_together(study, tmp_path):
    folder = tmp_path / "results" / "studies"
    folder.mkdir(parents=True)
    (folder / "sharing-costs.json").write_text(json.dumps(COSTS))
    (folder / "sharing-accuracy.json").write_text(json.dumps(TRAINED))
    code, printed, _ = study("--only", "show", "--format", "md")

    assert code == 0
    assert "### ALBERT-base, random weights, torch-eager" in printed
    assert "### ALBERT of 12 layers of 256, trained from scratch for 2 epochs" in printed
    assert ["12 × 128", "12,000,128", "12,000,000", "48.00", "60.00"] in [
        [cell.strip() for cell in line.split("|")[1:6]] for line in printed.splitlines()
    ]
    assert "0.900 ±0.049" in printed  # Wilson's, of 180 of 200: 0.851 to 0.934
    assert {file.name for file in folder.glob("*.svg")} == {"sharing-groups.svg", "sharing-embedding.svg"}


@pytest.mark.parametrize("content", ["", '{"rows": [', "{}", "[]", '{"rows": []}'])
def test_a_damaged_file_is_one_line(study, tmp_path, content):
    folder = tmp_path / "results" / "studies"
    folder.mkdir(parents=True)
    (folder / "sharing-costs.json").write_text(content)
    code, printed, errors = study("--only", "show")

    assert (code, printed) == (2, "")
    assert "sharing-costs.json: found no rows in it, expected what this study saves; measure it again" in errors


def test_plots_say_in_words_what_they_show(monkeypatch):
    by_groups, by_embedding = shown.plots(COSTS, TRAINED)

    assert "At 1, 12, as shares of the most: on disk, as stored parameters: 0.08, 1.00; " in by_groups.words
    assert "latency: 1.00, 1.00; effective parameters: 1.00, 1.00" in by_groups.words
    assert "At 64, 128" in by_embedding.words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "costs", "--groups", "13"], "--groups: found 13, expected at most 12, the number of layers"),
        (["--only", "costs", "--embeddings", "0"], "--embeddings: found '0'"),
        (["--only", "accuracy"], "--train, --external: expected a labelled file for each"),
        (
            ["--only", "accuracy", "--train", "no.csv", "--external", "no.csv", "--recipe", "albert-mini"],
            "--recipe: albert-mini is of another model",
        ),
        (["--only", "show"], "holds nothing of this study"),
    ],
)
def test_a_mistake_is_one_line(study, arguments, message):
    code, printed, said = study(*arguments)

    assert (code, printed, said.count("\n")) == (2, "", 1)
    assert message in said
