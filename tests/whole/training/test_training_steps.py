"""The steps of a training: order and padding of batches, accumulation, number formats, early stopping."""

import dataclasses
import json

import numpy as np
import pytest
from builders import CLASSES, DROPPING, HELD_OUT, JUDGED, TEXTS, TINY, train_tiny
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from deploybench.bench.texts.demonstration.corpus import LABELS
from deploybench.bench.worker import client
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.errors import RecipeError
from deploybench.exporters.files import sha256_file
from deploybench.exporters.texts import row_hash
from deploybench.exporters.training import fitting
from deploybench.exporters.training.batching import LengthGroupedOrder
from deploybench.exporters.training.recipe import EarlyStopping
from deploybench.exporters.training.scores import weighted_f1
from deploybench.exporters.training.train import train

STOPPING = dataclasses.replace(TINY, epochs=12, early_stopping=EarlyStopping(patience=2, threshold=0.001))


def test_every_epoch_is_scored_and_training_stops_where_nothing_is_gained(tmp_path, monkeypatch):
    scores = iter([0.5, 0.7, 0.7, 0.7005, 0.9])  # what comes within the threshold is no gain
    monkeypatch.setattr(fitting, "validation_scores", lambda *_: {"accuracy": 0.5, "f1": next(scores)})
    report = train_tiny(tmp_path / "checkpoint", STOPPING, evaluation=JUDGED)

    assert [one["validation"]["f1"] for one in report.epochs] == [0.5, 0.7, 0.7, 0.7005]
    assert report.best_epoch == 4
    assert report.batch["steps"] == 96
    assert set(report.accuracy) == {"test", "validation"}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_the_weights_are_those_of_the_best_epoch(tmp_path, monkeypatch):
    one = train_tiny(tmp_path / "one", dataclasses.replace(STOPPING, epochs=1), evaluation=JUDGED)
    scores = iter([0.9, 0.1, 0.1])
    monkeypatch.setattr(fitting, "validation_scores", lambda *_: {"accuracy": 0.5, "f1": next(scores)})
    best = train_tiny(tmp_path / "best", STOPPING, evaluation=JUDGED)

    assert (best.best_epoch, len(best.epochs)) == (1, 3)
    assert (
        one.accuracy != best.accuracy or one.epochs[0]["loss"] != best.epochs[0]["loss"]
    )  # the rates differ, by the steps


def test_early_stopping_needs_something_to_judge_by(tmp_path):
    with pytest.raises(
        RecipeError, match="has .early_stopping., expected a validation set to measure it on; pass --validation"
    ):
        train_tiny(tmp_path / "checkpoint", STOPPING)
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_f1_is_that_of_scikit_learn(pairs):
    labels, found = np.array(pairs).T

    assert weighted_f1(labels, found) == pytest.approx(
        f1_score(labels, found, average="weighted", zero_division=0), abs=1e-9
    )


def test_weights_are_the_same_with_and_without_a_validation_set(tmp_path):
    alone = train_tiny(tmp_path / "alone", DROPPING)
    judged = train_tiny(tmp_path / "judged", DROPPING, evaluation=JUDGED)

    assert alone.weights_sha256 == judged.weights_sha256
    left = json.loads((tmp_path / "judged" / "validation.json").read_text())
    assert sorted(left["rows"]) == sorted(map(row_hash, JUDGED["validation"][0]))
    assert not (tmp_path / "alone" / "validation.json").exists()


LENGTHS = [index * 37 % 101 for index in range(1003)]


def batches(order, size=4):
    indices = list(order)
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def test_order_holds_every_text_once():
    assert sorted(LengthGroupedOrder(LENGTHS, 4, 7)) == list(range(1003))


def test_batches_are_of_like_length():
    spans = [
        max(LENGTHS[i] for i in batch) - min(LENGTHS[i] for i in batch)
        for batch in batches(LengthGroupedOrder(LENGTHS, 4, 7))
    ]

    assert sum(spans[:-1]) / len(spans[:-1]) < 5


def test_batches_do_not_come_by_length():
    """Neighbours differ as much as any two batches do."""
    longest = [max(LENGTHS[i] for i in batch) for batch in batches(LengthGroupedOrder(LENGTHS, 4, 7))]
    steps = [abs(one - other) for one, other in zip(longest, longest[1:], strict=False)]

    assert sum(steps) / len(steps) > 25


def test_order_belongs_to_seed_and_epoch():
    order = LengthGroupedOrder(LENGTHS, 4, 7)
    first = list(order)
    order.set_epoch(1)
    second = list(order)
    order.set_epoch(0)

    assert first != second
    assert first == list(order)
    assert first != list(LengthGroupedOrder(LENGTHS, 4, 8))


