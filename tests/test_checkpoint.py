"""Checkpoints: what is read, and every folder that is none."""

import json
import shutil

import pytest

from bench.checkpoints import find_checkpoint
from bench.options import read_options
from exporters.checkpoint import read_checkpoint
from exporters.errors import CheckpointError
from exporters.hub import fetch_checkpoint


def find(tmp_path, checkpoint, **values):
    return find_checkpoint(read_options({"checkpoint": str(checkpoint), "work_dir": str(tmp_path / "work"), **values}))


def change_config(folder, **fields):
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


def test_what_is_read(checkpoint_folder, checkpoint):
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(checkpoint_folder)

    assert checkpoint.name == "tiny-albert"
    assert checkpoint.model_type == "albert"
    assert checkpoint.labels == ("real", "fake")
    assert checkpoint.max_length == 64
    assert checkpoint.scoring_length == 64
    assert checkpoint.num_parameters == sum(weight.numel() for weight in model.parameters())
    assert checkpoint.size == (checkpoint_folder / "model.safetensors").stat().st_size
    assert not checkpoint.random_weights
    assert not checkpoint.demonstration


def test_the_hash_is_of_the_content(checkpoint, checkpoint_copy):
    assert read_checkpoint(checkpoint_copy).sha256 == checkpoint.sha256

    change_config(checkpoint_copy, hidden_act="relu")

    assert read_checkpoint(checkpoint_copy).sha256 != checkpoint.sha256


def test_shards_are_read_whole(checkpoint_folder, checkpoint, tmp_path):
    from transformers import AutoModelForSequenceClassification

    folder = shutil.copytree(checkpoint_folder, tmp_path / "sharded")
    (folder / "model.safetensors").unlink()
    AutoModelForSequenceClassification.from_pretrained(checkpoint_folder).save_pretrained(folder, max_shard_size="20KB")
    shards = sorted(folder.glob("model-*.safetensors"))

    assert len(shards) > 1
    assert read_checkpoint(folder).num_parameters == checkpoint.num_parameters

    shards[-1].unlink()
    with pytest.raises(CheckpointError, match="shard 'model-0.*' is missing"):
        read_checkpoint(folder)


def test_positions_that_roberta_never_uses_do_not_count(checkpoint_copy):
    change_config(checkpoint_copy, model_type="roberta", max_position_embeddings=66, pad_token_id=1)

    assert read_checkpoint(checkpoint_copy).max_length == 64


def test_texts_are_cut_where_they_were_in_training(checkpoint_copy):
    """Positions beyond were never trained: a text that reaches them is another text to the model."""
    (checkpoint_copy / "training.json").write_text(json.dumps({"demonstration": True, "recipe": {"max_length": 40}}))

    found = read_checkpoint(checkpoint_copy)

    assert (found.max_length, found.scoring_length, found.demonstration) == (64, 40, True)


def damage_config_gone(folder):
    (folder / "config.json").unlink()


def damage_config_torn(folder):
    (folder / "config.json").write_text('{"model_type": ')


def damage_no_head(folder):
    change_config(folder, architectures=["AlbertModel"])


def damage_no_architectures(folder):
    change_config(folder, architectures=None)


def damage_regression(folder):
    change_config(folder, id2label={"0": "score"}, problem_type="regression")


def damage_one_label(folder):
    change_config(folder, id2label={"0": "score"})


def damage_truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def damage_truncated_header(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:20])


def damage_empty_weights(folder):
    (folder / "model.safetensors").write_bytes(b"")


def damage_pickle_only(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def damage_no_weights(folder):
    (folder / "model.safetensors").unlink()


def damage_no_tokenizer(folder):
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_config_gone, "is no checkpoint, it holds no config.json; pass the folder that save_pretrained wrote"),
        (damage_config_torn, "config.json: cannot be read as JSON"),
        (damage_no_head, r"is no sequence classifier, architectures are \['AlbertModel'\]; expected one named"),
        (damage_no_architectures, "is no sequence classifier, it names no architectures"),
        (damage_regression, "problem_type is 'regression', expected one label per text"),
        (damage_one_label, "has 1 label, expected at least 2"),
        (damage_truncated, "is no whole safetensors file of .* bytes .*; fetch or save it again"),
        (damage_truncated_header, "is no whole safetensors file of 20 bytes"),
        (damage_empty_weights, "is no whole safetensors file of 0 bytes"),
        (damage_pickle_only, r"holds pickled weights only \(pytorch_model.bin\).*pass --allow-pickle"),
        (damage_no_weights, "holds no weights, expected model.safetensors"),
        (damage_no_tokenizer, "holds no tokenizer, expected one of tokenizer.json"),
    ],
)
def test_a_folder_that_is_no_checkpoint_is_one_line(checkpoint_copy, damage, message):
    damage(checkpoint_copy)

    with pytest.raises(CheckpointError, match=message) as error:
        read_checkpoint(checkpoint_copy)
    assert "\n" not in str(error.value)
    assert str(checkpoint_copy) in str(error.value)


