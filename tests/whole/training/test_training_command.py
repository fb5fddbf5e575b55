"""``deploybench train``: its files, columns and labels, and what it asks of the process that trains."""

import shutil
import types
from csv import writer

import pytest
from builders import CLASSES, TEXTS, fail_with

from deploybench.bench import cli
from deploybench.bench.pipeline import training as command
from deploybench.bench.worker import client


@pytest.fixture
def asked(monkeypatch):
    """What `deploybench train` asks of the process that trains; nothing is trained."""
    asked = {}

    def call(target, recipe, *, keywords, **others):
        asked.update(recipe=recipe, **keywords, **others)
        return types.SimpleNamespace(
            seconds=1.0,
            num_parameters=1,
            new_weights=[],
            student=None,
            accuracy=dict.fromkeys(keywords["evaluation"], 1.0),
            thresholds=[],
            epochs=[
                {"number": 1, "loss": 0.5, "seconds": 61.0, "validation": {"loss": 0.4, "accuracy": 0.8, "f1": 0.75}}
            ],
            best_epoch=1,
            weights_sha256="a" * 64,
            samples_per_second=10.0,
            tokens_per_second=1234.5,
            padding_share=0.125,
            peak_memory=2 * 10**9,
            peak_device_memory=None,
        )

    monkeypatch.setattr(command, "call_in_child", call)
    monkeypatch.setattr("deploybench.bench.report.training_plots.write_plots", lambda plots, folder: None)
    return asked


@pytest.fixture
def csv(tmp_path):
    """A labelled file whose text is in columns of the user's own."""
    path = tmp_path / "mine.csv"
    path.write_text("headline,body,label\na,b,0\nc,d,1\nc,d,1\n", encoding="utf-8")
    return str(path)


COLUMNS = ("--text-columns", "headline, body", "--drop-bad-rows")


def ask(*arguments):
    return cli.main(["train", *arguments, "--output", "unused"])


def test_the_command_reads_options_as_every_command_does(asked, csv, capsys):
    assert ask("demonstration", "--train", csv, *COLUMNS, "--external", f"x={csv}", "--threads", "1") == 0
    assert asked["texts"] == ("a b", "c d")
    assert asked["evaluation"] == {"x": (("a b", "c d"), (0, 1))}
    assert asked["threads"] == 1
    summary = "2 articles (1 of class 0, 1 of class 1); left out: 1 duplicate row"
    leak = "set x: 2 of 2 texts are also in the training set: scores on it will be too high; deploybench prepare fixes that\n"
    assert capsys.readouterr().err == f"training set mine: {summary}\nset x: {summary}\n{leak}"


BAD_FILES = [
    (
        "headline,body,label\na,b,0\nc,d,0\n",
        (),
        "training set of 2 texts has no text of class '1', expected texts of 2",
    ),
    ("headline,body,label\na,b,true\nc,d,true\n", (), "one class"),
    (
        "headline,body,label\na,b,0\n,,1\nc,d,1\n",
        (),
        "row 2: no text in 'headline', 'body'; fix it, or pass --drop-bad-rows",
    ),
    ("headline,body,label\na,b,0\nc,d,\ne,f,1\n", (), "row 2"),
]


