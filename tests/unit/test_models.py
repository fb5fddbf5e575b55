"""Several models in one run: compared on the same texts, judged as variants are, timed against the first model."""

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from several import MODELS, VARIANTS, read_models, save_models

from deploybench.bench.analysis.evidence import read_evidence
from deploybench.bench.analysis.models.accuracy import (
    accuracies,
    accuracy_differences,
    difference_figures,
    most_accurate,
)
from deploybench.bench.analysis.models.pairs import of_pair, pair_name
from deploybench.bench.analysis.models.same_texts import labelled_texts, same_texts
from deploybench.bench.analysis.models.selection import best_of_each, pair_figures, pair_speed_ups, select_models
from deploybench.bench.analysis.models.trades import trades
from deploybench.bench.analysis.objectives import Aim, Limit
from deploybench.bench.analysis.selection import deciding_figure
from deploybench.bench.cli import main
from deploybench.bench.report.messages.models_screen import models_screen
from deploybench.bench.runs.predictions import read_answers
from deploybench.bench.statistics import mcnemar, paired_interval
from deploybench.exporters.errors import RunFileError
from deploybench.exporters.head import Head

SIZE = Limit(flag="--max-size-mb", metric="artifact_size", most=15e6)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return read_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    return read_models(tmp_path_factory.mktemp("untrained"), random_weights=True)


def rewritten(monkeypatch, runs, **of_model):
    """The runs with other predictions of some models; of names underscores are slashes."""
    changed = {name.replace("_", "/"): change for name, change in of_model.items()}
    runs = tuple(replace(run) for run in runs)  # results are kept by run
    known = {id(run): read_answers(run) for run in runs}
    for run in runs:
        change = changed.get(run.checkpoint.name, lambda one: one)
        known[id(run)] = {name: change(one) for name, one in known[id(run)].items()}
    for place in ("same_texts",):
        monkeypatch.setattr(f"deploybench.bench.analysis.models.{place}.read_scored", lambda run: known[id(run)])
    return runs


def right(run, variant="torch-eager"):
    """Whether each text was classified correctly, by its hash, from the predictions themselves."""
    return {
        row: logits.argmax() == label
        for of_set in read_answers(run).values()
        for row, label, logits in zip(of_set.rows, of_set.labels, of_set.logits[variant], strict=True)
    }


# Accuracy


def test_two_models_are_compared_on_the_same_texts_whatever_the_numbers_of_their_classes(runs):
    """The classes of one are real and fake, of the next 0 and 1, of the third fake and real."""
    found = {(one.model, one.against): one for one in accuracy_differences(runs)}

    assert [*found] == [("org/minilm", "albert"), ("tiny", "albert"), ("tiny", "org/minilm")]
    for run in runs:
        of_run = right(run)
        assert accuracies(runs)[run.checkpoint.name] == pytest.approx(sum(of_run.values()) / 700)
        for against in runs:
            if one := found.get((run.checkpoint.name, against.checkpoint.name)):
                theirs = right(against)
                won = sum(of_run[row] and not theirs[row] for row in of_run)
                lost = sum(theirs[row] and not of_run[row] for row in of_run)
                assert (one.won, one.lost, one.texts) == (won, lost, 700)
                assert one.change.value == pytest.approx((won - lost) / 700)
                assert (one.change.low, one.change.high) == paired_interval(lost, won, 700)
                assert one.p == mcnemar(lost, won)


def test_the_order_of_two_models_changes_the_sign_alone(runs):
    [one], [other] = accuracy_differences(runs[:2]), accuracy_differences(runs[1::-1])

    assert one.change.value == -other.change.value
    assert (one.change.low, one.change.high) == pytest.approx((-other.change.high, -other.change.low))
    assert (one.p, one.won, one.lost) == (other.p, other.lost, other.won)


def test_the_most_accurate_model_is_found_wherever_it_stands_and_of_equal_ones_the_first(runs):
    twin = replace(runs[0], checkpoint=replace(runs[0].checkpoint, name="twin"))

    assert most_accurate(runs) is runs[0]
    assert most_accurate(runs[::-1]) is runs[0]
    assert most_accurate((twin, *runs)) is twin


def test_texts_that_one_model_did_not_score_count_for_none(runs, monkeypatch):
    def first_hundred(one):
        return replace(
            one, rows=one.rows[:100], labels=one.labels[:100], logits={k: v[:100] for k, v in one.logits.items()}
        )

    fewer = rewritten(monkeypatch, runs, tiny=first_hundred)

    assert len(labelled_texts(fewer).rows) == 200
    assert [one.texts for one in accuracy_differences(fewer)] == [700, 200, 200]  # each pair by itself
    assert {one.drop.texts for one in select_models(fewer, Aim()).candidates} == {200}


