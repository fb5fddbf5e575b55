"""Differences of two runs: which of them forbid a comparison, which are tolerated, and which are only reported."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from deploybench.bench.compare.changes import compare_runs
from deploybench.bench.compare.comparability import FACTS, commit_name, differences, facts_of
from deploybench.bench.compare.matching import Matched
from deploybench.bench.compare.thresholds import Thresholds
from deploybench.bench.report.messages.comparison import render_comparison
from deploybench.bench.runs.metrics import metrics_of
from deploybench.bench.runs.store import VariantInfo, read_run

RUN = read_run(Path(__file__).parents[1] / "data" / "runs" / "schema-1.json")


def recorded(**facts):
    return replace(RUN, environment={**RUN.environment, **facts})


def difference(base, contender):
    [found] = differences(facts_of(base), facts_of(contender))
    return found


def compared(base, contender):
    return compare_runs([Matched(base=base, contender=contender)], Thresholds())


def verdicts(base, contender):
    comparison = compared(base, contender)
    return {(one.variant, one.metric): one.verdict for one in comparison.changes if one.metric != "accuracy"}


def test_no_fact_is_there_twice():
    assert len(FACTS) == len({fact.name for fact in FACTS})


@pytest.mark.parametrize(
    ("before", "after", "weight", "text"),
    [
        ({"quota": 2.0}, {"quota": 1.0}, "fatal", "quota: 2.0 against 1.0"),
        ({"malloc": "glibc"}, {"malloc": "jemalloc"}, "tolerated", "malloc: glibc against jemalloc"),
        (
            {"tokenizer_sha256": "a" * 64},
            {"tokenizer_sha256": "b" * 64},
            "tolerated",
            "tokenizer: aaaaaaaaaaaa against",
        ),
        ({"commit": "c" * 40}, {"commit": "d" * 40}, "informative", "commit: cccccccccc against dddddddddd"),
        ({"commit": "c" * 40}, {"commit": "c" * 40, "dirty": True}, "informative", "against cccccccccc, dirty"),
        (
            {"steal_share": 0.005, "other_load": 0.1},
            {"steal_share": 0.03, "other_load": 0.5},
            "tolerated",
            "load: quiet against 3.0% of the time stolen, 0.5 cores busy with other work",
        ),
        ({"kernels": {}}, {"kernels": {"ONEDNN_MAX_CPU_ISA": "AVX2"}}, "fatal", "kernels: "),
        ({}, {"resumed": True, "steal_share": 0.0}, "tolerated", "quiet after it was resumed"),
        ({"steal_share": 0.0}, {"steal_share": 0.011}, "tolerated", "load: quiet against 1.1% of the time stolen"),
    ],
)
def test_a_fact_in_which_runs_differ(before, after, weight, text):
    found = difference(recorded(**before), recorded(**after))

    assert found.weight == weight
    assert text in str(found)


def test_the_thread_budget_is_reported():
    assert str(difference(RUN, replace(RUN, plan=replace(RUN.plan, threads=1)))) == "threads: 2 against 1"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"steal_share": 0.001, "other_load": 0.01}, {"steal_share": 0.009, "other_load": 0.19}),
        ({"dirty": True}, {"dirty": False}),  # without a commit it says nothing
    ],
)
def test_what_is_not_worth_a_word(before, after):
    assert differences(facts_of(recorded(**before)), facts_of(recorded(**after))) == ()


@pytest.mark.parametrize(("after", "comparable"), [({"quota": 1.0}, False), ({"malloc": "jemalloc"}, True)])
def test_only_a_fatal_difference_forbids(after, comparable):
    facts = {"quota": 2.0, "malloc": "glibc"}
    found = verdicts(recorded(**facts), recorded(**{**facts, **after}))

    assert (set(found.values()) == {"no detectable change"}) is comparable
    assert found["torch-eager", "artifact_size"] == "no detectable change"


def test_what_an_older_file_does_not_hold_is_one_line():
    newer = recorded(quota=2.0, malloc="glibc", tokenizer_sha256="a" * 64, commit="c" * 40, steal_share=0.0)
    comparison = compared(RUN, newer)

    assert "fatal" not in {one.weight for one in comparison.differences}
    text = render_comparison(comparison, "md")
    assert "recorded in one run only: tokenizer, malloc, load, commit" in text
    assert "base and contender differ in quota: not recorded against 2.0" in text


@dataclass(frozen=True, kw_only=True)
class Executed(VariantInfo):
    """As VariantInfo is to become."""

    executed: dict = field(default_factory=dict)


def executing(**shares):
    return replace(
        RUN, variants={**RUN.variants, "onnx-fp32": Executed(runtime="onnxruntime", precision="fp32", executed=shares)}
    )


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ({"fp32": 0.9, "bf16": 0.1}, {"fp32": 0.2, "bf16": 0.8}, "not comparable"),
        ({"fp32": 0.9, "bf16": 0.1}, {"fp32": 0.6, "bf16": 0.4}, "no detectable change"),
        ({}, {"bf16": 1.0}, "no detectable change"),
        ({"fp32": 1.0}, {}, "no detectable change"),
    ],
)
def test_times_of_another_precision_are_not_comparable(before, after, verdict):
    base, contender = executing(**before), executing(**after)
    found = verdicts(base, contender)

    assert {found["onnx-fp32", metric] for metric in ("latency", "load_time")} == {verdict}
    assert {name for (_, metric), name in found.items() if metric not in metrics_of("time")} == {"no detectable change"}
    assert found["torch-eager", "latency"] == "no detectable change"
    if verdict == "not comparable":
        text = render_comparison(compared(base, contender), "md")
        assert "latency, load time of onnx-fp32: runs fp32 in the base, bf16 in the contender" in text


def test_of_two_obstacles_both_are_reported():
    base, contender = executing(fp32=1.0), executing(bf16=1.0)
    comparison = compared(base, replace(contender, environment={**RUN.environment, "cpu": "x"}))
    reasons = {one.reason for one in comparison.changes if (one.variant, one.metric) == ("onnx-fp32", "latency")}

    assert reasons == {"CPU: AMD EPYC 7B13 against x; runs fp32 in the base, bf16 in the contender"}


@pytest.mark.parametrize(
    ("commit", "dirty", "name"),
    [("ab" * 20, False, "ababababab"), ("ab" * 20, True, "ababababab, dirty"), ("unversioned", False, "unversioned")],
)
def test_a_commit_is_called(commit, dirty, name):
    assert commit_name(commit, dirty=dirty) == name
