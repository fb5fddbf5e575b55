"""``deploybench train RECIPE --teacher DIR --layers N``: which layers a student has, and what it learns."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from builders import CLASSES, DROPPING, HELD_OUT, TEXTS, TINY, starting_from, train_tiny
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification, BertModel

from deploybench.bench.cli import main
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.errors import RecipeError
from deploybench.exporters.training.recipe import Student
from deploybench.exporters.training.student import evenly, keep_layers, learning_loss

SIZES = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 50}
DEEP = dataclasses.replace(
    DROPPING, epochs=8, architecture=dataclasses.replace(DROPPING.architecture, num_hidden_layers=4)
)
SHARED = dataclasses.replace(TINY, architecture=dataclasses.replace(TINY.architecture, num_hidden_layers=4))
NOT_AT_ALL = {"learning_rate": 1e-9, "epochs": 1}


@pytest.fixture(scope="module")
def teachers(once):
    """Folder of a classifier of four layers, by model type."""
    recipes = {"bert": DEEP, "albert": SHARED}
    return {
        kind: once(f"teacher-{kind}", lambda folder, recipe=recipe: train_tiny(folder / "checkpoint", recipe))[0]
        / "checkpoint"
        for kind, recipe in recipes.items()
    }


def weights(folder):
    return AutoModelForSequenceClassification.from_pretrained(folder).state_dict()


def test_a_student_starts_with_the_layers_that_are_kept(teachers, tmp_path):
    recipe = starting_from(teachers["bert"], student=Student(layers=2), **NOT_AT_ALL)
    report = train_tiny(tmp_path / "student", recipe)
    before, after = weights(teachers["bert"]), weights(tmp_path / "student")
    layer = "bert.encoder.layer.{}.attention.self.query.weight"

    assert report.student == {"layers": [0, 3], "of": 4}
    assert report.new_weights == []
    assert torch.allclose(after[layer.format(1)], before[layer.format(3)], atol=1e-5)
    assert not torch.allclose(before[layer.format(1)], before[layer.format(3)], atol=1e-2)
    assert len([name for name in after if name.endswith("query.weight")]) == 2


def test_a_student_of_shared_layers_applies_them_fewer_times(teachers, tmp_path):
    recipe = starting_from(teachers["albert"], student=Student(layers=3), **NOT_AT_ALL)
    train_tiny(tmp_path / "student", recipe)
    before, after = weights(teachers["albert"]), weights(tmp_path / "student")
    config = json.loads((tmp_path / "student" / "config.json").read_text())

    assert before.keys() == after.keys()
    assert all(
        torch.allclose(before[name], after[name], atol=1e-5) for name in before if before[name].is_floating_point()
    )
    assert config["num_hidden_layers"] == 3
    assert config["student"] == {"layers": 3, "teacher_layers": 4}


def agreement(one, other):
    """Mean distance of the probabilities of two checkpoints on held-out texts."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(one)
    batch = tokenizer(list(HELD_OUT[0]), truncation=True, max_length=48, padding=True, return_tensors="pt")
    models = [AutoModelForSequenceClassification.from_pretrained(folder).eval() for folder in (one, other)]
    with torch.inference_mode():
        first, second = (softmax(model(**batch).logits.numpy(), axis=1) for model in models)
    return float(np.abs(first - second).mean())


def test_a_student_learns_the_outputs_whatever_the_labels_are(teachers, tmp_path):
    teacher = teachers["bert"]
    student = starting_from(teacher, student=Student(layers=1), epochs=8)
    train_tiny(tmp_path / "untaught", dataclasses.replace(student, **NOT_AT_ALL))
    train_tiny(tmp_path / "taught", student, labels=[1 - one for one in CLASSES])

    assert agreement(tmp_path / "taught", teacher) < 0.6 * agreement(tmp_path / "untaught", teacher)