def test_models_with_contradictory_labels_are_refused_in_one_line(runs, monkeypatch):
    def flipped(one):
        return replace(one, labels=np.concatenate([1 - one.labels[:1], one.labels[1:]]))

    with pytest.raises(RunFileError, match="albert and tiny have other labels for the same texts, expected") as caught:
        same_texts(rewritten(monkeypatch, runs, tiny=flipped))
    assert "\n" not in str(caught.value)


@settings(max_examples=30)
@given(st.permutations([0, 1, 2]), st.permutations([0, 1, 2]))
def test_classes_are_matched_by_the_labels_of_the_texts(one, other):
    """Any numbering of three classes in either model gives the same texts that both get right."""
    from deploybench.bench.analysis.models.same_texts import _classes

    truth = np.array([0, 1, 2, 0, 1])
    labels = [np.array(order)[truth] for order in (one, other)]
    run = SimpleNamespace(path="x", checkpoint=SimpleNamespace(name="x", labels=("a", "b", "c"), task="single-label"))
    logits = np.eye(3)[labels[1]]  # the second model is always right

    order = _classes(run, run, [tuple(labels)])
    assert (logits[:, order].argmax(axis=1) == labels[0]).all()


def test_the_figures_of_a_difference_are_its_change_and_its_p(runs):
    found = {(model, one.metric, one.label): one for model, one in difference_figures(runs)}
    [first, *_] = accuracy_differences(runs)
    change = found["org/minilm", "accuracy_change", "against albert"]

    assert len(found) == 6
    assert (change.value, change.low, change.high) == (first.change.value, first.change.low, first.change.high)
    assert found["org/minilm", "mcnemar_p", "against albert"].value == first.p


# Times


def test_speed_ups_of_all_models_are_over_the_first_and_what_slows_the_machine_cancels(runs):
    found = pair_speed_ups(runs)

    for model, (_, seconds, *_) in MODELS.items():
        for variant, speed_up in VARIANTS.items():
            for size in (1, 8):
                one = found[f"{model}/{variant}", size]
                assert one.value == pytest.approx(MODELS["albert"][1] / seconds * speed_up, rel=0.01)
                if (model, variant) != ("albert", "torch-eager"):
                    assert one.low < one.value < one.high < 1.1 * one.value


def test_a_batch_size_that_one_model_lacks_is_compared_among_the_others(runs):
    fewer = (*runs[:2], replace(runs[2], plan=replace(runs[2].plan, batch_sizes=(1,))))
    found = pair_speed_ups(fewer)

    assert ("tiny/torch-eager", 8) not in found
    assert found["org/minilm/torch-eager", 8].value == pytest.approx(2.5, rel=0.01)


# Selection


def names(selection, standing):
    return [one.variant for one in selection.candidates if one.standing == standing]


def test_every_pair_is_judged_against_the_most_accurate_model(runs):
    selection = select_models(runs[::-1], Aim())
    quick = next(one for one in selection.candidates if one.variant == "tiny/openvino-int8")
    ours, theirs = right(runs[2], "openvino-int8"), right(runs[0])

    assert selection.reference == "albert/torch-eager"
    assert len(selection.candidates) == 9
    assert quick.drop.share == pytest.approx((sum(theirs.values()) - sum(ours.values())) / 700)
    assert (quick.drop.on, quick.drop.labelled) == ("news + posts", 700)
    assert selection.best.variant == "albert/openvino-int8"
    assert names(selection, "undecided") == [f"org/minilm/{name}" for name in reversed(VARIANTS)]
    assert names(selection, "out") == [f"tiny/{name}" for name in reversed(VARIANTS)]
    assert [one.variant for one in selection.candidates if one.verdict == "reference"] == ["albert/torch-eager"]


@pytest.mark.parametrize(
    ("aim", "best"),
    [
        (Aim(max_drop=0.2), "tiny/openvino-int8"),
        (Aim(max_drop=0.1), "org/minilm/openvino-int8"),
        (Aim(max_drop=0.1, limits=(SIZE,)), "albert/openvino-int8"),
        (Aim(max_drop=0.2, objective="size", limits=(SIZE,)), "tiny/openvino-int8"),
        (Aim(max_drop=0.002), "albert/onnx-fp32"),
        (Aim(max_drop=0.002, limits=(SIZE,)), None),
    ],
)
def test_the_limits_decide_between_models(runs, aim, best):
    found = select_models(runs, aim).best

    assert (found and found.variant) == best


