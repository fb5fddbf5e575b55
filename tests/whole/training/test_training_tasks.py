"""Training with several labels a text, and of one score: what is written, learnt, reported and refused."""

import csv
import dataclasses
import json

import numpy as np
import pytest
import torch
from builders import CLASSES, TEXTS, TINY, plain, starting_from, train_tiny
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score

from deploybench.bench.cli import main
from deploybench.bench.pipeline.seeds import seed_folder
from deploybench.bench.report.training_plots import training_plots
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.checkpoints.task import read_head
from deploybench.exporters.errors import DataError
from deploybench.exporters.files import sha256_file
from deploybench.exporters.head import HALF
from deploybench.exporters.texts import sha256_texts
from deploybench.exporters.training.model import build_model
from deploybench.exporters.training.recipe import EarlyStopping
from deploybench.exporters.training.tasks import first_outputs

NAMES = ("fake", "loud", "rare")
# There is something to learn, and the last label is on two texts alone.
LABELS = tuple(
    tuple(index for index, has in enumerate((CLASSES[place] == 1, "!" in text[:120], place in {3, 40})) if has)
    for place, text in enumerate(TEXTS)
)
SCORES = tuple(1 + 3 * label + len(text) % 7 / 10 for text, label in zip(TEXTS, CLASSES, strict=True))
SEVERAL = dataclasses.replace(TINY, task="multi-label")
SCORE = dataclasses.replace(TINY, task="score")


def train_several(folder, recipe=SEVERAL, **changes):
    sets = {"validation": (TEXTS, LABELS), "test": (TEXTS[:30], LABELS[:30])}
    return train_tiny(folder, recipe, **{"labels": LABELS, "label_names": NAMES, "evaluation": sets, **changes})


def train_score(folder, recipe=SCORE, **changes):
    sets = {"validation": (TEXTS, SCORES), "test": (TEXTS[:30], SCORES[:30])}
    return train_tiny(folder, recipe, **{"labels": SCORES, "label_names": ("score",), "evaluation": sets, **changes})


@pytest.fixture(scope="module")
def several(once):
    folder, report = once("several-labels", lambda folder: train_several(folder / "checkpoint"))
    return folder / "checkpoint", report


@pytest.fixture(scope="module")
def score(once):
    folder, report = once("one-score", lambda folder: train_score(folder / "checkpoint"))
    return folder / "checkpoint", report


def hot(labels):
    return np.array([[index in of for index in range(len(NAMES))] for of in labels], dtype=int)


def test_the_product_and_transformers_read_the_task(several, score):
    from transformers import AutoConfig

    for (folder, _), task, names in ((several, "multi-label", NAMES), (score, "score", ("score",))):
        checkpoint = read_checkpoint(folder)
        assert (checkpoint.task, checkpoint.labels) == (task, names)
        assert AutoConfig.from_pretrained(folder).num_labels == len(names)
    assert AutoConfig.from_pretrained(several[0]).problem_type == "multi_label_classification"
    assert AutoConfig.from_pretrained(score[0]).problem_type == "regression"


def test_what_holds_classes_is_not_written(several, score):
    for folder, report in (several, score):
        written = {path.name for path in folder.iterdir()}
        assert {"training.json", "calibration.json", "validation.json", "README.md"} < written
        assert not {"answers.json", "training_texts.json"} & written
        assert (report.accuracy, report.recall, report.f1) == ({}, {}, {})
        assert [one.name for one in training_plots(folder)] == ["training"]


def test_the_loss_is_that_of_the_task(several, score):
    """Of the trained model on each text alone: binary cross-entropy of all labels, and squared error."""
    for (folder, _), labels in ((several, hot(LABELS)), (score, np.array(SCORES)[:, None])):
        logits = torch.tensor(plain(folder, TEXTS, 48))
        of = torch.nn.functional
        loss = of.mse_loss if folder == score[0] else of.binary_cross_entropy_with_logits
        record = json.loads((folder / "training.json").read_text())
        last = record["epochs"][-1]["validation"]

        assert last["loss"] == pytest.approx(float(loss(logits, torch.tensor(labels, dtype=torch.float32))), rel=1e-3)


