"""Checkpoints: what is read, and what is refused."""

import dataclasses
import importlib
import json
import shutil

import pytest

from deploybench.bench.pipeline.checkpoints import find_checkpoint
from deploybench.bench.pipeline.options import Options
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.checkpoints.classifier import copy_classifier, load_classifier, missing_weights
from deploybench.exporters.checkpoints.hub import fetch_checkpoint
from deploybench.exporters.checkpoints.pickled import convert_pickled
from deploybench.exporters.checkpoints.tokenization import load_tokenizer, tokenise
from deploybench.exporters.errors import CheckpointError, first_line
from deploybench.exporters.training.model import build_model
from deploybench.exporters.training.recipe import read_recipe


def find(tmp_path, checkpoint, **values):
    return find_checkpoint(Options(checkpoint=str(checkpoint), work_dir=tmp_path / "work", **values))


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
    assert checkpoint.trained_length is None
    assert checkpoint.num_parameters == sum(weight.numel() for weight in model.parameters())
    assert checkpoint.size == (checkpoint_folder / "model.safetensors").stat().st_size
    assert not checkpoint.random_weights
    assert not checkpoint.demonstration


def test_the_hash_is_of_the_content(checkpoint, checkpoint_copy):
    assert read_checkpoint(checkpoint_copy).sha256 == checkpoint.sha256

    change_config(checkpoint_copy, hidden_act="relu")

    assert read_checkpoint(checkpoint_copy).sha256 != checkpoint.sha256


def test_shards_are_read_whole(checkpoint_folder, checkpoint, tmp_path):
    folder = sharded(checkpoint_folder, tmp_path / "sharded")
    shards = sorted(folder.glob("model-*.safetensors"))

    assert len(shards) > 1
    assert read_checkpoint(folder).num_parameters == checkpoint.num_parameters

    shards[-1].unlink()
    with pytest.raises(CheckpointError, match="shard 'model-0.*' is missing"):
        read_checkpoint(folder)


def sharded(checkpoint_folder, folder):
    """A copy with its weights in shards."""
    from transformers import AutoModelForSequenceClassification

    shutil.copytree(checkpoint_folder, folder)
    (folder / "model.safetensors").unlink()
    AutoModelForSequenceClassification.from_pretrained(checkpoint_folder).save_pretrained(folder, max_shard_size="20KB")
    return folder


def test_one_file_wins_over_shards_as_in_transformers(checkpoint_folder, checkpoint, tmp_path):
    folder = sharded(checkpoint_folder, tmp_path / "both")
    shutil.copyfile(checkpoint_folder / "model.safetensors", folder / "model.safetensors")
    both = read_checkpoint(folder)
    (tmp_path / "out").mkdir()
    copy_classifier(folder, tmp_path / "out")

    assert (both.sha256, both.size) == (checkpoint.sha256, checkpoint.size)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["config.json", "model.safetensors"]

    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(-4, 2)
        weights.write(b"\0\0\1\0")
    assert read_checkpoint(folder).sha256 != both.sha256


def test_an_index_without_its_shards_is_ignored_beside_one_file(checkpoint_copy, checkpoint):
    (checkpoint_copy / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'
    )

    assert read_checkpoint(checkpoint_copy).sha256 == checkpoint.sha256


def test_shards_are_copied_with_their_index(checkpoint_folder, tmp_path):
    from safetensors.torch import load_file

    folder = sharded(checkpoint_folder, tmp_path / "shards")
    (tmp_path / "out").mkdir()
    copy_classifier(folder, tmp_path / "out")
    weights = load_classifier(tmp_path / "out").state_dict()

    assert all((weights[name] == one).all() for name, one in load_file(checkpoint_folder / "model.safetensors").items())


def test_texts_are_cut_where_they_were_in_training(checkpoint_copy):
    """Positions beyond the training length were never trained."""
    (checkpoint_copy / "training.json").write_text(json.dumps({"demonstration": True, "recipe": {"max_length": 40}}))

    found = read_checkpoint(checkpoint_copy)

    assert (found.trained_length, found.demonstration) == (40, True)


def damage_config_gone(folder):
    (folder / "config.json").unlink()


def damage_config_torn(folder):
    (folder / "config.json").write_text('{"model_type": ')


def damage_no_head(folder):
    change_config(folder, architectures=["AlbertModel"])