def test_on_each_set_a_pair_is_judged_on_each(runs):
    selection = select_models(runs, Aim(on_each_set=True))

    assert {len(one.findings) for one in selection.candidates} == {2}


def test_no_pair_on_the_front_is_beaten_in_everything_and_every_other_one_is(runs):
    selection = select_models(runs, Aim())
    every = [one for one in pair_figures(runs) if one.value is not None]
    costs = {
        one.variant: (
            one.drop.share,
            *(
                deciding_figure(every, one.variant, metric).value
                for metric in ("latency", "peak_memory", "artifact_size")
            ),
        )
        for one in selection.candidates
    }

    for one in selection.candidates:
        mine = costs[one.variant]
        beaten = any(
            all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine for other in costs.values()
        )
        assert one.pareto_front != beaten
    assert 0 < sum(one.pareto_front for one in selection.candidates) < 9


def test_without_accuracy_costs_alone_decide(untrained):
    selection = select_models(untrained, Aim())

    assert selection.by_costs
    assert selection.best.variant == "tiny/openvino-int8"
    assert names(selection, "in") == [one.variant for one in selection.candidates]
    assert [one.variant for one in selection.candidates if one.pareto_front] == ["tiny/openvino-int8"]
    assert accuracy_differences(untrained) == ()


def test_a_model_without_accuracy_is_not_taken_beside_models_that_have_one(runs):
    mixed = (*runs[:2], replace(runs[2], checkpoint=replace(runs[2].checkpoint, random_weights=True)))
    selection = select_models(mixed, Aim(max_drop=0.2))
    found = {one.variant: one for one in selection.candidates}

    assert not selection.by_costs
    assert selection.best.variant == "org/minilm/openvino-int8"
    assert found["tiny/openvino-int8"].why == "its accuracy was not measured"


def test_a_failed_variant_of_one_model_is_out_and_the_others_are_judged(runs):
    info = replace(runs[0].variants["openvino-int8"], failed="it crashed")
    failing = (replace(runs[0], variants={**runs[0].variants, "openvino-int8": info}), *runs[1:])
    selection = select_models(failing, Aim())

    assert selection.best.variant == "albert/onnx-fp32"
    assert (
        next(one for one in selection.candidates if one.variant == "albert/openvino-int8").why == "failed: it crashed"
    )


def test_another_model_is_not_taken_and_stands_for_no_model_unless_it_is_allowed(runs):
    """It is the fastest of its checkpoint, whose variants all lose too much for the default limit."""
    info = replace(runs[2].variants["openvino-int8"], another_model=True, precision="fp32")
    linear = (*runs[:2], replace(runs[2], variants={**runs[2].variants, "openvino-int8": info}))
    selection, allowed = (select_models(linear, Aim(max_drop=0.2, allow_other_model=one)) for one in (False, True))
    found = {one.variant: one for one in selection.candidates}["tiny/openvino-int8"]

    assert selection.best.variant == "tiny/onnx-fp32"
    assert (found.standing, found.verdict) == ("out", "another model")
    assert found.why == "another model, taken only with --allow-other-model"
    assert not found.pareto_front
    assert selection.other_models == ()
    assert allowed.best.variant == "tiny/openvino-int8"
    assert best_of_each(linear, select_models(linear, Aim()))["tiny"] == "tiny/onnx-fp32"
    assert best_of_each(linear, allowed)["tiny"] == "tiny/openvino-int8"
    assert "\ntiny/openvino-int8‡ " in models_screen(linear)


def test_another_model_that_would_do_instead_of_the_most_accurate_is_named(runs):
    info = replace(runs[0].variants["openvino-int8"], another_model=True, precision="fp32")
    linear = (replace(runs[0], variants={**runs[0].variants, "openvino-int8": info}), *runs[1:])
    [found] = select_models(linear, Aim()).other_models

    assert found.variant == "albert/openvino-int8"
    assert found.speed_up == pytest.approx(3, rel=0.05)
    assert {*found.accuracy} == {"news", "posts"}
    assert select_models(linear, Aim(allow_other_model=True)).other_models == ()
    assert "another model, albert/openvino-int8, has " in models_screen(linear)


