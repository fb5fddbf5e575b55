"""What a training starts from: a checkpoint, whose head may be of other classes, or a published architecture."""

import dataclasses
import json
import shutil

import pytest
import torch
from builders import CLASSES, TEXTS, TINY, starting_from, train_tiny
from safetensors.torch import load_file, save_file

from deploybench.bench.texts.demonstration.corpus import LABELS
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.errors import CheckpointError, RecipeError
from deploybench.exporters.files import sha256_file
from deploybench.exporters.training import model as starting
from deploybench.exporters.training import train as training
from deploybench.exporters.training.model import build_model


def test_half_a_file_of_weights_is_one_line(trained, tmp_path):
    out_dir, _ = trained
    shutil.copytree(out_dir, tmp_path / "half")
    (tmp_path / "half" / "model.safetensors").write_bytes(b"\x08" * 100)
    recipe = starting_from(tmp_path / "half")
    with pytest.raises(
        CheckpointError,
        match=r"half: cannot be loaded as the start of a training \(.*\); pass a folder with a complete",
    ):
        train_tiny(tmp_path / "checkpoint", recipe)


def test_from_a_checkpoint(trained, tmp_path):
    from safetensors.numpy import load_file

    recipe = starting_from(trained[0], learning_rate=1e-9)
    labels = [index % 3 for index in range(60)]
    train_tiny(tmp_path / "checkpoint", recipe, labels=labels, label_names=("a", "b", "c"), evaluation={})
    before, after = (load_file(folder / "model.safetensors") for folder in (trained[0], tmp_path / "checkpoint"))
    name = "albert.embeddings.word_embeddings.weight"

    assert read_checkpoint(tmp_path / "checkpoint").labels == ("a", "b", "c")
    assert abs(before[name] - after[name]).max() < 1e-5
    assert sha256_file(tmp_path / "checkpoint" / "tokenizer.json") == sha256_file(trained[0] / "tokenizer.json")


def test_a_checkpoint_has_its_own_limit(trained, tmp_path):
    recipe = starting_from(trained[0], max_length=81)

    with pytest.raises(RecipeError) as caught:
        train_tiny(tmp_path / "checkpoint", recipe)
    assert str(caught.value) == "recipe 'tiny': 'max_length' is 81, expected at most 80"


def test_a_checkpoint_without_weights(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").unlink()
    recipe = starting_from(tmp_path / "base")

    with pytest.raises(
        CheckpointError, match=r"base: cannot be loaded as the start of a training \(.*model\.safetensors"
    ) as caught:
        train_tiny(tmp_path / "checkpoint", recipe)
    assert "\n" not in str(caught.value)


PUBLISHED = dataclasses.replace(TINY, architecture=None, checkpoint="arch:tinybert-4-312", epochs=1)


def test_a_published_architecture_from_scratch(tmp_path):
    report = train_tiny(tmp_path / "checkpoint", PUBLISHED, texts=TEXTS[:16], labels=CLASSES[:16])
    config = json.loads((tmp_path / "checkpoint" / "config.json").read_text())

    assert report.num_parameters == 14_350_874  # all of the published encoder, its vocabulary too
    assert (config["vocab_size"], config["hidden_size"], config["num_hidden_layers"]) == (30522, 312, 4)
    assert read_checkpoint(tmp_path / "checkpoint").labels == LABELS


def test_an_architecture_needs_a_tokenizer_that_it_has_room_for(tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match=r"has no \[tokenizer\], expected that or the folder of a tokenizer"):
        train_tiny(tmp_path / "checkpoint", dataclasses.replace(PUBLISHED, tokenizer=None))

    monkeypatch.setitem(starting.ARCHITECTURES, "tinybert-4-312", {"model_type": "bert", "vocab_size": 200})
    with pytest.raises(RecipeError) as caught:
        train_tiny(tmp_path / "checkpoint", PUBLISHED)
    assert str(caught.value) == (
        "recipe 'tiny': the tokenizer has 300 pieces, arch:tinybert-4-312 takes at most 200; "
        "pass the tokenizer of the published model, or train one with [tokenizer]"
    )


def test_training_goes_on_from_the_fetched_folder(trained, tmp_path):
    recipe = starting_from("owner/name", epochs=1)
    train_tiny(tmp_path / "checkpoint", recipe, checkpoint_dir=trained[0])

    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["recipe"]["checkpoint"] == "owner/name"


HEAD = ("classifier.bias", "classifier.weight")


@pytest.mark.parametrize(("label_names", "new"), [(LABELS, ()), ((*LABELS, "satire"), HEAD)])
def test_which_weights_are_new(trained, label_names, new):
    recipe = starting_from("owner/name")
    start = build_model(recipe, None, label_names, trained[0])
    before, after = load_file(trained[0] / "model.safetensors"), start.model.state_dict()

    assert start.new_weights == new
    assert all(torch.equal(before[name], after[name]) for name in before if name not in new)
    assert all(before[name].shape != after[name].shape for name in new)


def test_new_weights_are_told(trained, tmp_path):
    recipe = starting_from("owner/name", epochs=1)
    classes = [index % 3 for index in range(len(TEXTS))]
    given = {"checkpoint_dir": trained[0], "labels": classes, "label_names": ("a", "b", "c"), "evaluation": {}}
    report = train_tiny(tmp_path / "checkpoint", recipe, **given)

    assert report.new_weights == list(HEAD)
    assert json.loads((tmp_path / "checkpoint" / "training.json").read_text())["new_weights"] == list(HEAD)
    assert "Started from owner/name, with new classifier.bias, classifier.weight; " in (
        tmp_path / "checkpoint" / "README.md"
    ).read_text(encoding="utf-8")


def goes_on(folder, label_names):
    recipe = starting_from(folder)
    return build_model(recipe, None, label_names, folder)


def rename_classes(folder, names):
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(index): name for index, name in enumerate(names)}
    config["label2id"] = {name: index for index, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config))


