"""What follows from a saved run is computed once in a command."""

import pandas as pd
import pytest
from shipped import shipped

import deploybench.bench.analysis.fidelity
import deploybench.bench.analysis.figures
import deploybench.bench.analysis.selection
from deploybench.bench import cli
from deploybench.bench.printable import printable
from deploybench.bench.runs.store import once_a_run, read_run

[RUN] = [path for path in shipped("*/[0-9]*.json") if path.name.startswith("0025")]


@pytest.fixture
def counted(monkeypatch):
    """How often the figures of a run were computed, and a file of predictions read."""
    times = {"figures": 0, "predictions": 0, "fidelity": 0, "selections": 0}

    def count(owner, name, what):
        original = getattr(owner, name)

        def counting(*arguments, **keywords):
            times[what] += 1
            return original(*arguments, **keywords)

        monkeypatch.setattr(owner, name, counting)

    count(deploybench.bench.analysis.figures, "_factors", "figures")
    count(pd, "read_parquet", "predictions")
    count(deploybench.bench.analysis.selection, "select", "selections")
    count(deploybench.bench.analysis.fidelity, "resampled_counts", "fidelity")  # once a set and variant
    return times


@pytest.mark.parametrize(
    "command",
    [
        ["report", str(RUN)],
        ["report", str(RUN), "--format", "html", "--output", "page.html"],
        ["report", str(RUN), "--format", "html", "--output", "page.html", "--plots", "plots"],
        ["report", str(RUN), "--format", "card"],
        ["report", str(RUN), "--format", "json"],
        ["recommend", str(RUN)],
    ],
    ids=lambda command: " ".join(part for part in command if part != str(RUN)),
)
def test_figures_are_computed_and_predictions_read_once_a_command(command, counted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(command)

    assert counted["figures"] == 1
    assert counted["predictions"] <= 1
    assert counted["selections"] <= 1
    run = read_run(RUN)
    assert counted["fidelity"] <= len(run.sets) * len(run.plan.variants)


def test_each_run_has_results_of_its_own():
    asked = []
    kept = once_a_run(lambda run: asked.append(run) or len(asked))
    one, other = read_run(RUN), read_run(RUN)

    assert [kept(one), kept(other), kept(one)] == [1, 2, 1]
    runs = [read_run(RUN) for _ in range(9)]
    assert [kept(run) for run in runs] == list(range(3, 12))
    assert kept(one) == 12


def test_what_is_printable_stays_itself():
    run = read_run(RUN)

    assert printable(run) is run
    assert printable(("a", "b\n")) == ("a", "b\\n")
