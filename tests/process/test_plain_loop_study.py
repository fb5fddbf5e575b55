"""The study of a plain loop, small: what it compares, saves and refuses, for each task."""

import json

import pandas as pd
import pytest
from builders import CLASSES, TEXTS, bert

from deploybench.exporters.training.tasks import METRICS
from deploybench.suites.studies.training import plain_loop

RECIPE = """
task = "TASK"
description = "for tests"
checkpoint = "base"
max_length = 48
batch_size = 16
epochs = 1
learning_rate = 1e-3
"""
CELLS = {
    "single-label": CLASSES,
    "multi-label": ["loud" if "!" in text[:120] else "calm|plain" for text in TEXTS],
    "score": [len(text) % 7 for text in TEXTS],
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Call the study for a task; gives its exit code."""
    monkeypatch.chdir(tmp_path)
    bert(tmp_path / "base")

    def call(task, *more):
        (tmp_path / f"{task}.toml").write_text(RECIPE.replace("TASK", task))
        pd.DataFrame({"text": TEXTS, "label": CELLS[task]}).to_csv(tmp_path / "all.csv", index=False)
        files = ["--train", "all.csv", "--external", "test=all.csv", "--label-column", "label", "--threads", "1"]
        return plain_loop.main([f"{task}.toml", "--checkpoint", "base", *files, "--output", task, *more])

    return call


def test_every_task_is_compared_with_the_plain_loop(study, tmp_path, capsys):
    for task in CELLS:
        assert study(task) == 0
    printed = capsys.readouterr().out
    saved = json.loads((tmp_path / "results" / "studies" / "plain-loop.json").read_text())

    assert [row["task"] for row in saved["rows"]] == ["multi-label", "score", "single-label"]
    for row in saved["rows"]:
        of = row["sets"]["test"]
        assert tuple(of["plain"]) == tuple(of["recipe"]) == METRICS[row["task"]]
        record = json.loads((tmp_path / row["task"] / "training.json").read_text())
        assert of["recipe"] in (
            record["scores"].get("test"),
            {one: record[one].get("test") for one in ("accuracy", "f1")},
        )
    assert all(name in printed for name in ("plain loop", "subset accuracy", "Spearman", "F1"))

    assert study("single-label") == 0  # the training is reused, its row replaced
    assert len(json.loads((tmp_path / "results" / "studies" / "plain-loop.json").read_text())["rows"]) == 3


def test_a_training_by_another_recipe_is_refused(study, tmp_path, capsys):
    assert study("score") == 0
    record = json.loads((tmp_path / "score" / "training.json").read_text())
    (tmp_path / "score" / "training.json").write_text(json.dumps({**record, "recipe_sha256": "0" * 64}))

    assert study("score") == 2
    assert "score: holds a training by another recipe or on other texts" in capsys.readouterr().err
