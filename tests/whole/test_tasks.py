"""Runs of models that give several labels or one score: measured, judged, compared and reported by their own metrics."""

import csv
import json
import re
import shutil
from dataclasses import replace

import builders
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from deploybench.bench import cli
from deploybench.bench.report.messages.first_screen import first_screen
from deploybench.bench.runs.predictions import read_answers
from deploybench.bench.runs.store import read_run
from deploybench.exporters.texts import Pair

LABELS = ("joy", "anger", "fear", "none of these")
THRESHOLDS = [0.5, 0.4, 0.6, 0.5]
TEXTS = builders.texts(120, words=40)
QUERIES = 15
VARIANTS = ("torch-eager", "onnx-fp32", "torchscript")


def write(path, heads, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a model and a file for each task, and the run of each; labels follow the models' own answers."""
    folder, random = tmp_path_factory.mktemp("tasks"), np.random.default_rng(0)
    named = dict(enumerate(LABELS))
    builders.bert(folder / "multi", id2label=named, label2id={v: k for k, v in named.items()})
    builders.change(folder / "multi" / "config.json", problem_type="multi_label_classification", thresholds=THRESHOLDS)
    logits = builders.plain(folder / "multi", TEXTS, 64) + random.normal(0, 0.5, (len(TEXTS), 4))
    cells = ["|".join(np.array(LABELS)[row > 0]) for row in logits]
    write(folder / "multi.csv", ["text", "labels"], zip(TEXTS, cells, strict=True))
    builders.bert(folder / "score", num_labels=1)
    pairs = [Pair(TEXTS[n % QUERIES], TEXTS[QUERIES + n]) for n in range(len(TEXTS) - QUERIES)]
    scores = builders.plain(folder / "score", pairs, 64)[:, 0]
    noisy = scores + random.normal(0, scores.std(), len(scores))
    write(
        folder / "score.csv", ["premise", "hypothesis", "label"], [(*p, s) for p, s in zip(pairs, noisy, strict=True)]
    )
    right = (noisy > np.quantile(noisy, 0.7)).astype(int)
    write(folder / "rank.csv", ["query", "document", "label"], [(*p, s) for p, s in zip(pairs, right, strict=True)])
    return folder


@pytest.fixture(scope="module")
def runs(made, tmp_path_factory):
    """The saved run of a model on a file, by name; measured at the first call."""
    found = {}

    def run(name, model):
        if name not in found:
            here = tmp_path_factory.mktemp(name)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(here)
                code = cli.main(
                    [
                        *("run", "--checkpoint", str(made / model), "--external", f"t={made / name}.csv"),
                        *("--variants", ",".join(VARIANTS), "--time-budget", "15"),
                    ]
                )
            assert code == 0
            found[name] = next(here.glob("results/*/*.json"))
        return found[name]

    return run


def figures(capsys, path):
    capsys.readouterr()
    assert cli.main(["report", str(path), "--format", "json"]) == 0
    return {
        (one["variant"], one["metric"], one["label"]): one
        for one in json.loads(capsys.readouterr().out)
        if one["data"] == "t"
    }


def said(capsys, *arguments, code=0):
    capsys.readouterr()
    assert cli.main([*map(str, arguments)]) == code
    found = capsys.readouterr()
    return found.out if code in (0, 1) else found.err


def test_several_labels_are_measured_as_scikit_learn_does(made, runs, capsys):
    path = runs("multi", "multi")
    found = figures(capsys, path)
    answers = read_answers(read_run(path))["t"]
    given, labels = answers.answers("onnx-fp32"), answers.labels
    plain = builders.plain(made / "multi", TEXTS, 64)

    assert answers.known.all()
    assert len(labels) == len(TEXTS)
    assert (
        np.abs(np.sort(answers.logits["torch-eager"], axis=0) - np.sort(plain, axis=0)).max()
        < 1e-5 * np.abs(plain).max()
    )
    assert found["onnx-fp32", "accuracy", None]["value"] == pytest.approx(
        metrics.accuracy_score(labels, given), abs=1e-9
    )
    for average in ("macro", "micro"):
        wanted = metrics.f1_score(labels, given, average=average, zero_division=0)
        one = found["onnx-fp32", f"{average}_f1", None]
        assert one["value"] == pytest.approx(wanted, abs=1e-9)
        assert one["low"] < wanted < one["high"]
    each = metrics.precision_recall_fscore_support(labels, given, average=None, zero_division=np.nan)
    for metric, values in zip(("precision", "recall", "f1"), each[:3], strict=True):
        for label, value in zip(LABELS, values, strict=True):
            assert found["onnx-fp32", metric, label]["value"] == (
                None if np.isnan(value) else pytest.approx(value, abs=1e-9)
            )
    assert found["onnx-fp32", "label_change_p", "joy"]["value"] == 1.0  # the same model


def test_scores_are_measured_as_scipy_does(runs, capsys):
    path = runs("score", "score")
    found = figures(capsys, path)
    answers = read_answers(read_run(path))["t"]
    scores = answers.logits["onnx-fp32"][:, 0].astype(float)
    wanted = {
        "spearman": stats.spearmanr(answers.labels, scores).statistic,
        "pearson": stats.pearsonr(answers.labels, scores).statistic,
        "absolute_error": metrics.mean_absolute_error(answers.labels, scores),
    }
    for metric, value in wanted.items():
        one = found["onnx-fp32", metric, None]
        assert one["value"] == pytest.approx(value, abs=1e-9)
        assert one["low"] < value < one["high"]
    assert not any(metric in ("ndcg", "accuracy", "confusion") for _, metric, _ in found)


def test_answers_to_queries_are_ranked_as_scikit_learn_does(runs, capsys):
    path = runs("rank", "score")
    found = figures(capsys, path)
    answers = read_answers(read_run(path))["t"]
    frame = pd.DataFrame(
        {"query": answers.queries, "label": answers.labels, "score": answers.logits["onnx-fp32"][:, 0].astype(float)}
    )
    some = [of_query for _, of_query in frame.groupby("query") if of_query.label.any()]
    gains = [metrics.ndcg_score([one.label], [one.score], k=10) for one in some]

    assert 5 < len(some) <= QUERIES
    assert found["onnx-fp32", "ndcg", None]["value"] == pytest.approx(np.mean(gains), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "model", "lost", "first"),
    [
        ("multi", "multi", "accuracy", "macro F1 of torch-eager: t (120 texts)"),
        ("score", "score", "Spearman", "Spearman of torch-eager: t (105 texts)"),
        ("rank", "score", "NDCG@10", "NDCG@10 of torch-eager: t (105 texts)"),
    ],
)
def test_the_answer_is_by_what_is_lost(runs, capsys, name, model, lost, first):
    path = runs(name, model)
    flag = "--max-accuracy-drop" if model == "multi" else "--max-score-drop"
    tables = said(capsys, "report", path)

    assert first in first_screen(read_run(path))
    assert f"{lost} lost" in said(capsys, "recommend", path, flag, "0.05")
    assert ("MRR" in tables) == (name == "rank")
    assert ("labels that a variant answers differently" in tables) == (name == "multi")
    page = said(capsys, "report", path, "--format", "html")
    assert f"{lost[0].upper()}{lost[1:]} against cost" in page
    assert "Probability calibration" not in page


