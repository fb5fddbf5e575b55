"""A cascade in a run: timed on the set's own texts with its worst case, which stage answers is saved, shown and handed over."""

import csv
import json
from pathlib import Path

import pytest

from deploybench.bench import cli
from deploybench.bench.analysis.speed_ups import speed_ups
from deploybench.bench.runs.store import read_runs
from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.cascades.names import worst_case

WHOLE = "onnx-fp32"
CASCADE = f"linear-tokens+{WHOLE}"


def write(path, texts, labels=None):
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = [(text,) for text in texts] if labels is None else zip(texts, labels, strict=True)
        csv.writer(file).writerows([("text",) if labels is None else ("text", "label"), *rows])
    return path


@pytest.fixture
def run_flags(checkpoint_folder, tmp_path, monkeypatch):
    """Of a run whose first stage learns from the labels of a file; the cascade is certified on another."""
    monkeypatch.chdir(tmp_path)
    texts, labels = corpus.corpus("train")
    held_out, classes = corpus.corpus("test")
    named = [corpus.LABELS[label] for label in (*labels, *classes)]
    train = write(tmp_path / "train.csv", texts[300:900], named[300:900])
    unlabelled = write(tmp_path / "unlabelled.csv", [*texts[2000:], *held_out[100:]])
    scored = write(tmp_path / "test.csv", held_out[:60], named[len(texts) :][:60])
    return [
        *("run", f"--checkpoint={checkpoint_folder}", f"--external=test={scored}", f"--train={train}"),
        *(f"--unlabelled={unlabelled}", "--max-other-classes=0.05", f"--variants={WHOLE},{CASCADE}"),
        *("--threads=1", "--batch-sizes=1", "--time-budget=20"),
    ]


def test_a_cascade_is_timed_on_texts_beside_its_worst_case(run_flags, capsys):
    assert cli.main(run_flags) == 0
    screen = " ".join(capsys.readouterr().out.split())
    [run] = read_runs(next(iter(sorted(Path("results").rglob("0001_*.json")))))
    rows = {(one.variant, one.metric): one for one in run.measurements if one.data in (None, "test")}
    shares = rows[CASCADE, "stage_share"].values

    assert len(run.plan.text_lengths) == 60
    assert {one for one, metric in rows if metric == "latency"} >= {CASCADE, worst_case(CASCADE), WHOLE}
    assert sum(shares) == pytest.approx(1)
    assert shares[0] > 0.3
    assert speed_ups(run)[CASCADE, 1].value > speed_ups(run)[WHOLE, 1].value
    assert f"{CASCADE}: linear-tokens answers" in screen
    assert "latency: mean for 1 text of the set's own texts" in screen

    assert cli.main(["report", str(run.path), "--table", "cascades", "--format", "csv"]) == 0
    table = capsys.readouterr().out
    assert CASCADE in table
    assert "torch-eager" not in table
    assert cli.main(["recommend", "results", "--max-accuracy-drop=0.5", "--copy-to=best"]) == 0
    chosen = json.loads((Path("best") / "evidence.json").read_text())["chosen"]
    assert chosen in (CASCADE, WHOLE)


def test_texts_of_one_length_say_nothing_of_a_cascade(run_flags, capsys):
    assert cli.main([*run_flags, "--sequence-lengths=16"]) == 0
    capsys.readouterr()
    [run] = read_runs(next(iter(sorted(Path("results").rglob("0001_*.json")))))
    [found] = [one for one in run.measurements if (one.variant, one.metric) == (CASCADE, "latency")]

    assert (found.status, found.reason) == (
        "not_measured",
        "its time depends on the text, and here texts of one length are timed",
    )
    assert cli.main(["report", str(run.path)]) == 0
    assert "its time depends on the text" in " ".join(capsys.readouterr().out.split())
