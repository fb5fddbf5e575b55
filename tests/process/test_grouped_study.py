"""The study of batches of like length, small: what it compares, saves and says."""

import json

import pytest

from deploybench.suites.studies import trained
from deploybench.suites.studies.training import grouped


def row(padding, seed, seconds, share, accuracy):
    return {
        "padding": padding,
        "seed": seed,
        "training_seconds": seconds,
        "padding_share": share,
        "accuracy": {"test": accuracy},
    }


ROWS = [
    row("max_length", 1, 100.0, 0.5, 0.80),
    row("bucketed", 1, 60.0, 0.0, 0.81),
    row("bucketed", 2, 50.0, 0.0, 0.79),
    row("max_length", 2, 100.0, 0.5, 0.82),
    row("max_length", 3, 100.0, 0.5, 0.84),
    row("bucketed", 3, 90.0, 0.0, 0.80),
]


def test_the_same_seeds_are_compared():
    found = grouped.compared(ROWS, {"test": 1000})

    assert found["time_ratios"] == pytest.approx([0.6, 0.5, 0.9])
    assert found["time_ratio"] == pytest.approx(0.6)
    assert found["token_ratio"] == pytest.approx(0.5)
    assert found["accuracy"]["test"]["bucketed"] == pytest.approx(0.8)
    assert found["accuracy"]["test"]["max_length"] == pytest.approx(0.82)
    # Of three more or less 0.02 apart: 0.82 ± 4.303 · 0.02 · √(4/3)
    assert found["accuracy"]["test"]["band"] == pytest.approx((0.7206, 0.9194), abs=1e-4)


def test_what_is_trained_saved_and_said(tiny_recipe, tmp_path, monkeypatch, labelled_file, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["--recipe", "tiny.toml", "--train", str(labelled_file), "--external", f"test={labelled_file}"]
    arguments += ["--seeds", "2", "--threads", "1", "--max-length", "48"]
    assert grouped.main(arguments) == 0
    printed = capsys.readouterr().out
    saved = json.loads((tmp_path / "results" / "studies" / "grouped-test-48.json").read_text())
    monkeypatch.setattr(trained, "call_in_child", None)  # what would train

    assert grouped.main(arguments) == 0
    assert capsys.readouterr().out == printed
    assert [(one["padding"], one["seed"]) for one in saved["rows"]] == [
        ("max_length", 7), ("bucketed", 7), ("bucketed", 8), ("max_length", 8)
    ]  # fmt: skip
    assert saved["recipe"]["max_length"] == 48
    assert saved["token_ratio"] <= 1
    assert "bucketed over max_length of 48 tokens: " in printed
    assert "accuracy on test, mean of seeds: " in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "1"], "--seeds: found 1, expected 2 or more"),
        ([], "--train, --external: expected a labelled file for each; pass both"),
        (["--recipe", "no-such"], "no-such"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)

    assert grouped.main(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert message in said.err