@pytest.mark.parametrize(("content", "arguments", "message"), BAD_FILES)
def test_rows_that_cannot_be_trained_on(tmp_path, capsys, monkeypatch, content, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text(content)

    assert ask("demonstration", "--train", "bad.csv", "--text-columns", "headline,body", *arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("deploybench: error: ")
    assert message in error
    assert not (tmp_path / "unused").exists()


def test_rows_without_text_are_left_out_if_asked_and_counted(asked, tmp_path, capsys):
    (tmp_path / "gaps.csv").write_text("text,label\na,fake\n,real\nb,real\n", encoding="utf-8")

    assert ask("demonstration", "--train", str(tmp_path / "gaps.csv"), "--drop-bad-rows") == 0
    assert asked["texts"] == ("a", "b")
    assert capsys.readouterr().err.endswith("left out: 1 row without text\n")


def test_labels_as_words_are_the_classes(asked, tmp_path):
    (tmp_path / "words.csv").write_text("text,label\na,sport\nb,world\nc,sport\nd,business\n", encoding="utf-8")

    assert ask("demonstration", "--train", str(tmp_path / "words.csv")) == 0
    assert asked["label_names"] == ("business", "sport", "world")
    assert asked["labels"] == (1, 2, 1, 0)


def test_texts_that_are_trained_on_and_scored_are_said(asked, csv, tmp_path, capsys):
    (tmp_path / "other.csv").write_text("headline,body,label\na,b,0\ne,f,1\n", encoding="utf-8")
    both = ("--external", f"x={tmp_path / 'other.csv'}", "--validation", csv)

    assert ask("demonstration", "--train", csv, *COLUMNS, *both) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "in the training set" in line]
    assert told == [
        "set validation: 2 of 2 texts are also in the training set: scores on it will be too high; deploybench prepare fixes that",
        "set x: 1 of 2 texts are also in the training set: scores on it will be too high; deploybench prepare fixes that",
    ]
    assert ask("demonstration") == 0
    assert "in the training set" not in capsys.readouterr().err


def test_two_sets_of_one_name_are_refused(asked, csv, capsys):
    assert ask("demonstration", "--train", csv, *COLUMNS, "--external", f"a={csv}", "--external", f"a={csv}") == 2
    assert f"--external: two sets are called 'a'; name them apart, such as second={csv}\n" in capsys.readouterr().err
    assert asked == {}


@pytest.mark.parametrize("recipe", ["demonstration", "albert-mini"])
def test_a_demonstration_is_what_the_bundled_corpus_gives(asked, csv, recipe):
    assert ask(recipe) == 0
    assert asked["demonstration"] is True
    assert ask(recipe, "--train", csv, *COLUMNS) == 0
    assert asked["demonstration"] is False


RECIPE = (
    'description = "d"\ncheckpoint = "CHECKPOINT"\nmax_length = 48\nbatch_size = 8\nepochs = 1\nlearning_rate = 1e-3\n'
)


def test_a_checkpoint_of_the_hub_is_fetched_before_the_offline_process(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "fetch_checkpoint", lambda name, **_: tmp_path / name)
    (tmp_path / "r.toml").write_text(RECIPE.replace("CHECKPOINT", "owner/name"), encoding="utf-8")

    assert ask(str(tmp_path / "r.toml")) == 0
    assert asked["checkpoint_dir"] == tmp_path / "owner/name"
    assert asked["recipe"].checkpoint == "owner/name"  # the record is the same on every machine
    (tmp_path / "r.toml").write_text(RECIPE.replace("CHECKPOINT", str(tmp_path)), encoding="utf-8")
    assert ask(str(tmp_path / "r.toml")) == 0
    assert asked["checkpoint_dir"] == tmp_path


def test_a_hub_that_cannot_be_reached_says_what_to_pass(asked, csv, capsys, monkeypatch):
    """As huggingface_hub says it without a network; recorded with its version 0.36.2."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    recorded = (
        "Cannot find an appropriate cached snapshot folder for the specified revision on the local disk and outgoing "
        "traffic has been disabled. To enable repo look-ups and downloads online, pass 'local_files_only=False' as input."
    )
    monkeypatch.setattr("huggingface_hub.snapshot_download", fail_with(LocalEntryNotFoundError(recorded)))

    assert ask("albert-welfake", "--train", csv, *COLUMNS) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "deploybench: error: checkpoint 'albert-base-v2': no such folder, and the Hub cannot be reached; "
        "pass its folder with --checkpoint DIR, or --checkpoint arch:NAME to train the published architecture from scratch"
    )
    assert asked == {}


def test_another_start_than_the_recipes(asked, csv, tmp_path, capsys):
    train = ("albert-welfake", "--train", csv, *COLUMNS)
    assert ask(*train, "--checkpoint", str(tmp_path)) == 0
    assert (asked["recipe"].checkpoint, asked["checkpoint_dir"]) == (str(tmp_path), tmp_path)
    assert f"started from {tmp_path}, including its classification head\n" in capsys.readouterr().out
    assert ask(*train, "--checkpoint", "arch:albert-base-v2", "--tokenizer", str(tmp_path)) == 0
    assert (asked["recipe"].architecture_name, asked["checkpoint_dir"]) == ("albert-base-v2", None)
    assert "started from" not in capsys.readouterr().out
    assert ask(*train, "--checkpoint", "arch:albert-base") == 2
    assert "did you mean arch:albert-base-v2?" in capsys.readouterr().err
    assert ask("demonstration", "--checkpoint", str(tmp_path)) == 2
    assert "recipe 'demonstration' trains its own architecture from scratch" in capsys.readouterr().err


def test_a_warm_up_that_is_longer_than_the_training_is_said(asked, csv, tmp_path, capsys):
    assert ask("albert-welfake", "--train", csv, *COLUMNS, "--checkpoint", str(tmp_path)) == 0
    assert (
        "recipe albert-welfake: its warm-up has 1,000 steps, and 2 texts give 5 in all: the learning rate will not reach "
        "its peak; use warmup_ratio in the recipe\n"
    ) in capsys.readouterr().err
    assert ask("demonstration", "--train", csv, *COLUMNS) == 0
    assert "warm-up" not in capsys.readouterr().err


def test_files_and_columns_of_a_recipe(asked, csv, tmp_path, capsys):
    (tmp_path / "verdicts.csv").write_text("headline,verdict\ne,1\nf,0\n", encoding="utf-8")
    text = RECIPE.replace("CHECKPOINT", str(tmp_path)) + (
        f'[data]\ntrain = "{tmp_path / "verdicts.csv"}"\ntest = "{tmp_path / "verdicts.csv"}"\n'
        'text_columns = ["headline"]\nlabel_column = "verdict"\n'
    )
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")

    assert ask(str(tmp_path / "r.toml")) == 0
    assert (asked["texts"], asked["labels"], asked["demonstration"]) == (("e", "f"), (1, 0), False)
    assert asked["evaluation"] == {"test": (("e", "f"), (1, 0))}
    assert ask(str(tmp_path / "r.toml"), "--train", csv, *COLUMNS, "--label-column", "label") == 0
    assert (asked["texts"], asked["evaluation"]) == (("a b", "c d"), {})  # the call's own files, and no others
    (tmp_path / "r.toml").write_text(text.partition("train =")[0], encoding="utf-8")
    assert ask(str(tmp_path / "r.toml")) == 2
    assert "recipe 'r': names no file to train on; pass --train, or give it data.train" in capsys.readouterr().err


def test_one_file_of_a_recipe_is_split_once(asked, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labelled = list(zip(TEXTS, CLASSES, strict=True))
    with (tmp_path / "all.csv").open("w", encoding="utf-8", newline="") as stream:
        writer(stream).writerows([("post", "verdict"), *labelled])
    (tmp_path / "r.toml").write_text(
        RECIPE.replace("CHECKPOINT", str(tmp_path))
        + 'seed = 1\n[data]\nfile = "all.csv"\nsplit = [50, 25, 25]\ntext_columns = ["post"]\nlabel_column = "verdict"\n',
        encoding="utf-8",
    )
    assert ask(str(tmp_path / "r.toml")) == 0
    sets = [(asked["texts"], asked["labels"]), *asked["evaluation"].values()]
    truth = dict(labelled)

    assert list(asked["evaluation"]) == ["validation", "test"]
    assert {text: label for one in sets for text, label in zip(*one, strict=True)} == truth
    assert sum(len(texts) for texts, _ in sets) == 60
    assert asked["recipe"].data.file == "all.csv"  # the record says what the recipe says
    assert "all.csv: 60 of 60 rows are split into .deploybench/prepared/" in capsys.readouterr().err
    assert ask(str(tmp_path / "r.toml"), "--label-column", "verdict") == 0
    assert "are split" not in capsys.readouterr().err
    (tmp_path / "all.csv").unlink()
    assert ask(str(tmp_path / "r.toml")) == 2
    assert "all.csv: no such file; check the path" in capsys.readouterr().err


def test_pickled_weights_are_trained_on_from_if_they_are_trusted(trained, asked, tmp_path, csv, capsys, monkeypatch):
    import torch
    from safetensors.torch import load_file

    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained[0], tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").rename(tmp_path / "model.safetensors")
    weights = load_file(tmp_path / "model.safetensors")
    encoder = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    torch.save({**encoder, "doubled": next(iter(encoder.values()))}, tmp_path / "base" / "pytorch_model.bin")

    monkeypatch.setattr(
        "deploybench.bench.pipeline.checkpoints.call_in_child", client.call_in_child
    )  # the fixture's is that of the training
    train = ("albert-welfake", "--train", csv, *COLUMNS, "--checkpoint", "base")
    assert ask(*train, "--allow-pickle") == 0
    found = load_file(asked["checkpoint_dir"] / "model.safetensors")
    assert encoder.keys() | {"doubled"} == found.keys()
    assert all((found[name] == tensor).all() for name, tensor in encoder.items())
    assert (asked["checkpoint_dir"] / "config.json").is_file()
    (tmp_path / "base" / "pytorch_model.bin").write_bytes(b"torn")
    assert ask(*train, "--allow-pickle") == 2
    assert "base: its pickled weights cannot be read (" in capsys.readouterr().err
