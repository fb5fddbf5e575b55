"""Which variant to take: the best of those that keep the accuracy, with the reason for every other one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.analysis.choice import choose
from bench.report.best import render_choice, render_evidence
from bench.runs.measurement import Measurement, Workload
from bench.runs.store import VariantInfo, read_run

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
NAMES = ("torch-eager", "onnx-fp32", "onnx-int8-dynamic", "openvino-int8")
MS = {"torch-eager": 40.0, "onnx-fp32": 30.0, "onnx-int8-dynamic": 10.0, "openvino-int8": 20.0}
MB = {"torch-eager": 46.0, "onnx-fp32": 47.0, "onnx-int8-dynamic": 13.0, "openvino-int8": 12.0}


def rows(name, milliseconds=None):
    for size in (1, 8):
        at = Workload(batch_size=size, sequence_length=128, padding="full", threads=2)
        # Of eight texts the quickest one is another: batches cost it most.
        once = (milliseconds or MS[name]) * (size if name == "onnx-int8-dynamic" else size**0.5) / 1e3
        values = tuple(once * factor for factor in (1.0, 1.002, 0.998, 1.0))
        yield Measurement(
            variant=name, metric="latency", workload=at, values=values, launches=(0, 1, 2, 3), blocks=(0, 0, 0, 0)
        )
        at = replace(at, batch_size=8, sequence_length=64 * size)
        yield Measurement(variant=name, metric="peak_memory", workload=at, values=(MB[name] * 1e6 * size,))
    yield Measurement(variant=name, metric="artifact_size", values=(MB[name] * 1e6,))


def right(wrong, examples=1000):
    """By variant, how many of the examples that the reference calls right it does not."""
    found = {("newsmix", name): np.ones(examples, dtype=bool) for name in NAMES}
    for name, count in wrong.items():
        found["newsmix", name][:count] = False
    return found


@pytest.fixture
def run():
    saved = read_run(SAMPLE)
    plan = replace(saved.plan, variants=NAMES, batch_sizes=(1, 8), sequence_lengths=(64, 128))
    infos = {name: saved.variants[name] for name in NAMES}
    return replace(saved, plan=plan, variants=infos, measurements=tuple(one for name in NAMES for one in rows(name)))


@pytest.mark.parametrize(
    ("objective", "best"),
    [
        ("latency", "onnx-int8-dynamic"),
        ("throughput", "openvino-int8"),
        ("memory", "openvino-int8"),
        ("size", "openvino-int8"),
    ],
)
def test_the_best_one_is_by_what_was_asked(run, objective, best):
    choice = choose(run, right({}), objective, 0.01)

    assert choice.best.variant == best
    assert [one.out for one in choice.candidates] == [""] * len(NAMES)
    assert choice.alike == ()


@pytest.mark.parametrize(("allowed", "best"), [(0.02, "onnx-int8-dynamic"), (0.019, "openvino-int8")])
def test_what_loses_more_than_is_allowed_is_out(run, allowed, best):
    choice = choose(run, right({"onnx-int8-dynamic": 20}), "latency", allowed)
    quick = next(one for one in choice.candidates if one.variant == "onnx-int8-dynamic")

    assert choice.best.variant == best
    assert quick.drop.share == pytest.approx(0.02)
    assert 0.02 < quick.drop.most < 0.04
    assert bool(quick.out) == (allowed < 0.02)


def test_the_set_where_it_loses_most_decides(run):
    sets = (run.sets[0], replace(run.sets[0], name="second"))
    both = right({"onnx-int8-dynamic": 5}) | {
        ("second", name): called for (_, name), called in right({"onnx-int8-dynamic": 30}).items()
    }
    choice = choose(replace(run, sets=sets), both, "latency", 0.01)

    assert choice.candidates[-1].variant == "onnx-int8-dynamic"
    assert choice.candidates[-1].drop.on == "second"


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (VariantInfo(runtime="onnxruntime", precision="int8", failed="no graph"), "failed: no graph"),
        (
            VariantInfo(
                runtime="onnxruntime", precision="int8", executed_problem="runs fp32", parity={"agreement": 1.0}
            ),
            "runs fp32",
        ),
    ],
)
def test_what_failed_or_is_not_what_it_is_called_is_out(run, info, reason):
    choice = choose(replace(run, variants={**run.variants, "onnx-int8-dynamic": info}), right({}), "latency", 0.01)

    assert choice.best.variant == "openvino-int8"
    assert choice.candidates[-1].out == reason


def test_what_was_not_measured_is_out_and_no_winner_is_made_of_nothing(run):
    only = tuple(one for one in run.measurements if one.variant == "torch-eager")
    assert choose(replace(run, measurements=only), right({}), "latency", 0.01).best.variant == "torch-eager"
    assert choose(replace(run, measurements=()), right({}), "latency", 0.01) is None


def test_a_variant_that_scored_nothing_is_out(run):
    scored = right({})
    del scored["newsmix", "onnx-int8-dynamic"]

    assert choose(run, scored, "latency", 0.01).candidates[-1].out == "its accuracy was not measured"


def test_without_a_labelled_set_the_labels_of_parity_decide(run):
    infos = {
        **run.variants,
        "onnx-int8-dynamic": replace(run.variants["onnx-int8-dynamic"], parity={"agreement": 0.97, "examples": 100}),
    }
    infos = {
        name: replace(info, parity={"agreement": 1.0, "examples": 100}) if name != "onnx-int8-dynamic" else info
        for name, info in infos.items()
    }
    bare = replace(run, sets=(), variants=infos)

    assert choose(bare, {}, "latency", 0.01).best.variant == "openvino-int8"
    assert choose(bare, {}, "latency", 0.031).best.variant == "onnx-int8-dynamic"


def test_what_cannot_be_told_apart_is_said(run):
    others = [one for one in run.measurements if one.variant != "openvino-int8"]
    alike = replace(run, measurements=(*others, *rows("openvino-int8", milliseconds=10.001)))
    choice = choose(alike, right({}), "latency", 0.01)

    assert [one.variant for one in choice.alike] == ["openvino-int8"]
    assert "this run cannot tell it from: openvino-int8" in render_choice(choice)


def test_no_gain_is_claimed_over_what_it_cannot_be_told_from(run):
    others = [one for one in run.measurements if one.variant not in ("openvino-int8", "onnx-int8-dynamic", "onnx-fp32")]
    alike = replace(run, measurements=(*others, *rows("onnx-fp32", milliseconds=39.999)))
    text = render_choice(choose(alike, right({}), "latency", 0.01))

    assert "take onnx-fp32; loses" in text
    assert "this run cannot tell it from: torch-eager" in text


@pytest.mark.parametrize(("texts", "agreement", "taken"), [(77, 76 / 77, True), (77, 75 / 77, False)])
def test_one_label_at_parity_is_no_loss(run, texts, agreement, taken):
    infos = {name: replace(info, parity={"agreement": 1.0, "examples": texts}) for name, info in run.variants.items()}
    infos["openvino-int8"] = replace(infos["openvino-int8"], parity={"agreement": agreement, "examples": texts})

    best = choose(replace(run, sets=(), variants=infos), {}, "size", 0.01).best
    assert (best.variant == "openvino-int8") == taken


def test_what_the_best_one_is_not_is_said(run):
    info = replace(run.variants["openvino-int8"], without_vnni={"cut": 0.001}, notes=("two stay in fp32",))
    choice = choose(replace(run, variants={**run.variants, "openvino-int8": info}), right({}), "size", 0.01)

    assert choice.best.cautions == (
        "without VNNI, 0.1 % of its int8 sums are cut: on such a CPU it may predict otherwise",
        "two stay in fp32",
    )
    for caution in choice.best.cautions:
        assert f"! openvino-int8: {caution}" in render_choice(choice)
        assert caution in render_evidence(run, choice)


def test_what_people_read(run):
    text = render_choice(choose(run, right({"onnx-int8-dynamic": 20}), "latency", 0.01))

    assert text.splitlines() == [
        "variant            latency        accuracy lost",
        "-----------------  -------------  ---------------  ------------------------------------",
        "openvino-int8      20 ms (1x128)  0.000",
        "onnx-fp32          30 ms (1x128)  0.000",
        "torch-eager        40 ms (1x128)  0.000",
        "onnx-int8-dynamic  10 ms (1x128)  0.020            loses more accuracy than was allowed",
        "",
        "take openvino-int8: 2.00 times as fast as torch-eager; loses 0.000 of accuracy on newsmix (95 %: at most 0.004)",
    ]


def test_the_evidence_can_be_read_again(run):
    choice = choose(run, right({"onnx-int8-dynamic": 20}), "size", 0.01)
    evidence = json.loads(render_evidence(run, choice))

    assert evidence["chosen"] == "openvino-int8"
    assert {one["variant"]: one["out"] for one in evidence["candidates"]}["onnx-int8-dynamic"] == (
        "loses more accuracy than was allowed"
    )
    assert evidence["candidates"][0]["figure"]["value"] == 12e6
