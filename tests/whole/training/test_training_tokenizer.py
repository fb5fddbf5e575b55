"""The tokenizer of a training: its own, a saved one of transformers 4 or 5, or a SentencePiece model."""

import dataclasses
import json
import shutil

import pytest
from builders import TEXTS, TINY, starting_from, train_tiny

from deploybench.exporters.checkpoints.tokenization import saved_tokenizer
from deploybench.exporters.errors import CheckpointError, RecipeError
from deploybench.exporters.files import sha256_file


@pytest.mark.parametrize(
    "config",
    [
        {"tokenizer_class": "AlbertTokenizer", "extra_special_tokens": {}},
        {"tokenizer_class": "TokenizersBackend", "backend": "tokenizers", "extra_special_tokens": ["[CLS]", "[SEP]"]},
    ],
)
def test_a_tokenizer_of_either_version_is_read(trained, tmp_path, config):
    """As transformers 4.57.6 and 5.23.0 name theirs, which the other one cannot read by itself."""
    out_dir, _ = trained
    shutil.copytree(out_dir, tmp_path / "other")
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "<unk>", "pad_token": "<pad>"}
    (tmp_path / "other" / "tokenizer_config.json").write_text(json.dumps({**config, **names}))
    (tmp_path / "other" / "special_tokens_map.json").unlink(missing_ok=True)
    read, own = (saved_tokenizer(folder) for folder in (tmp_path / "other", out_dir))

    assert read(list(TEXTS))["input_ids"] == own(list(TEXTS))["input_ids"]
    assert read.pad_token_id == 0
    train_tiny(
        tmp_path / "on",
        starting_from(tmp_path / "other", epochs=1),
    )
    saved = json.loads((tmp_path / "on" / "tokenizer_config.json").read_text())
    assert saved["tokenizer_class"] in ("AlbertTokenizer", "AlbertTokenizerFast", "PreTrainedTokenizerFast")
    assert not isinstance(saved.get("extra_special_tokens"), list)


SCRATCH = dataclasses.replace(TINY, tokenizer=None, epochs=1)


def test_a_sentencepiece_model_alone_is_a_tokenizer(trained, tmp_path):
    (tmp_path / "tokenizer").mkdir()
    shutil.copy(trained[0] / "spiece.model", tmp_path / "tokenizer")
    train_tiny(tmp_path / "checkpoint", SCRATCH, tokenizer_dir=tmp_path / "tokenizer")

    assert sha256_file(tmp_path / "checkpoint" / "tokenizer.json") == sha256_file(trained[0] / "tokenizer.json")
    assert [path.name for path in (tmp_path / "tokenizer").iterdir()] == ["spiece.model"]


def test_a_saved_tokenizer_is_read(trained, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "tokenizer").mkdir(exist_ok=True)
        shutil.copy(trained[0] / name, tmp_path / "tokenizer")
    train_tiny(tmp_path / "checkpoint", SCRATCH, tokenizer_dir=tmp_path / "tokenizer")

    saved = json.loads((tmp_path / "checkpoint" / "tokenizer_config.json").read_text())
    assert saved["model_max_length"] == 80


BROKEN = [
    ("nothing", b""),
    ("tokenizer.json", b"{}"),
    ("spiece.model", b"junk"),
    ("tokenizer_config.json", b"{"),
    ("vocab.txt", b"a"),
]


@pytest.mark.parametrize(("name", "content"), BROKEN)
def test_a_folder_without_a_tokenizer(tmp_path, name, content):
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / name).write_bytes(content)

    with pytest.raises(CheckpointError) as caught:
        train_tiny(tmp_path / "checkpoint", SCRATCH, tokenizer_dir=tmp_path / "tokenizer")
    assert str(caught.value).startswith(f"{tmp_path / 'tokenizer'}: holds no tokenizer that can be read (")
    assert str(caught.value).endswith(
        "); expected spiece.model, or the files that save_pretrained of a tokenizer writes"
    )
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer"]


def test_a_tokenizer_folder_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        train_tiny(tmp_path / "checkpoint", SCRATCH, tokenizer_dir=tmp_path / "gone")

    assert str(caught.value) == (
        f"{tmp_path / 'gone'}: does not exist, expected the folder of a tokenizer, such as one with spiece.model"
    )


TOKENIZERS = [
    (TINY, "x", "recipe 'tiny' trains its own tokenizer, found the folder x as well; leave one out"),
    (
        starting_from("a/b"),
        "x",
        "recipe 'tiny' starts from 'a/b', which has its tokenizer, found the folder x as well; leave it out",
    ),
    (
        SCRATCH,
        None,
        "recipe 'tiny' has no [tokenizer], expected that or the folder of a tokenizer; "
        "pass one, such as a folder with the spiece.model of albert-base-v2",
    ),
]


@pytest.mark.parametrize(("recipe", "folder", "message"), TOKENIZERS)
def test_tokenizer_and_recipe_must_agree(tmp_path, recipe, folder, message):
    with pytest.raises(RecipeError) as caught:
        train_tiny(tmp_path / "checkpoint", recipe, tokenizer_dir=folder)

    assert str(caught.value) == message