def damage_no_architectures(folder):
    change_config(folder, architectures=None)


def damage_regression(folder):
    change_config(folder, problem_type="regression")


def damage_one_label(folder):
    change_config(folder, id2label={"0": "score"}, problem_type="single_label_classification")


def damage_labels_from_one(folder):
    change_config(folder, id2label={"1": "real", "2": "fake"})


def damage_labels_as_list(folder):
    change_config(folder, id2label=["real", "fake"])


def damage_number_of_labels(folder):
    change_config(folder, id2label=None, num_labels="two")


def damage_index_without_map(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"metadata": {"total_size": 12}}')


def damage_index_of_numbers(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"classifier.weight": 1}}')


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


def damage_pickled_shards(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model-00001-of-00002.bin")


def damage_pickle_of_another_name(folder):
    (folder / "model.safetensors").rename(folder / "model.pt")


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
        (damage_regression, "has 2 outputs and problem_type 'regression', expected one score"),
        (damage_one_label, "has one class, expected 2 or more; problem_type 'regression' is one score"),
        (damage_truncated, "is no complete safetensors file of .* bytes .*; fetch or save it again"),
        (damage_truncated_header, "is no complete safetensors file of 20 bytes"),
        (damage_empty_weights, "is no complete safetensors file of 0 bytes"),
        (damage_pickle_only, r"holds pickled weights only \(pytorch_model.bin\).*pass --allow-pickle"),
        (
            damage_pickled_shards,
            r"\(pytorch_model-00001-of-00002.bin\).*reads pytorch_model.bin alone: save the model again",
        ),
        (damage_pickle_of_another_name, r"\(model.pt\).*reads pytorch_model.bin alone: save the model again"),
        (damage_labels_from_one, "config.json: id2label has the keys '1', '2', expected '0' to '1'; number the labels"),
        (damage_labels_as_list, "config.json: id2label is a list, expected an object of names by class index"),
        (damage_number_of_labels, "config.json: num_labels is 'two', expected a whole number"),
        (damage_index_without_map, "index.json: names no shards, expected a weight_map of file names; fetch or save"),
        (damage_index_of_numbers, "index.json: names no shards, expected a weight_map of file names; fetch or save"),
        (damage_no_weights, "holds no weights, expected model.safetensors"),
        (damage_no_tokenizer, "holds no tokenizer, expected tokenizer.json or a vocabulary"),
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


def pickle_weights(folder, leave_out="nothing"):
    """Turn a checkpoint's weights into pytorch_model.bin."""
    import torch
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if not name.startswith(leave_out)}
    torch.save(kept, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def test_pickled_weights_of_another_head_are_no_classifier(checkpoint_copy, tmp_path):
    """transformers would initialise the head at random and save it as a classifier's."""
    pickle_weights(checkpoint_copy)
    change_config(checkpoint_copy, architectures=["AlbertForMaskedLM"])

    with pytest.raises(CheckpointError, match=r"is no sequence classifier, architectures are \['AlbertForMaskedLM'\]"):
        find(tmp_path, checkpoint_copy, allow_pickle=True)
    assert not list((tmp_path / "work").rglob("*.safetensors"))


def test_pickled_weights_without_their_head_are_refused(checkpoint_copy, tmp_path):
    pickle_weights(checkpoint_copy, leave_out="classifier")

    with pytest.raises(
        CheckpointError, match="copy: 2 weights are missing or of another shape, 'classifier.bias' first"
    ):
        find(tmp_path, checkpoint_copy, allow_pickle=True)
    assert not list((tmp_path / "work").rglob("*.safetensors"))


def test_pickles_that_cannot_be_read_are_not_asked_for_again(checkpoint_copy, tmp_path):
    damage_pickled_shards(checkpoint_copy)

    with pytest.raises(CheckpointError, match="holds pickled weights only") as error:
        find(tmp_path, checkpoint_copy, allow_pickle=True)
    assert "pass --allow-pickle" not in str(error.value)


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
    assert found.name == "arch:albert-base-v2"


def test_an_unknown_architecture_gets_the_nearest_name(tmp_path):
    with pytest.raises(
        CheckpointError, match="did you mean arch:albert-base-v2\\? known: albert-base-v2, albert-large-v2"
    ):
        find(tmp_path, "arch:albert-base")


def recorded_answer(status, code=None, message=""):
    """A response of the Hub, with the header that its client reads the kind of refusal from."""
    from huggingface_hub.errors import HfHubHTTPError

    client = importlib.import_module(HfHubHTTPError.__bases__[0].__module__.partition(".")[0])
    request = client.Request("GET", "http://hub/api/models/owner/name/revision/main")
    if client.__name__ == "requests":  # of huggingface_hub below 1
        answer = client.Response()
        answer.status_code, answer.url, answer.request = status, request.url, request.prepare()
    else:
        answer = client.Response(status, request=request)
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


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (
            ["config.json", "pytorch_model.bin"],
            r"holds pickled weights only \(pytorch_model.bin\).*pass --allow-pickle",
        ),
        (["config.json", "model.pt"], r"holds pickled weights only \(model.pt\).*reads pytorch_model.bin alone"),
    ],
)
def test_a_hub_id_of_pickles_alone_gets_the_advice_for_pickles(checkpoint_copy, monkeypatch, listed, message):
    damage_no_weights(checkpoint_copy)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(checkpoint_copy))
    monkeypatch.setattr("huggingface_hub.list_repo_files", lambda *_, **__: listed)

    with pytest.raises(CheckpointError, match=f"^checkpoint 'owner/name': {message}"):
        fetch_checkpoint("owner/name")