def test_the_trainer_uses_the_order_and_says_the_epoch(tmp_path, monkeypatch):
    epochs = []
    monkeypatch.setattr(LengthGroupedOrder, "set_epoch", lambda _, epoch: epochs.append(epoch))
    train_tiny(tmp_path / "grouped")

    assert set(epochs) == {0, 1}


def test_random_order_can_be_asked_for(trained, tmp_path):
    train_tiny(tmp_path / "checkpoint", dataclasses.replace(TINY, padding="longest"))

    assert read_checkpoint(tmp_path / "checkpoint").sha256 != read_checkpoint(trained[0]).sha256


def test_every_text_is_padded_to_the_full_length_if_asked(tmp_path, monkeypatch):
    shapes = set()
    trainer_class = fitting._trainer_class

    def watching(*given):
        class Watching(trainer_class(*given)):
            def training_step(self, model, inputs, *arguments):
                shapes.add(tuple(inputs["input_ids"].shape))
                return super().training_step(model, inputs, *arguments)

        return Watching

    monkeypatch.setattr(fitting, "_trainer_class", watching)
    train_tiny(tmp_path / "full", dataclasses.replace(TINY, padding="max_length", per_device_batch_size=4, epochs=1))

    assert shapes == {(4, 48)}  # 60 texts: 15 batches of 4, two behind a step


def test_accumulated_batches_are_one_step(tmp_path):
    """The same texts behind a step, in one batch or in two, give the same weights up to rounding."""
    from safetensors.numpy import load_file

    weights, losses = [], []
    for name, per_device in (("whole", None), ("halves", 4)):
        recipe = dataclasses.replace(
            TINY, padding="max_length", per_device_batch_size=per_device, epochs=1, learning_rate=1e-3
        )
        losses.append(train_tiny(tmp_path / name, recipe, texts=TEXTS[:56], labels=CLASSES[:56]).epochs[0]["loss"])
        weights.append(load_file(tmp_path / name / "model.safetensors"))
    one, other = weights

    assert max(abs(one[key] - other[key]).max() for key in one) < 2e-4
    assert any((one[key] != other[key]).any() for key in one)
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


def test_the_loss_of_accumulated_batches_is_their_mean(tmp_path):
    """Of BERT too, which says that it makes use of the number of texts behind a step, and does not."""
    report = train_tiny(tmp_path / "checkpoint", dataclasses.replace(DROPPING, per_device_batch_size=2))

    assert all(0.5 < one["loss"] < 0.9 for one in report.epochs)


@pytest.mark.parametrize(("changes", "same"), [({"warmup_steps": 5}, False), ({"eval_batch_size": 3}, True)])
def test_what_else_a_recipe_may_ask(trained, tmp_path, changes, same):
    report = train_tiny(tmp_path / "checkpoint", dataclasses.replace(TINY, **changes))

    assert (report.weights_sha256 == trained[1].weights_sha256) is same


def test_mixed_precision_is_another_training(tmp_path):
    """Each in a process of its own: accelerate's precision is one for a whole process."""
    given = {"texts": TEXTS, "labels": CLASSES, "label_names": LABELS, "evaluation": {"test": HELD_OUT}}
    fp32, bf16 = (
        client.call_in_child(
            train, dataclasses.replace(TINY, precision=one), threads=1, keywords={**given, "out_dir": tmp_path / one}
        )
        for one in ("fp32", "bf16")
    )

    assert (fp32.precision, bf16.precision) == ("fp32", "bf16")
    assert fp32.weights_sha256 != bf16.weights_sha256


@pytest.mark.filterwarnings("error::FutureWarning")
def test_checkpointed_gradients_are_the_same(tmp_path):
    bert = dataclasses.replace(TINY.architecture, model_type="bert", embedding_size=None, num_hidden_groups=None)
    recipe = dataclasses.replace(TINY, architecture=bert, epochs=1)
    for folder, asked in (("without", False), ("with", True)):
        train_tiny(tmp_path / folder, dataclasses.replace(recipe, gradient_checkpointing=asked))
    without, with_ = (sha256_file(tmp_path / one / "model.safetensors") for one in ("without", "with"))

    assert without == with_


def test_a_model_that_cannot_have_its_gradients_checkpointed(tmp_path):
    with pytest.raises(RecipeError) as caught:
        train_tiny(tmp_path / "checkpoint", dataclasses.replace(TINY, gradient_checkpointing=True))

    assert str(caught.value) == (
        "recipe 'tiny': 'gradient_checkpointing' is true, which transformers does not support for 'albert'; "
        "leave it out, and lower per_device_batch_size if memory is short"
    )
