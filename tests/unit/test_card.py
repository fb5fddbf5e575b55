"""A model card: front matter that huggingface_hub reads back, the tables' own figures, and names that break neither.

The expected text is ``tests/data/card.md``; after a wanted change: ``UPDATE_GOLDEN=1 pytest tests/unit/test_card.py``.
"""

import os
import re
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from shipped import shipped

from deploybench.bench.analysis import selection
from deploybench.bench.cli import main, parser
from deploybench.bench.report.cells import text_frame
from deploybench.bench.report.render import render
from deploybench.bench.report.tables import build_tables
from deploybench.bench.runs.store import read_run

DATA = Path(__file__).parents[1] / "data"
RUNS = shipped("*/[0-9]*.json")[-3:]
HEADS = {  # of the tables, by the metric's name on the card
    "single-label": {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1"},
    "multi-label": {"accuracy": "subset accuracy", "macro_f1": "macro F1", "micro_f1": "micro F1"},
    "score": {"spearman": "Spearman", "pearson": "Pearson", "absolute_error": "MAE"},
}
HOSTILE = "\n---\n: 'q\" | <b> [x](y) `c` *s* _e_ # {a: &b} \x1b\u202e\ud800真\U0001f600 ```"


@pytest.fixture
def run():
    return read_run(DATA / "run-schema-1.json")


def read(text):
    """What huggingface_hub's parser makes of the front matter; it raises for what it cannot use."""
    return ModelCard(text, ignore_metadata_errors=False).data


def command(text):
    """The command that measures it again, as the command line reads it."""
    [line] = [line for line in text.splitlines() if line.startswith("deploybench run")]
    return parser().parse_args(shlex.split(line)[1:])


def test_card_looks_like_this(run):
    text = render(run, "card")
    golden = DATA / "card.md"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert golden.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name[:4])
def test_metrics_are_those_of_the_tables(path):
    run = read_run(path)
    text = render(run, "card")
    found = read(text)
    results = {(one.dataset_name, one.metric_name.partition(" (")[0]): one for one in found.eval_results}
    [variant] = {one.metric_name.partition("(")[2][:-1] for one in found.eval_results}
    heads = HEADS[run.checkpoint.task]

    assert found.model_name == run.checkpoint.name
    assert f"Metrics are those of {variant}, " in text
    assert set(results) == {(one.name, metric) for one in run.sets for metric in heads}
    for labelled, table in zip(run.sets, build_tables(run, ["accuracy"])["accuracy"], strict=True):
        row = text_frame(table).set_index(text_frame(table)["variant"].str.rstrip("†!")).loc[variant]
        for metric, head in heads.items():
            assert f"{results[labelled.name, metric].metric_value:.3f}" == row[head].split()[0]
    asked = command(text)
    assert asked.variants == run.plan.variants
    assert asked.batch_sizes == run.plan.batch_sizes


@pytest.mark.process
def test_metrics_are_those_of_what_is_recommended(monkeypatch, capsys):
    """Of a run whose texts are too few for 1 %, at 5 %."""
    [path] = shipped("*/0025_*.json")
    monkeypatch.setattr(selection, "Aim", partial(selection.Aim, max_drop=0.05))
    text = render(read_run(path), "card")
    names = {one.metric_name for one in read(text).eval_results}

    assert main(["recommend", str(path), "--max-accuracy-drop=0.05"]) == 0
    [taken] = re.findall(r"^take (\S+):", capsys.readouterr().out, flags=re.MULTILINE)
    assert taken != "torch-eager"
    assert names == {f"{metric} ({taken})" for metric in HEADS["single-label"]}
    assert f"Metrics are those of {taken}, the fastest variant that is certain to lose at most 5 % of accuracy" in text


@pytest.mark.parametrize("parity", [{"agreement": 1.0, "examples": 8.0}, {}], ids=["proven", "not kept"])
def test_a_run_without_accuracy_has_no_metrics(run, parity):
    infos = {name: replace(one, parity=parity) for name, one in run.variants.items()}
    random = replace(run.checkpoint, random_weights=True)
    text = render(replace(run, checkpoint=random, sets=(), variants=infos), "card")

    assert read(text).eval_results is None
    assert "its accuracy was not measured" in text


@pytest.mark.parametrize("given", [True, False], ids=["sets were given", "no set"])
def test_a_card_of_random_weights_claims_no_accuracy(given):
    """What `deploybench run --checkpoint arch:albert-base-v2` saves: whatever sets are given, none is scored."""
    trained = read_run(RUNS[-1])
    run = replace(
        trained,
        checkpoint=replace(trained.checkpoint, name="arch:albert-base-v2", random_weights=True),
        sets=trained.sets if given else (),
        measurements=tuple(one for one in trained.measurements if one.data is None),
        predictions="",
    )
    text = render(run, "card")

    assert read(text).eval_results is None
    assert "Its weights are random" in text
    assert not re.search("Metrics are|keep its accuracy|of accuracy on every|accuracy holds", text)
    asked = command(text)
    assert asked.checkpoint == ["arch:albert-base-v2"]
    assert len(asked.external or ()) == len(run.sets)


@pytest.mark.parametrize("name", [HOSTILE, "null", "1e3", "- a", "---", "a: b", "~", "x" * 500], ids=range(8))
def test_names_that_are_somebodys(run, name):
    checkpoint = replace(run.checkpoint, name=name, labels=(name, f"{name}2"))
    sets = tuple(replace(one, name=name, summary=name) for one in run.sets)
    measured = tuple(replace(one, data=name) if one.data else one for one in run.measurements)
    text = render(replace(run, checkpoint=checkpoint, sets=sets, measurements=measured), "card")
    found = read(text)
    body = text.split("\n---\n", 1)[1]
    heads = [line for line in body.splitlines() if line.startswith("#")]

    assert found.model_name == found.eval_results[0].dataset_name
    assert "\x1b" not in found.model_name
    assert len(heads) == 7
    assert "<b>" not in body.rpartition("```sh")[0]
    assert body.count("\n```") == 2
    assert command(text).external == [f"{found.model_name}=FILE"]