def test_a_hub_id_without_weights_is_its_folder_where_the_hub_cannot_be_asked(checkpoint_copy, monkeypatch):
    damage_no_weights(checkpoint_copy)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(checkpoint_copy))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    assert fetch_checkpoint("owner/name") == checkpoint_copy


def test_a_torn_tokenizer_is_one_line(checkpoint_copy):
    path = checkpoint_copy / "tokenizer.json"
    path.write_bytes(path.read_bytes()[:1000])

    with pytest.raises(CheckpointError, match=r"copy: its tokenizer cannot be loaded \(.*\); save it again") as error:
        load_tokenizer(checkpoint_copy)
    assert "\n" not in str(error.value)
    message = r"tokenizer.json: cannot be read as a tokenizer \(EOF while .*\); fetch or save the tokenizer again$"
    with pytest.raises(CheckpointError, match=message) as error:
        tokenise(checkpoint_copy, ["a text"], 8)
    assert str(error.value).startswith(str(path))


def test_a_broken_sentencepiece_model_is_one_line(checkpoint_copy):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (checkpoint_copy / name).unlink()
    (checkpoint_copy / "spiece.model").write_bytes(b"no protobuf at all")

    with pytest.raises(CheckpointError, match=r"copy: its tokenizer cannot be loaded \(.*\); save it again") as error:
        load_tokenizer(checkpoint_copy)
    assert "\n" not in str(error.value)


def test_the_first_line_of_an_error_without_a_message_is_its_type():
    assert first_line(ValueError("\n one\ntwo")) == "one"
    assert first_line(ValueError(" \n")) == "ValueError"


def refuse_without_a_word(*_, **__):
    raise OSError


@pytest.mark.parametrize("of_another_shape", [["a.bias"], [("a.bias", (1,), (2,))]])
def test_missing_weights_with_either_version_of_transformers(of_another_shape):
    assert missing_weights({"missing_keys": ["b.bias"], "mismatched_keys": of_another_shape}) == ["a.bias", "b.bias"]


@pytest.mark.parametrize(
    ("broken", "call"),
    [
        ("huggingface_hub.snapshot_download", lambda folder: fetch_checkpoint("owner/name")),
        (
            "transformers.AutoModelForSequenceClassification.from_pretrained",
            lambda folder: convert_pickled(folder, folder / "out"),
        ),
        ("deploybench.exporters.checkpoints.tokenization.saved_tokenizer", load_tokenizer),
        (
            "transformers.AutoModelForSequenceClassification.from_pretrained",
            lambda folder: build_model(
                dataclasses.replace(read_recipe("demonstration"), architecture=None, checkpoint=str(folder)),
                None,
                ("real", "fake"),
                folder,
            ),
        ),
    ],
)
def test_an_error_without_a_message_is_named_by_its_type(checkpoint_copy, monkeypatch, broken, call):
    monkeypatch.setattr(broken, refuse_without_a_word)

    with pytest.raises(CheckpointError, match=r"\(OSError\)"):
        call(checkpoint_copy)