def test_classes_in_another_order_change_places(trained):
    same, swapped = (goes_on(trained[0], names).model.eval() for names in (LABELS, LABELS[::-1]))
    ids = torch.tensor([[2, 11, 12, 3]])

    assert goes_on(trained[0], LABELS[::-1]).new_weights == ()
    torch.testing.assert_close(swapped(ids).logits, same(ids).logits.flip(1))
    assert swapped.config.id2label == dict(enumerate(LABELS[::-1]))


def test_a_head_of_other_classes_begins_anew(trained):
    start, again = (goes_on(trained[0], ("apple", "banana")) for _ in range(2))
    before = load_file(trained[0] / "model.safetensors")["classifier.weight"]

    assert start.new_weights == HEAD
    assert not torch.equal(start.model.classifier.weight, before)
    assert torch.equal(start.model.classifier.weight, again.model.classifier.weight)
    assert start.model.classifier.bias.tolist() == [0, 0]


def test_a_head_whose_classes_have_no_names_goes_on(trained, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(trained[0], folder)
    rename_classes(folder, ("LABEL_0", "LABEL_1"))
    start = goes_on(folder, ("apple", "banana"))

    assert start.new_weights == ()
    assert torch.equal(start.model.classifier.weight, load_file(folder / "model.safetensors")["classifier.weight"])


@pytest.fixture
def base(trained, tmp_path):
    """A checkpoint to start from, and what changes its weights."""
    folder = tmp_path / "base"
    shutil.copytree(trained[0], folder)

    def change():
        weights = load_file(folder / "model.safetensors")
        save_file({name: 1.5 * one for name, one in weights.items()}, folder / "model.safetensors", {"format": "pt"})

    return folder, change


def test_another_checkpoint_in_the_same_place_is_another_start(base, tmp_path):
    folder, change = base
    recipe = starting_from(folder, epochs=1)
    report = train_tiny(tmp_path / "out", recipe)
    again = train_tiny(tmp_path / "out", recipe)
    change()
    with pytest.raises(CheckpointError, match="out: holds a finished training from another checkpoint; name another"):
        train_tiny(tmp_path / "out", recipe)

    assert (report.weights_sha256, report.base_sha256) == (again.weights_sha256, again.base_sha256)
    assert train_tiny(tmp_path / "other", recipe).base_sha256 != report.base_sha256


def test_a_head_without_its_pooler_is_refused(base):
    folder, _ = base
    weights = load_file(folder / "model.safetensors")
    del weights["albert.pooler.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})

    with pytest.raises(CheckpointError, match="'albert.pooler.weight' first"):
        goes_on(folder, LABELS)


@pytest.mark.parametrize("broken", ["left out", "of another shape"])
def test_an_encoder_is_not_made_up(trained, tmp_path, broken):
    folder = tmp_path / "base"
    shutil.copytree(trained[0], folder)
    weights = load_file(folder / "model.safetensors")
    name = min(name for name in weights if ".attention." in name)
    found = weights.pop(name)
    if broken == "of another shape":
        weights[name] = torch.cat([found, found])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    recipe = starting_from(folder)

    with pytest.raises(CheckpointError) as caught:
        build_model(recipe, None, LABELS, folder)
    assert str(caught.value) == (
        f"{folder}: 1 weights of its encoder are missing or of another shape, {name!r} first; expected all of them, since a "
        "training would start from random ones; pass the folder of a complete model"
    )


def test_an_unfinished_training_does_not_go_on_from_another_checkpoint(base, tmp_path, monkeypatch):
    folder, change = base
    recipe = starting_from(folder)
    monkeypatch.setattr(training, "_save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path / "out", recipe)
    change()

    with pytest.raises(CheckpointError, match="an unfinished training that differs in checkpoint to start from; pass"):
        train_tiny(tmp_path / "out", recipe, resume=True)