def test_scores_of_several_labels_are_by_the_thresholds_of_the_checkpoint(several):
    folder, report = several
    head = read_checkpoint(folder).head
    chances = 1 / (1 + np.exp(-plain(folder, TEXTS, 48).astype(np.float64)))
    found, true = (chances > np.array(head.thresholds)).astype(int)[:30], hot(LABELS)[:30]

    assert [*head.thresholds] == report.thresholds == json.loads((folder / "config.json").read_text())["thresholds"]
    assert head.thresholds[2] == HALF  # two texts say nothing of others
    assert report.scores["test"] == pytest.approx(
        {
            "macro_f1": f1_score(true, found, average="macro", zero_division=0),
            "micro_f1": f1_score(true, found, average="micro", zero_division=0),
            "subset_accuracy": (true == found).all(axis=1).mean(),
        }
    )
    at_half = f1_score(hot(LABELS), chances > HALF, average="macro", zero_division=0)
    assert report.epochs[-1]["validation"]["macro_f1"] == pytest.approx(at_half)
    assert report.scores["validation"]["macro_f1"] >= at_half


def test_scores_of_one_score(score):
    folder, report = score
    found = plain(folder, TEXTS[:30], 48)[:, 0].astype(np.float64)

    assert report.thresholds == []
    assert report.scores["test"] == pytest.approx(
        {
            "spearman": spearmanr(SCORES[:30], found).statistic,
            "pearson": pearsonr(SCORES[:30], found).statistic,
            "mae": np.abs(np.array(SCORES[:30]) - found).mean(),
        },
        abs=1e-5,
    )
    assert list(report.epochs[0]["validation"]) == ["loss", "spearman", "pearson", "mae"]


def test_a_new_score_begins_at_the_mean_of_the_training_set(tmp_path):
    """With a scale like that of stars times twenty, which one short training would not reach from 0."""
    far = tuple(100 + one for one in SCORES)
    report = train_score(
        tmp_path / "far", dataclasses.replace(SCORE, epochs=1), labels=far, evaluation={"test": (TEXTS, far)}
    )

    assert report.scores["test"]["mae"] < 5


def test_new_labels_begin_at_their_log_odds(tmp_path):
    """A rate of learning that moves nothing leaves them there: each label is as probable as it is frequent."""
    recipe = dataclasses.replace(SEVERAL, epochs=1, learning_rate=1e-12)
    train_several(tmp_path / "still", recipe)
    chances = 1 / (1 + np.exp(-plain(tmp_path / "still", TEXTS, 64)))

    assert chances.mean(axis=0) == pytest.approx((hot(LABELS).sum(axis=0) + 0.5) / (len(TEXTS) + 1), rel=0.2)
    assert first_outputs("single-label", CLASSES, 2) == []


def test_it_is_learnt(tmp_path):
    recipe = dataclasses.replace(SEVERAL, epochs=15)
    several = train_several(tmp_path / "several", recipe)
    score = train_score(tmp_path / "score", dataclasses.replace(recipe, task="score"))

    assert several.scores["validation"]["micro_f1"] > 0.8
    assert score.scores["validation"]["spearman"] > 0.7  # the second half of a score is chance


def test_the_best_epoch_is_that_of_the_tasks_metric(tmp_path):
    stopping = EarlyStopping(patience=1, threshold=0.0)
    for train, recipe, metric in ((train_several, SEVERAL, "macro_f1"), (train_score, SCORE, "spearman")):
        report = train(tmp_path / recipe.task, dataclasses.replace(recipe, epochs=3, early_stopping=stopping))
        reached = [one["validation"][metric] for one in report.epochs]

        assert report.best_epoch == 1 + reached.index(max(reached))


def test_the_same_seed_gives_the_same_bytes(several, score, tmp_path):
    for (folder, report), train in ((several, train_several), (score, train_score)):
        again = train(tmp_path / folder.parent.name)
        for name in ("model.safetensors", "config.json"):
            assert sha256_file(folder / name) == sha256_file(tmp_path / folder.parent.name / name)
        assert again.scores == report.scores
    assert score[1].data_sha256 == sha256_texts(TEXTS, SCORES)


def test_the_card_has_the_tasks_scores(several, score):
    card = (several[0] / "README.md").read_text(encoding="utf-8")
    assert "| set | macro F1 | micro F1 | subset accuracy |\n|---|---|---|---|\n| validation | " in card
    assert "| epoch | loss | validation macro F1 | seconds |" in card
    assert f"fake {several[1].thresholds[0]:.3f}, loud {several[1].thresholds[1]:.3f}, rare 0.500." in card
    card = (score[0] / "README.md").read_text(encoding="utf-8")
    assert "| set | Spearman | Pearson | MAE |" in card
    assert "threshold" not in card


