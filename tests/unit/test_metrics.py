"""A metric is one record: a new one is read, shown and compared without any other list."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploybench.bench.analysis.figures import figures
from deploybench.bench.compare.changes import compare_runs
from deploybench.bench.compare.matching import Matched
from deploybench.bench.compare.thresholds import Thresholds, read_thresholds
from deploybench.bench.report.messages.comparison import render_comparison
from deploybench.bench.runs.measurement import Measurement
from deploybench.bench.runs.metrics import LESS, METRICS, Compared, Metric, compared_metrics
from deploybench.bench.runs.store import read_run

RUN = read_run(Path(__file__).parents[1] / "data" / "runs" / "schema-1.json")
SWAPPED = Metric(
    "swapped",
    "B",
    "lower",
    kind="memory",
    compared=Compared(threshold=0.2, words=LESS, short="swap", noise=1e6),
    per_variant=True,
)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(METRICS, "swapped", SWAPPED)


def with_swapped(run, amount):
    one = Measurement(variant="onnx-fp32", metric="swapped", values=(amount,))
    return replace(run, measurements=(*run.measurements, one))


def change(base, contender, thresholds=None):
    """The change of the new metric, and the comparison as text."""
    comparison = compare_runs([Matched(base=base, contender=contender)], thresholds or Thresholds())
    [one] = [one for one in comparison.changes if one.metric == "swapped"]
    return one, render_comparison(comparison, "text")


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (10e6, 13e6, "worse"),
        (10e6, 7e6, "better"),
        (10e6, 11.5e6, "no detectable change"),  # below the threshold
        (3e6, 3.9e6, "no detectable change"),  # within the noise
    ],
)
def test_a_new_metric_is_compared(before, after, verdict):
    found, _ = change(with_swapped(RUN, before), with_swapped(RUN, after))

    assert found.verdict == verdict


def test_its_words_and_short_name_are_shown():
    _, text = change(with_swapped(RUN, 10e6), with_swapped(RUN, 13e6))

    [line] = [line for line in text.splitlines() if line.startswith("onnx-fp32 ")]
    assert line.split() == ["onnx-fp32", "swap", "10.0", "MB", "13.0", "MB", "+30.0", "%", "more"]


def test_the_facts_of_its_kind_must_be_equal():
    threads = replace(RUN, plan=replace(RUN.plan, threads=RUN.plan.threads + 1))
    cores = replace(RUN, environment={**RUN.environment, "cores": RUN.environment["cores"] + 1})

    assert change(with_swapped(RUN, 1e7), with_swapped(threads, 1e7))[0].verdict == "not comparable"
    assert change(with_swapped(RUN, 1e7), with_swapped(cores, 1e7))[0].verdict == "no detectable change"


def test_a_project_may_give_its_threshold(tmp_path):
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.deploybench.compare]\nswapped = 0.5\n")

    assert change(with_swapped(RUN, 10e6), with_swapped(RUN, 13e6), read_thresholds(file))[0].threshold == 0.5


def test_it_is_a_figure_of_its_variant():
    found = {one.variant: one for one in figures(with_swapped(RUN, 10e6)) if one.metric == "swapped"}

    assert list(found) == list(RUN.plan.variants)
    assert (found["onnx-fp32"].value, found["onnx-fp32"].unit) == (10e6, "B")
    assert {one.status for name, one in found.items() if name != "onnx-fp32"} == {"not_measured"}


def test_every_compared_metric_has_a_kind():
    assert {name for name, one in METRICS.items() if one.compared} == set(compared_metrics())
