"""Which variant is taken: decided by intervals in one place, with a reason for every other one and one format of evidence."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from shipped import shipped

import deploybench.suites
from deploybench.bench.analysis.evidence import Evidence, evidence_of, read_evidence, write_evidence
from deploybench.bench.analysis.figures import figures
from deploybench.bench.analysis.objectives import OBJECTIVES, Aim, Limit
from deploybench.bench.analysis.selection import deciding_figure, default_selection, select
from deploybench.bench.cli import main
from deploybench.bench.report.messages.selection import render_selection
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.metrics import METRICS
from deploybench.bench.runs.predictions import NO_LABEL, Answers
from deploybench.bench.runs.store import VariantInfo, read_run
from deploybench.bench.statistics import highest_share
from deploybench.exporters.errors import RunFileError

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
MS = {"torch-eager": 40.0, "onnx-fp32": 30.0, "onnx-int8-dynamic": 10.0, "openvino-int8": 20.0}
MB = {"torch-eager": 46.0, "onnx-fp32": 47.0, "onnx-int8-dynamic": 13.0, "openvino-int8": 12.0}
QUICK = "onnx-int8-dynamic"  # the fastest
SIZE = "--max-size-mb"


def rows(name, milliseconds=None, spread=0.002):
    for size in (1, 8):
        at = Workload(batch_size=size, sequence_length=128, padding="full", threads=2)
        # Batches of eight cost the fastest variant most, so that another one has the highest throughput.
        once = (milliseconds or MS[name]) * (size if name == QUICK else size**0.5) / 1e3
        values = tuple(once * factor for factor in (1.0, 1 + spread, 1 - spread, 1.0))
        yield Measurement(
            variant=name, metric="latency", workload=at, values=values, launches=(0, 1, 2, 3), blocks=(0, 0, 0, 0)
        )
        at = replace(at, batch_size=8, sequence_length=64 if size == 1 else 128)
        yield Measurement(variant=name, metric="peak_memory", workload=at, values=(MB[name] * 1e6 * size,))
    yield Measurement(variant=name, metric="artifact_size", values=(MB[name] * 1e6,))


def scored(wrong, examples=1000, on="newsmix", labelled=True):
    """By variant, how many of the examples that the reference predicts right it does not; logits of every variant differ."""
    logits = {}
    for place, name in enumerate(MS):
        logits[name] = np.tile(np.array([1.0, -0.1 * place], dtype=np.float32), (examples, 1))
        logits[name][: wrong.get(name, 0)] = (-1.0, 1.0)
    labels = np.full(examples, 0 if labelled else NO_LABEL)
    rows = np.array([f"{on} {place}" for place in range(examples)])
    return {on: Answers(rows=rows, labels=labels, tokens=None, logits=logits)}


def choose(run, answers, objective="latency", max_drop=0.01, limits=(), *, on_each_set=False):
    return select(
        run, answers, Aim(objective=objective, max_drop=max_drop, limits=tuple(limits), on_each_set=on_each_set)
    )


def with_rows(run, **of_variant):
    """The run with other rows of some variants; of names underscores are hyphens."""
    others = {name.replace("_", "-"): tuple(found) for name, found in of_variant.items()}
    kept = (one for one in run.measurements if one.variant not in others)
    return replace(run, measurements=(*kept, *(one for found in others.values() for one in found)))


def with_parity(run, agreement, texts=100):
    """The run without a labelled set; every variant that ``agreement`` does not name agrees in all texts."""
    infos = {
        name: replace(info, parity={"agreement": agreement.get(name, 1.0), "examples": texts})
        for name, info in run.variants.items()
    }
    return replace(run, sets=(), variants=infos)


def with_info(run, name, info):
    return replace(run, variants={**run.variants, name: info})


@pytest.fixture
def run():
    saved = read_run(SAMPLE)
    plan = replace(saved.plan, variants=tuple(MS), batch_sizes=(1, 8), sequence_lengths=(64, 128))
    infos = {name: saved.variants[name] for name in MS}
    return replace(saved, plan=plan, variants=infos, measurements=tuple(one for name in MS for one in rows(name)))


def standings(selection):
    return {one.variant: one.standing for one in selection.candidates}


def why(selection, name):
    return next(one.why for one in selection.candidates if one.variant == name)


# Objectives


@pytest.mark.parametrize(
    ("objective", "best"),
    [("latency", QUICK), ("throughput", "openvino-int8"), ("memory", "openvino-int8"), ("size", "openvino-int8")],
)
def test_the_objective_decides(run, objective, best):
    selection = choose(run, scored({}), objective, 0.01)

    assert selection.best.variant == best
    assert set(standings(selection).values()) == {"in"}
    assert selection.as_good == ()


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda one: one.name)
def test_an_objective_names_a_metric_and_suites_that_exist(objective):
    assert objective.metric in METRICS
    assert all((Path(deploybench.suites.__path__[0]) / name).is_file() for name in objective.suites)


# Accuracy


@pytest.mark.parametrize(
    ("allowed", "standing", "best"),
    [(0.04, "in", QUICK), (0.02, "undecided", "openvino-int8"), (0.01, "out", "openvino-int8")],
)
def test_the_interval_of_the_loss_decides(run, allowed, standing, best):
    selection = choose(run, scored({QUICK: 20}), "latency", allowed)
    [quick] = [one for one in selection.candidates if one.variant == QUICK]

    assert quick.drop.share == pytest.approx(0.02)
    assert 0.01 < quick.drop.least < 0.02 < quick.drop.most < 0.04
    assert quick.standing == standing
    assert selection.best.variant == best


def test_an_undecided_variant_is_possibly_better_only_if_it_ranks_before_the_best(run):
    faster = choose(run, scored({QUICK: 8}), "latency", 0.01)
    slower = choose(run, scored({"onnx-fp32": 8}), "latency", 0.01)

    assert standings(faster)[QUICK] == standings(slower)["onnx-fp32"] == "undecided"
    assert [one.variant for one in faster.possibly_better] == [QUICK]
    assert slower.possibly_better == ()


def test_few_texts_that_all_agree_decide_nothing(run):
    selection = choose(run, scored({}, examples=40), "latency", 0.01)

    assert set(standings(selection).values()) == {"in", "undecided"}
    assert selection.best.variant == "torch-eager"  # by definition it loses nothing
    assert len(selection.possibly_better) == 3


@pytest.fixture
def two_sets(run):
    """The run with a second set; of 1,000 texts each the fastest variant loses 5 and 30."""
    sets = (run.sets[0], replace(run.sets[0], name="second"))
    return replace(run, sets=sets), scored({QUICK: 5}) | scored({QUICK: 30}, on="second")


def test_all_texts_together_decide_by_default(two_sets):
    [quick] = [one for one in choose(*two_sets, max_drop=0.025).candidates if one.variant == QUICK]

    assert quick.drop.on == "newsmix + second"
    assert (quick.drop.texts, quick.drop.labelled, quick.drop.flips) == (2000, 2000, 35)
    assert quick.drop.share == pytest.approx(0.0175)
    assert (quick.standing, quick.verdict) == ("in", "within 0.025")


def test_on_each_set_the_one_where_a_variant_loses_most_decides(two_sets):
    last = choose(*two_sets, on_each_set=True).candidates[-1]

    assert last.variant == QUICK
    assert last.drop.on == "second"
    assert last.verdict == "loses 0.030"
    assert [one.standing for one in last.findings] == ["undecided", "out"]
    assert last.why.endswith("above --max-accuracy-drop on second")
    assert last.why.startswith("may be above --max-accuracy-drop on newsmix; some ")


def test_a_text_of_two_sets_counts_once(run):
    sets = (run.sets[0], replace(run.sets[0], name="second"))
    [same] = scored({QUICK: 5}).values()
    last = choose(replace(run, sets=sets), {"newsmix": same, "second": same}).candidates[0]

    assert last.drop.texts == 1000


def test_texts_without_labels_decide_as_well(run):
    few = scored({}, examples=40)
    many = few | scored({}, examples=400, on="more", labelled=False)
    changed = few | scored({QUICK: 40}, examples=400, on="more", labelled=False)

    assert choose(run, few).best.variant == "torch-eager"
    assert choose(run, many).best.variant == QUICK
    assert choose(run, changed).best.variant != QUICK
    best = choose(run, many).best
    assert (best.drop.texts, best.drop.labelled) == (440, 40)
    assert best.drop.most == pytest.approx(highest_share(0, 440))


def test_a_run_with_texts_without_labels_alone_is_decided_by_them(run):
    alone = scored({QUICK: 40}, on="more", labelled=False)
    quick = choose(replace(run, sets=()), alone).candidates[-1]

    assert choose(replace(run, sets=()), alone).best.variant == "openvino-int8"
    assert (quick.variant, quick.drop.share, quick.drop.labelled) == (QUICK, 0.04, 0)
    assert (quick.standing, quick.findings[0].needed) == ("undecided", "labels")


@pytest.mark.parametrize(
    ("factor", "precision", "same"), [(0.5, "fp32", True), (2, "fp32", False), (0.5, "int8", False)]
)
def test_logits_that_differ_by_rounding_alone_are_the_same_model(run, factor, precision, same):
    answers = scored({}, examples=30)
    margin = 1.0
    logits = answers["newsmix"].logits
    logits["onnx-fp32"] = logits["torch-eager"] + np.float32(factor * margin / 100)
    run = with_info(run, "onnx-fp32", replace(run.variants["onnx-fp32"], precision=precision))
    [one] = [one for one in choose(run, answers).candidates if one.variant == "onnx-fp32"]

    assert one.drop.same_model is same
    assert (one.standing, one.verdict) == (("in", "same model") if same else ("undecided", "undecided"))


def test_an_undecided_variant_says_how_many_texts_would_decide(run):
    selection = choose(run, scored({}, examples=250))
    needed = {one.variant: one.findings[0].needed for one in selection.candidates}
    text = " ".join(render_selection(selection).split())

    assert needed == {
        "torch-eager": "",
        **dict.fromkeys(set(MS) - {"torch-eager"}, "some 120 more texts, labelled or not,"),
    }
    assert f"{QUICK}, " in text
    assert ": may be above --max-accuracy-drop; some 120 more texts, labelled or not, would decide" in text
    assert "take torch-eager until that is decided" in text
    assert choose(run, scored({}, examples=370)).best.variant == QUICK


@pytest.mark.parametrize(
    ("wrong", "examples", "needed", "standing"),
    [
        (3, 500, "some 1,900 more texts, labelled or not,", "undecided"),
        (12, 2000, "some 380 more texts, labelled or not,", "undecided"),
        (15, 2500, "", "in"),
        (10, 800, "some 5,300 more labelled texts", "undecided"),
        (78, 6240, "", "out"),
        (10, 1000, "no number of texts at this loss", "undecided"),
    ],
)
def test_the_number_of_texts_follows_the_observed_loss(run, wrong, examples, needed, standing):
    [quick] = [one for one in choose(run, scored({QUICK: wrong}, examples)).candidates if one.variant == QUICK]

    assert (quick.findings[0].needed, quick.standing) == (needed, standing)


@pytest.mark.process
@pytest.mark.parametrize(("number", "undecided"), [("0024", set()), ("0025", set())])
def test_saved_runs_are_decided(number, undecided):
    [path] = [path for path in shipped("*/[0-9]*.json") if path.name.startswith(number)]
    selection = default_selection(read_run(path))
    fp32 = {"onnx-fp32", "onnx-fp32-fused", "openvino-fp32", "torchscript"}

    assert {one.variant for one in selection.candidates if one.standing == "undecided"} == undecided
    assert {one.variant for one in selection.candidates if one.verdict == "same model"} == fp32
    assert selection.best.variant == "openvino-int8-bf16"


def test_without_a_labelled_set_the_labels_of_parity_decide(run):
    bare = with_parity(run, {QUICK: 0.97})

    assert choose(bare, {}, "latency", 0.01).best.variant == "openvino-int8"
    assert choose(bare, {}, "latency", 0.031).best.variant == QUICK


@pytest.mark.parametrize(("agreement", "standing"), [(76 / 77, "in"), (75 / 77, "out")])
def test_one_label_at_parity_is_no_loss(run, agreement, standing):
    selection = choose(with_parity(run, {QUICK: agreement}, texts=77), {}, "size", 0.01)

    assert standings(selection)[QUICK] == standing


# Limits


def test_every_limit_that_is_exceeded_is_a_reason(run):
    limits = [
        Limit(flag=SIZE, metric="artifact_size", most=40e6),
        Limit(flag="--max-memory-mb", metric="peak_memory", most=100e6),
    ]
    selection = choose(run, scored({QUICK: 60}), "latency", 0.01, limits)
    text = render_selection(selection)

    assert standings(selection) == {"openvino-int8": "in", QUICK: "out", "torch-eager": "out", "onnx-fp32": "out"}
    assert text.splitlines() == [
        "variant             latency        accuracy lost",
        "------------------  -------------  ------------------------  ------",
        "openvino-int8*      20 ms (1x128)  0.000 (-0.004 to +0.004)  within",
        "onnx-int8-dynamic*  10 ms (1x128)  0.060 (+0.047 to +0.076)  out",
        "onnx-fp32           30 ms (1x128)  0.000 (-0.004 to +0.004)  out",
        "torch-eager         40 ms (1x128)  0.000                     out",
        "",
        "onnx-int8-dynamic: above --max-accuracy-drop; 104.0 MB (8x128) is above",
        "  --max-memory-mb",
        "onnx-fp32: 47.0 MB is above --max-size-mb; 376.0 MB (8x128) is above",
        "  --max-memory-mb",
        "torch-eager: 46.0 MB is above --max-size-mb; 368.0 MB (8x128) is above",
        "  --max-memory-mb",
        "* no other variant is as good in accuracy, latency, memory and size, and better",
        "  in one of them",
        "",
        "take openvino-int8: 2.00 times as fast as torch-eager; loses 0.000 of accuracy",
        "  on newsmix (95 %: at most 0.004)",
        "it is within every limit by the ends of its 95 % intervals",
    ]
    assert max(map(len, text.splitlines())) <= 80


def test_a_limit_within_an_interval_decides_nothing(run):
    run = with_rows(run, **{name.replace("-", "_"): rows(name, spread=0.02) for name in MS})
    selection = choose(run, scored({}), "latency", 0.01, [Limit(flag="--max-p95-ms", metric="latency", most=10.0e-3)])

    assert standings(selection)[QUICK] == "undecided"
    assert selection.best is None
    assert "take none: no variant is certain to be within every limit" in render_selection(selection)
    assert "undecided, and better if within: onnx-int8-dynamic" in render_selection(selection)


@pytest.mark.parametrize(("most", "standing"), [(10e-3, "out"), (26e-3, "undecided"), (80e-3, "in")])
def test_few_values_say_little_of_their_95th_percentile(run, most, standing):
    values = (20e-3, 21e-3, 20e-3, 22e-3, 21e-3, 20e-3, 24e-3, 21e-3)
    timed = [
        replace(one, values=values, launches=(0, 0, 1, 1, 2, 2, 3, 3), blocks=(0, 1) * 4)
        if one.metric == "latency"
        else one
        for one in rows("openvino-int8")
    ]
    limit = Limit(flag="--max-p95-ms", metric="latency_p95", most=most)
    selection = choose(with_rows(run, openvino_int8=timed), scored({}), "latency", 0.01, [limit])

    assert standings(selection)["openvino-int8"] == standing


def test_the_95th_percentile_of_a_single_value_is_open_above(run):
    few = [
        replace(one, values=one.values[:1], launches=(0,), blocks=(0,), cpu_seconds=one.cpu_seconds[:1])
        for one in run.measurements
        if one.metric == "latency"
    ]
    limit = Limit(flag="--max-p95-ms", metric="latency_p95", most=1e6)
    selection = choose(replace(run, measurements=tuple(few)), scored({}), "latency", 0.01, [limit])

    assert set(standings(selection).values()) == {"undecided"}


def test_the_smallest_batch_decides_a_limit_of_latency(run):
    limit = Limit(flag="--max-p95-ms", metric="latency_p95", most=21e-3)  # of eight texts it takes 57 ms

    assert standings(choose(run, scored({}), "latency", 0.01, [limit]))["openvino-int8"] == "in"


# Out whatever the limits


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
def test_a_variant_that_failed_or_ran_another_format_is_out(run, info, reason):
    selection = choose(with_info(run, QUICK, info), scored({}), "latency", 0.01)

    assert selection.best.variant == "openvino-int8"
    assert (standings(selection)[QUICK], why(selection, QUICK)) == ("out", reason)


def test_a_variant_that_was_not_measured_is_out(run):
    only = tuple(one for one in run.measurements if one.variant == "torch-eager")
    selection = choose(replace(run, measurements=only), scored({}), "latency", 0.01)

    assert selection.best.variant == "torch-eager"
    assert why(selection, QUICK) == "was not measured"
    assert choose(replace(run, measurements=()), scored({}), "latency", 0.01).best is None


def test_a_variant_without_predictions_is_undecided(run, tmp_path):
    answers = scored({})
    del answers["newsmix"].logits[QUICK]

    found = choose(replace(run, predictions=""), answers, "latency", 0.01)
    assert why(found, QUICK) == "its accuracy was not measured"
    [one] = [one for one in found.possibly_better if one.variant == QUICK]
    assert [finding.needed for finding in one.findings] == ["a longer --time-budget"]

    moved = replace(run, path=tmp_path / "copy.json", predictions="answers.parquet")
    assert why(choose(moved, answers, "latency", 0.01), QUICK) == "answers.parquet is not beside copy.json"


def test_texts_that_a_budget_left_out_are_told(run):
    sets = (replace(run.sets[0], unscored=940),)
    found = choose(replace(run, sets=sets), scored({}), "latency", 0.01)

    assert found.unscored == 940
    assert "940 texts of its sets were left out: a longer --time-budget scores them" in " ".join(
        render_selection(found).split()
    )


# Text and evidence


def test_the_front_holds_what_no_other_variant_beats_in_everything(run):
    selection = choose(run, scored({QUICK: 8, "onnx-fp32": 8}), "latency", 0.01)

    # one is the fastest, the other the smallest and most accurate
    assert {one.variant for one in selection.candidates if one.pareto_front} == {QUICK, "openvino-int8"}


def test_a_variant_that_the_run_cannot_tell_from_the_best_is_named(run):
    alike = with_rows(run, openvino_int8=rows("openvino-int8", milliseconds=10.001))
    selection = choose(alike, scored({}), "latency", 0.01)

    assert [one.variant for one in selection.as_good] == ["openvino-int8"]
    assert "this run cannot distinguish it from: openvino-int8" in render_selection(selection)


def test_no_gain_is_claimed_where_the_reference_is_alike(run):
    alike = with_rows(run, openvino_int8=(), onnx_int8_dynamic=(), onnx_fp32=rows("onnx-fp32", milliseconds=39.999))
    text = render_selection(choose(alike, scored({}), "latency", 0.01))

    assert "take onnx-fp32: loses" in text
    assert "this run cannot distinguish it from: torch-eager" in text


def test_cautions_are_in_text_and_evidence(run):
    info = replace(run.variants["openvino-int8"], without_vnni={"cut": 0.001}, notes=("two stay in fp32",))
    run = with_info(run, "openvino-int8", info)
    selection = choose(run, scored({}), "size", 0.01)
    text = " ".join(render_selection(selection).split())

    assert selection.best.cautions == (
        "without VNNI, 0.1 % of its int8 sums are cut: on such a CPU it may predict otherwise",
        "two stay in fp32",
    )
    assert all(f"! openvino-int8: {caution}" in text for caution in selection.best.cautions)
    assert evidence_of(run, selection).candidates[0].cautions == selection.best.cautions


def test_evidence_reads_back_as_it_was_written(run, tmp_path):
    limits = [Limit(flag=SIZE, metric="artifact_size", most=40e6)]
    evidence = evidence_of(run, choose(run, scored({QUICK: 8}), "latency", 0.01, limits))
    write_evidence(tmp_path / "evidence.json", evidence)

    assert read_evidence(tmp_path / "evidence.json") == evidence
    assert (evidence.chosen, evidence.possibly_better) == ("openvino-int8", (QUICK,))
    assert evidence.candidates[0].figure.value == pytest.approx(20e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda saved: saved | {"schema_version": 1}, "schema_version is 1, expected 2; write it again with"),
        (lambda saved: {"chosen": "x"}, "schema_version is None, expected 2; write it again with"),
        (lambda saved: [saved], "schema_version is None, expected 2; write it again with"),
        (lambda saved: saved | {"candidates": [{}]}, r"evidence.candidates\[0\].variant is missing; write it again"),
        (lambda saved: saved | {"chosen": 3}, r"evidence.chosen is 3, expected str \| null"),
    ],
)
def test_evidence_that_cannot_be_used_is_one_line(run, tmp_path, change, message):
    path = tmp_path / "evidence.json"
    write_evidence(path, evidence_of(run, choose(run, scored({}), "latency", 0.01)))
    path.write_text(json.dumps(change(json.loads(path.read_text()))))

    with pytest.raises(RunFileError, match=message) as error:
        read_evidence(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


CASES = {  # a change of the run, what variants predict wrong, and arguments
    "all within": (lambda run: run, {}, ()),
    "lost by the interval alone": (lambda run: run, {QUICK: 8}, ()),
    "lost by the point too": (lambda run: run, {QUICK: 60, "openvino-int8": 60}, ()),
    "another objective": (lambda run: run, {QUICK: 8}, ("--objective=size",)),
    "another limit": (lambda run: run, {QUICK: 20}, ("--objective=throughput", "--max-accuracy-drop=0.04")),
    "alike": (lambda run: with_rows(run, openvino_int8=rows("openvino-int8", milliseconds=10.001)), {}, ()),
    "by parity": (lambda run: with_parity(run, {QUICK: 0.99, "openvino-int8": 0.97}), {}, ()),
    "nothing measured": (lambda run: replace(run, measurements=()), {}, ()),
}


@pytest.mark.parametrize(("change", "wrong", "arguments"), CASES.values(), ids=CASES)
def test_export_best_and_recommend_take_the_same_variant_by_the_same_evidence(
    run, monkeypatch, tmp_path, capsys, change, wrong, arguments
):
    """Of the same run, whatever it holds: what is printed, the exit code and the evidence file are equal."""
    run = change(run)
    (tmp_path / "artifact").mkdir()
    artifact = SimpleNamespace(path=tmp_path / "artifact")
    prepared = SimpleNamespace(artifacts=dict.fromkeys(MS, artifact))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deploybench.bench.machine.alone.alone", nullcontext)
    checkpoint = SimpleNamespace(task="single-label")
    monkeypatch.setattr("deploybench.bench.pipeline.checkpoints.find_checkpoint", lambda _: checkpoint)
    monkeypatch.setattr("deploybench.bench.pipeline.prepare.prepare", lambda _: prepared)
    monkeypatch.setattr("deploybench.bench.pipeline.started_pytest.run_suites", lambda *_: (run.path, 0))
    monkeypatch.setattr("deploybench.bench.pipeline.best.find_artifact", lambda *_: artifact)
    monkeypatch.setattr("deploybench.bench.pipeline.best.write_example", lambda _: None)
    monkeypatch.setattr("deploybench.bench.runs.store.read_run", lambda _: run)
    monkeypatch.setattr("deploybench.bench.runs.store.read_runs", lambda _: (run,))
    monkeypatch.setattr("deploybench.bench.analysis.models.selection.read_scored", lambda _: scored(wrong))

    codes = [main(["export", "--checkpoint=x", "--best", "--output=by-export", *arguments])]
    printed = [capsys.readouterr().out]
    codes.append(main(["recommend", "results", "--copy-to=by-recommend", *arguments]))
    printed.append(capsys.readouterr().out)

    assert printed[0] == printed[1]
    assert codes[0] == codes[1]
    if codes[0] == 0:
        evidence = [read_evidence(Path(folder) / "evidence.json") for folder in ("by-export", "by-recommend")]
        assert isinstance(evidence[0], Evidence)
        assert evidence[0] == evidence[1]
        assert f"take {evidence[0].chosen}:" in printed[0]
    else:
        assert not list(tmp_path.glob("by-*"))


def test_shorter_texts_that_were_timed_as_well_decide_nothing(run):
    every = figures(run)
    own = next(one for one in every if (one.variant, one.metric) == (QUICK, "throughput") and one.value)
    short = replace(own, value=1e9, workload=replace(own.workload, batch_size=1, sequence_length=8))

    assert deciding_figure([short, *every], QUICK, "throughput") == deciding_figure(every, QUICK, "throughput") != short
    assert deciding_figure([replace(short, metric="latency"), *every], QUICK, "latency").workload.sequence_length > 8