def test_what_the_best_of_each_model_saves_is_by_paired_slices(runs):
    selection = select_models(runs, Aim())
    found = trades(runs, selection)

    assert [one.pair for one in found.values()] == [f"{name}/openvino-int8" for name in MODELS]
    assert {name: one.pair for name, one in found.items()} == best_of_each(runs, selection)
    assert found["tiny"].ratios == pytest.approx({"latency": 0.0267, "memory": 0.1033, "size": 0.1033}, rel=0.01)
    assert found["tiny"].drop.share > 0.1


def test_a_pair_is_found_by_its_name_where_a_model_has_a_slash(runs):
    assert pair_name(runs[1], "onnx-fp32") == "org/minilm/onnx-fp32"
    assert of_pair(runs, "org/minilm/onnx-fp32") == (runs[1], "onnx-fp32")


# Commands


@lru_cache(maxsize=1)
def saved(folder):
    return save_models(folder)


@pytest.fixture
def file(tmp_path_factory, monkeypatch):
    path = saved(tmp_path_factory.getbasetemp())
    monkeypatch.chdir(path.parents[2])
    return str(path.relative_to(path.parents[2]))


def test_recommend_copies_the_artifact_of_the_pair_and_says_why_it_was_taken(file, tmp_path, monkeypatch, capsys):
    asked = []
    (tmp_path / "artifact").mkdir()

    def find(run, variant, _):
        asked.append((run.checkpoint.name, variant))
        return SimpleNamespace(path=tmp_path / "artifact")

    monkeypatch.setattr("deploybench.bench.pipeline.best.find_artifact", find)
    monkeypatch.setattr("deploybench.bench.pipeline.best.write_example", lambda _: None)
    code = main(["recommend", file, "--max-accuracy-drop=0.1", "--copy-to", str(tmp_path / "best")])
    evidence = read_evidence(tmp_path / "best" / "evidence.json")

    assert (code, asked) == (0, [("org/minilm", "openvino-int8")])
    assert evidence.chosen == "org/minilm/openvino-int8"
    assert (evidence.checkpoint.name, evidence.reference, evidence.by_costs) == (
        "org/minilm",
        "albert/torch-eager",
        False,
    )


def test_recommend_exits_with_1_where_no_pair_is_within_the_limits(file, capsys):
    assert main(["recommend", file, "--max-accuracy-drop=0.002", "--max-size-mb=15"]) == 1
    assert "take none: no variant is certain" in capsys.readouterr().out


def test_of_one_model_alone_everything_is_as_for_a_file_of_one_model(file, tmp_path, capsys):
    one = json.loads(Path(file).read_text())
    one["deploybench"] = one["deploybench"]["models"][1]
    alone = Path(file).parent / "alone.json"
    alone.write_text(json.dumps(one))

    for command in (["recommend"], ["report"], ["report", "--format", "json"], ["errors"]):
        assert main([*command[:1], file, *command[1:], "--model", "org/minilm"]) == 0
        found = capsys.readouterr().out
        assert main([*command[:1], str(alone), *command[1:]]) == 0
        assert capsys.readouterr().out == found


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["report", "--format=card"],
            "--format card: is of one model, and this run has 3; pass --model NAME, one of albert, org/minilm, tiny",
        ),
        (["report", "--model=tin"], "_20261129_120000.json; did you mean 'tiny'? its models: albert, org/minilm, tiny"),
        (["recommend", "--model=x"], "--model: 'x' is not in results/Linux-CPython-3.11-64bit/0001_"),
        (["report", "--model=tiny", "--table=models"], "holds nothing for models"),
        (["errors"], "errors: is of one model, and this run has 3; pass --model NAME, one of albert, org/minilm, tiny"),
    ],
)
def test_what_is_of_one_model_is_refused_in_one_line(file, capsys, arguments, line):
    assert main([arguments[0], file, *arguments[1:]]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


def test_models_of_several_labels_answer_by_their_own_thresholds():
    from deploybench.bench.analysis.models.same_texts import _as_first

    heads = [Head(task="multi-label", labels=("a", "b"), thresholds=one) for one in ((0.5, 0.9), (0.2, 0.6))]
    first, other = (SimpleNamespace(checkpoint=SimpleNamespace(task="multi-label", head=one)) for one in heads)
    logits = np.random.default_rng(0).normal(0, 2, (200, 2)).astype(np.float32)

    assert (heads[0].answers(logits) != heads[1].answers(logits)).any()
    assert (heads[0].answers(_as_first(first, other, logits)) == heads[1].answers(logits)).all()