def test_the_command_says_what_the_student_is(teachers, tmp_path, capsys, monkeypatch, tiny_recipe):
    monkeypatch.chdir(tmp_path)
    assert (
        main(["train", str(tiny_recipe), "--teacher", str(teachers["albert"]), "--layers=1", "--output=student"]) == 0
    )
    said = capsys.readouterr().out
    card = (tmp_path / "student" / "README.md").read_text()
    record = json.loads((tmp_path / "student" / "training.json").read_text())

    assert f"student of {teachers['albert']}: layers 1 of 4, which learnt its outputs" in said
    assert "A student with 1 of the 4 layers, which learnt the outputs, not the labels, of" in card
    assert record["recipe"]["student"] == {"layers": 1}
    assert record["base_sha256"]
    assert read_checkpoint(tmp_path / "student").labels == ("real", "fake")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--teacher={bert}"], "--teacher: was given without --layers N"),
        (["--layers=2"], "--layers: was given without --teacher DIR"),
        (["--teacher={bert}", "--layers=0"], "--layers: "),
        (["--teacher={bert}", "--layers=4"], "--layers: is 4, expected 1 to 3: the teacher has 4 layers"),
        (["--teacher={bert}", "--layers=2", "--checkpoint={bert}"], "--checkpoint: a student starts from --teacher"),
        (["--teacher=nowhere", "--layers=2"], "--teacher: nowhere is no folder"),
    ],
)
def test_flags_that_do_not_fit_are_one_line(teachers, tmp_path, capsys, monkeypatch, tiny_recipe, flags, message):
    monkeypatch.chdir(tmp_path)
    flags = [flag.format(**teachers) for flag in flags]

    assert main(["train", str(tiny_recipe), *flags, "--output=student"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "student").exists()


def test_a_teacher_of_other_labels_is_refused(teachers, tmp_path):
    recipe = starting_from(teachers["bert"], student=Student(layers=2))
    labels = [index % 3 for index in range(len(TEXTS))]

    with pytest.raises(RecipeError, match="does not give the labels of the training texts"):
        train_tiny(tmp_path / "student", recipe, labels=labels, label_names=("a", "b", "c"), evaluation={})


def test_a_model_that_is_no_stack_of_equal_layers_is_refused():
    model = BertForSequenceClassification(BertConfig(num_hidden_layers=4, **SIZES))
    model.config.layer_types = ["full", "sliding", "full", "sliding"]
    with pytest.raises(RecipeError, match="is no stack of 4 equal layers"):
        keep_layers(model, 2)


def test_a_second_stack_of_as_many_layers_is_refused():
    model = BertForSequenceClassification(BertConfig(num_hidden_layers=4, **SIZES))
    model.other = BertModel(BertConfig(num_hidden_layers=4, **SIZES))
    with pytest.raises(RecipeError, match="is no stack of 4 equal layers"):
        keep_layers(model, 2)


@given(st.data(), st.integers(2, 48))
def test_kept_layers_are_in_order_and_have_both_ends(data, every):
    count = data.draw(st.integers(1, every - 1))
    found = evenly(every, count)

    assert len(set(found)) == count
    assert list(found) == sorted(found)
    assert found[0] == 0
    assert count == 1 or found[-1] == every - 1


def outputs(count):
    return torch.tensor(np.random.default_rng(count).normal(size=(5, count)), dtype=torch.float64)


def test_the_loss_of_classes_is_the_divergence_at_the_temperature():
    student, teacher = outputs(3), outputs(4)[:, :3]
    p, q = log_softmax(teacher.numpy() / 2, axis=1), log_softmax(student.numpy() / 2, axis=1)
    expected = 4 * (np.exp(p) * (p - q)).sum(axis=1).mean()

    assert float(learning_loss("single-label", student, teacher)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("task", "count"), [("single-label", 3), ("multi-label", 4), ("score", 1)])
def test_the_loss_is_least_where_outputs_are_the_teachers(task, count):
    teacher = outputs(count)
    student = teacher.clone().requires_grad_()
    learning_loss(task, student, teacher).backward()

    assert student.grad.abs().max() < 1e-12
    assert learning_loss(task, teacher + 0.5 * outputs(count + 1)[:, :count], teacher) > learning_loss(
        task, teacher, teacher
    )
