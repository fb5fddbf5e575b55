"""The README's tables are what `deploybench` prints of the saved runs that it names, and the runs show what they must."""

import json
import re
from pathlib import Path

import pytest
from shipped import shipped

from bench.compare.changes import compare_runs
from bench.compare.outcome import outcome_of
from bench.compare.thresholds import Thresholds
from bench.report.comparison import render_comparison
from bench.report.render import render, render_tables
from bench.runs.predictions import read_right
from bench.runs.store import read_run
from suites.studies.sharing_shown import accuracy_table, costs_tables

ROOT = Path(__file__).parents[1]
TABLE = re.compile(r"<!-- deploybench report (\S+) --format md --table (\S+) -->\n(.*?)<!-- end -->", re.DOTALL)
COMPARISON = re.compile(r"<!-- deploybench compare (\S+) (\S+) -->\n```\n(.*?)```", re.DOTALL)
SHARING = re.compile(r"<!-- python -m suites.studies.sharing --only show --format md -->\n(.*?)<!-- end -->", re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLES = TABLE.findall(README)
RUNS = shipped("*/[0-9]*.json")


def test_the_readme_shows_tables():
    assert len(TABLES) >= 3


@pytest.mark.parametrize(("run", "tables", "text"), TABLES)
def test_a_table_is_the_saved_runs(run, tables, text):
    assert text.strip() == render(read_run(ROOT / run), "md", tuple(tables.split(","))).strip()


def test_the_tables_of_sharing_are_the_saved_ones():
    costs, accuracy = (
        json.loads((ROOT / "results" / "studies" / f"sharing-{part}.json").read_text(encoding="utf-8"))
        for part in ("costs", "accuracy")
    )
    [text] = SHARING.findall(README)

    assert text.strip() == render_tables([*costs_tables(costs), accuracy_table(accuracy)], (), "md").strip()


def test_saved_runs_hold_no_path_of_a_machine():
    for path in shipped("**/*.json"):
        assert "/work/" not in path.read_text(encoding="utf-8"), path


def test_the_comparison_is_that_of_the_two_saved_runs():
    [(base, contender, text)] = COMPARISON.findall(README)
    runs = read_run(ROOT / base), read_run(ROOT / contender)
    right = read_right(runs[0]), read_right(runs[1])

    assert all(right)
    comparison = compare_runs(*runs, Thresholds(), right)
    assert text == render_comparison(comparison, "text", outcome=outcome_of(comparison.changes))


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name[:4])
def test_memory_rises_with_the_length_in_every_saved_run(path):
    run = read_run(path)
    peaks = {}
    for one in run.measurements:
        if one.metric in ("peak_memory", "peak_resident"):
            peaks.setdefault((one.variant, one.metric), {})[one.workload.sequence_length] = one.values[0]

    assert len(peaks) == 2 * sum(not info.failed for info in run.variants.values())
    for place, by_length in peaks.items():
        assert set(by_length) == set(run.plan.sequence_lengths), place
        rising = [by_length[length] for length in sorted(by_length)]
        assert rising == sorted(set(rising)), place