def test_a_limit_of_another_task_is_refused(runs, capsys):
    score, multi = runs("score", "score"), runs("multi", "multi")

    for path, flag, right in (
        (score, "--max-accuracy-drop", "--max-score-drop"),
        (multi, "--max-score-drop", "--max-accuracy-drop"),
    ):
        error = said(capsys, "recommend", path, flag, "0.02", code=2)
        assert error.strip().endswith(f"whose limit is {right}; name that one")
        assert error.count("\n") == 1


def test_misclassified_texts_are_those_without_exactly_their_labels(made, runs, capsys):
    path = runs("multi", "multi")
    answers, file = read_answers(read_run(path))["t"], f"t={made / 'multi.csv'}"

    for arguments in ([], ["--external", file]):
        told = said(capsys, "errors", path, *arguments)
        assert f"{(~answers.right('torch-eager')).sum()} misclassified by torch-eager" in told
        assert re.search(r"^anger given wrongly: \d+ texts; 3 shown$", told, re.MULTILINE)
        assert "the label that is missed or given wrongly" in " ".join(told.split())
    assert "holds scores, of which none is right or wrong" in said(capsys, "errors", runs("score", "score"), code=2)


def test_texts_without_labels_say_nothing_of_a_score(made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = made / "score.csv"
    error = said(capsys, "run", "--checkpoint", made / "score", "--external", f"t={file}", "--unlabelled", file, code=2)

    assert "--unlabelled: score gives scores, of which texts without labels say nothing; name labelled texts" in error


@pytest.mark.parametrize(("model", "name"), [("multi", "multi"), ("score", "score")])
def test_a_linear_model_learns_classes_alone(made, tmp_path, monkeypatch, capsys, model, name):
    monkeypatch.chdir(tmp_path)
    file = f"{made / name}.csv"
    for flags in (["--train", file], ["--variants", "torch-eager,linear-tokens"]):
        error = said(capsys, "run", "--checkpoint", made / model, "--external", f"t={file}", *flags, code=2)
        assert re.search(f"{flags[0]}: linear-tokens learns one class of a text, and the task of {model} is ", error)


@pytest.mark.parametrize(("name", "metric"), [("score", "spearman"), ("rank", "ndcg"), ("multi", "macro_f1")])
def test_two_runs_are_compared_by_the_same_examples(runs, capsys, tmp_path, name, metric):
    """The contender's scores belong to other texts, its labels are the others: the change is found."""
    path = runs(name, "multi" if name == "multi" else "score")
    copy = tmp_path / path.name
    predictions = read_run(path).predictions
    frame = pd.read_parquet(path.parent / predictions)
    columns = [column for column in frame if column.startswith("logit_")]
    logits = frame[columns].to_numpy()
    frame[columns] = -logits if name == "multi" else np.random.default_rng(0).permutation(logits)
    frame.to_parquet(tmp_path / predictions, index=False)
    content = json.loads(path.read_text())
    shuffled = read_answers(replace(read_run(path), path=copy, measurements=()))["t"]
    for one in content["deploybench"]["measurements"]:
        if one["metric"] == "accuracy":  # which the file of predictions must not contradict
            one["values"] = shuffled.right(one["variant"]).astype(float).tolist()
    copy.write_text(json.dumps(content))
    changes = json.loads(said(capsys, "compare", path, copy, "--format", "json", code=1))["changes"]
    rows = [one for one in changes if one["metric"] == metric]

    assert [one["variant"] for one in rows] == list(VARIANTS)
    assert all(one["verdict"] == "worse" and one["change"] < one["high"] < 0 for one in rows)


def test_models_whose_sets_have_different_metrics_are_reported(made, tmp_path, monkeypatch, capsys):
    """One set has queries, the other none; the column of each is called by its own metric."""
    monkeypatch.chdir(tmp_path)
    models = [f"--checkpoint={name}={made / 'score'}" for name in ("one", "two")]
    sets = [f"--external={name}={made / name}.csv" for name in ("rank", "score")]
    screen = said(capsys, "run", *models, *sets, "--variants=torch-eager", "--time-budget=15")
    assert "Spearman of torch-eager: " in " ".join(screen.split())
    assert "McNemar" not in screen
    assert "accuracy of torch-eager" not in screen

    path = next(tmp_path.glob("results/*/*.json"))
    heads = said(capsys, "report", path, "--table", "models", "--format", "csv")
    assert "NDCG@10_rank" in heads
    assert "Spearman_score" in heads
    assert said(capsys, "report", path, "--format", "md")


def test_labels_that_are_all_equal_decide_nothing_and_it_is_said(made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = list(csv.reader((made / "score.csv").open(encoding="utf-8")))[1:30]
    write(tmp_path / "equal.csv", ["premise", "hypothesis", "label"], [(*one[:2], 2) for one in rows])
    flags = ["--external=t=equal.csv", f"--checkpoint={made / 'score'}", "--variants=onnx-fp32", "--time-budget=15"]
    screen = said(capsys, "run", *flags)
    told = " ".join(said(capsys, "recommend", "results").split())

    assert "undefined" in screen
    assert (
        "spearman is undefined on t, where all labels or all scores are equal; labels that differ would decide" in told
    )
    assert "more labelled texts" not in told


def test_a_run_is_not_worse_than_a_copy_of_it(runs, capsys, tmp_path):
    path = runs("score", "score")
    shutil.copytree(path.parent, tmp_path / "copy")
    found = json.loads(said(capsys, "compare", path, tmp_path / "copy" / path.name, "--format", "json"))

    assert {one["verdict"] for one in found["changes"] if one["metric"] == "spearman"} == {"no detectable change"}