def test_a_missing_folder_and_a_file(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist, expected the folder"):
        find(tmp_path, tmp_path / "nowhere")

    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="is a file, expected the folder"):
        find(tmp_path, tmp_path / "file")


def test_pickled_weights_are_read_when_asked_for(checkpoint_folder, checkpoint_copy, tmp_path):
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(checkpoint_copy / "model.safetensors"), checkpoint_copy / "pytorch_model.bin")
    (checkpoint_copy / "model.safetensors").unlink()

    with pytest.raises(CheckpointError, match="pickled weights only"):
        find(tmp_path, checkpoint_copy)
    found = find(tmp_path, checkpoint_copy, allow_pickle=True)

    assert found.name == "copy"
    assert found.num_parameters == read_checkpoint(checkpoint_folder).num_parameters
    assert (found.path / "model.safetensors").is_file()


class Payload:
    def __reduce__(self):
        return (open, ("stolen", "w"))


def test_a_pickle_with_code_runs_none_of_it(checkpoint_copy, tmp_path, monkeypatch):
    import pickle

    monkeypatch.chdir(tmp_path)
    (checkpoint_copy / "model.safetensors").unlink()
    (checkpoint_copy / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Payload()}))

    with pytest.raises(CheckpointError, match="copy: its pickled weights cannot be read"):
        find(tmp_path, checkpoint_copy, allow_pickle=True)
    assert not (tmp_path / "stolen").exists()
    assert not list((tmp_path / "work").rglob("*.safetensors"))


def test_albert_base_has_its_published_number_of_parameters(tmp_path):
    found = find(tmp_path, "arch:albert-base-v2")

    assert found.num_parameters == 11_685_122
    assert found.random_weights
    assert found.max_length == 512
    assert found.name == "arch:albert-base-v2"


def test_an_unknown_architecture_gets_the_nearest_name(tmp_path):
    with pytest.raises(CheckpointError, match="did you mean arch:albert-base-v2\\? known: albert-base-v2, bert-base"):
        find(tmp_path, "arch:albert-base")


def recorded_answer(status, code=None, message=""):
    """An answer of the Hub, with the header by which its client tells one refusal from another."""
    import requests

    answer = requests.Response()
    answer.status_code = status
    answer.url = "hub/api/models/owner/name/revision/main"
    answer.request = requests.Request("GET", "http://hub/api/models/owner/name").prepare()
    if code:
        answer.headers["X-Error-Code"] = code
    answer.headers["X-Error-Message"] = message
    return answer


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "RepoNotFound", "the Hub has no such model or does not show it; check the name or log in"),
        (404, "RepoNotFound", "the Hub has no such model or does not show it; check the name or log in"),
        (403, "GatedRepo", "the Hub asks for permission; accept its terms there and log in"),
        (500, None, r"cannot be fetched from the Hub \(.*\); pass a folder instead"),
    ],
)
def test_what_the_hub_refuses_is_one_line(monkeypatch, status, code, message):
    import huggingface_hub
    from huggingface_hub.utils import hf_raise_for_status

    def refuse(*_, **__):
        hf_raise_for_status(recorded_answer(status, code))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)

    with pytest.raises(CheckpointError, match=f"^checkpoint 'owner/name': .*{message}$") as error:
        fetch_checkpoint("owner/name")
    assert "\n" not in str(error.value)


def test_a_hub_that_cannot_be_reached_says_what_to_pass(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(
        CheckpointError, match="the Hub cannot be reached; pass the folder of a checkpoint, or arch:albert"
    ):
        fetch_checkpoint("owner/never-fetched")


def test_a_name_that_cannot_be_a_hub_id():
    with pytest.raises(CheckpointError, match="no such folder, and no Hub id either; pass a folder or owner/name"):
        fetch_checkpoint("not a name")
