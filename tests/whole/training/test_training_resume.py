"""A training that was interrupted: the same command with --resume ends with the same weights."""

import dataclasses
import functools

import pytest
from builders import DROPPING, JUDGED, TEXTS, TINY, train_tiny
from transformers import TrainerCallback

from deploybench.exporters.errors import CheckpointError
from deploybench.exporters.files import sha256_file
from deploybench.exporters.training import fitting
from deploybench.exporters.training.unfinished import Unfinished


class Interrupting(TrainerCallback):
    """Ends the training after a step, as a kill would; a state is written after every third."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        control.should_log = control.should_save = state.global_step % 3 == 0

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Interrupt at a step; resume."""

    def interrupt(step, recipe=DROPPING, **given):
        trainer_class = fitting._trainer_class

        def with_interruption(*arguments):
            class Interrupted(trainer_class(*arguments)):
                def __init__(self, callbacks, **keywords):
                    super().__init__(callbacks=[*callbacks, Interrupting(step)], **keywords)

            return Interrupted

        with monkeypatch.context() as patch:
            patch.setattr(fitting, "_trainer_class", with_interruption)
            with pytest.raises(KeyboardInterrupt):
                train_tiny(tmp_path / "checkpoint", recipe, **given)

    return interrupt


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The report of a training from beginning to end, by padding."""
    folder = tmp_path_factory.mktemp("uninterrupted")

    @functools.cache
    def report(padding):
        return train_tiny(folder / padding, dataclasses.replace(DROPPING, padding=padding), evaluation=JUDGED)

    return report


# Within an epoch, at its end, in the next one; the order of texts of another padding is drawn in another way.
@pytest.mark.parametrize(("step", "padding"), [(4, "bucketed"), (8, "bucketed"), (13, "bucketed"), (13, "longest")])
def test_interrupted_and_gone_on_with_it_has_the_same_weights(tmp_path, interrupted, uninterrupted, step, padding):
    recipe, whole = dataclasses.replace(DROPPING, padding=padding), uninterrupted(padding)
    interrupted(step, recipe, evaluation=JUDGED)
    assert not (tmp_path / "checkpoint").exists()
    again = train_tiny(tmp_path / "checkpoint", recipe, evaluation=JUDGED, resume=True)

    assert sha256_file(tmp_path / "checkpoint" / "model.safetensors") == again.weights_sha256 == whole.weights_sha256
    assert [one["loss"] for one in again.epochs] == pytest.approx([one["loss"] for one in whole.epochs], abs=1e-3)
    assert [one["validation"] for one in again.epochs] == [one["validation"] for one in whole.epochs]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint"]


def test_what_is_unfinished_is_not_lost_unless_asked(tmp_path, interrupted):
    interrupted(4)
    with pytest.raises(CheckpointError, match="holds an unfinished training, at step 3; pass --resume to continue it"):
        train_tiny(tmp_path / "checkpoint", DROPPING)
    with pytest.raises(
        CheckpointError, match="holds an unfinished training that differs in recipe, training texts; pass the same"
    ):
        train_tiny(tmp_path / "checkpoint", dataclasses.replace(DROPPING, seed=9), texts=TEXTS[::-1], resume=True)

    assert (tmp_path / ".checkpoint.training" / "checkpoint-3" / "whole.json").is_file()


def test_a_state_that_is_not_whole_is_no_state(tmp_path, interrupted):
    interrupted(7)
    folder = tmp_path / ".checkpoint.training"
    assert [path.name for path in folder.glob("checkpoint-*")] == ["checkpoint-6"]
    (folder / "checkpoint-7").mkdir()
    (folder / "checkpoint-7" / "model.safetensors").write_bytes(b"half")
    train_tiny(tmp_path / "checkpoint", DROPPING, resume=True)

    assert not folder.exists()


@pytest.mark.parametrize("file", ["optimizer.pt", "model.safetensors"])
def test_a_damaged_state_is_no_state(tmp_path, interrupted, uninterrupted, file):
    """The Trainer itself goes on without an optimizer, to other weights, and says nothing."""
    interrupted(7)
    damaged = tmp_path / ".checkpoint.training" / "checkpoint-6" / file
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert Unfinished(tmp_path / "checkpoint", {}).step() is None
    again = train_tiny(tmp_path / "checkpoint", DROPPING, resume=True)

    # A validation set changes no weights: a test in test_training_steps.py.
    assert again.weights_sha256 == uninterrupted(DROPPING.padding).weights_sha256


def test_nothing_to_go_on_with_is_a_beginning(tmp_path):
    train_tiny(tmp_path / "checkpoint", dataclasses.replace(TINY, epochs=1), resume=True)

    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