REFUSED = [
    (
        train_several,
        {"labels": ((0,),) * 60},
        "no text with the label 'loud', expected a text or more of every label",
    ),
    (train_several, {"labels": ((0, 1, 2), (3,), *LABELS[2:])}, "has the label 3, expected 0 to 2"),
    (train_several, {"labels": LABELS[:-1]}, "60 texts and 59 labels"),
    (train_score, {"labels": (float("nan"), *SCORES[1:])}, "has the score nan, expected finite numbers"),
    (train_score, {"labels": (2.5,) * 60}, "has the score 2.5 alone, expected scores that differ"),
    (train_score, {"label_names": ("a", "b")}, "has 2 names of its score, expected one"),
]


@pytest.mark.parametrize(("train", "changes", "message"), REFUSED)
def test_labels_that_nothing_can_be_trained_on(tmp_path, train, changes, message):
    with pytest.raises(DataError, match=message):
        train(tmp_path / "checkpoint", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_score_with_equal_answers_is_no_number(tmp_path):
    same = (TEXTS[:1] * 5, SCORES[:5])
    report = train_score(tmp_path / "checkpoint", dataclasses.replace(SCORE, epochs=1), evaluation={"test": same})

    assert report.scores["test"]["spearman"] is None
    assert "NaN" not in (tmp_path / "checkpoint" / "training.json").read_text()
    assert "| test |  |  | " in (tmp_path / "checkpoint" / "README.md").read_text(encoding="utf-8")


def test_answers_of_an_earlier_training_are_forgotten(several, score, tmp_path):
    """Thresholds of other labels, and the sigmoid of a CrossEncoder, which a training on plain scores does not learn."""
    config = json.loads((score[0] / "config.json").read_text())
    assert read_head(tmp_path, {**config, "sentence_transformers": {"version": "5"}}).sigmoid
    for folder, more in ((several[0], {}), (score[0], {"sentence_transformers": {"version": "5"}})):
        base = tmp_path / folder.parent.name
        base.mkdir()
        for file in folder.iterdir():
            if file.is_file():
                (base / file.name).write_bytes(file.read_bytes())
        (base / "config.json").write_text(json.dumps({**json.loads((folder / "config.json").read_text()), **more}))
        model = build_model(starting_from(base, task="score"), None, ("score",), base).model
        assert read_head(tmp_path, json.loads(model.config.to_json_string())) == read_checkpoint(score[0]).head


def write(path, heads, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([heads, *rows])
    return str(path)


@pytest.mark.parametrize("task", ["multi-label", "score"])
def test_the_command(tiny_recipe, tmp_path, capsys, monkeypatch, task):
    monkeypatch.chdir(tmp_path)
    tiny_recipe.write_text(f'task = "{task}"\n{tiny_recipe.read_text()}')
    cells = ["|".join(NAMES[one] for one in of) for of in LABELS] if task == "multi-label" else SCORES
    file = write(
        tmp_path / "all.csv", ("text", "labels" if task == "multi-label" else "stars"), zip(TEXTS, cells, strict=True)
    )
    column = () if task == "multi-label" else ("--label-column", "stars")
    given = ["train", str(tiny_recipe), *column, "--train", file, "--external", f"test={file}", "--threads", "1"]

    assert main([*given, "--validation", file, "--output", "out"]) == 0
    printed = capsys.readouterr().out
    found = read_checkpoint(tmp_path / "out")
    assert (found.task, found.labels) == (task, ("score",) if task == "score" else tuple(sorted(NAMES)))
    if task == "score":
        assert "validation Spearman " in printed
        assert "\ntest, 60 " in printed
        assert ": Spearman 0" in printed or ": Spearman -0" in printed
        assert "thresholds" not in printed
    else:
        assert (
            "each with the highest F1 on validation, so that scores there are too high; 0.5 for 1 label with fewer than 5 texts"
            in printed
        )
        assert "\ntest, 60 " in printed
        assert ": macro F1 0." in printed

    assert main([*given, "--seeds", "2", "--output", "seeds"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{'Spearman' if task == 'score' else 'macro F1'} of tiny from 2 seeds")
    kept = json.loads((tmp_path / "seeds" / "seeds.json").read_text())["sets"]["test"]
    assert len(kept["spearman" if task == "score" else "macro_f1"]) == 2
    assert read_checkpoint(seed_folder(tmp_path / "seeds", TINY)).seeded == {}


def test_there_are_no_bundled_texts_of_these_tasks(tiny_recipe, capsys):
    tiny_recipe.write_text(f'task = "score"\n{tiny_recipe.read_text()}')

    assert main(["train", str(tiny_recipe), "--output", "out"]) == 2
    assert "--train: recipe 'tiny' has the task 'score', expected labelled texts to train on" in capsys.readouterr().err
