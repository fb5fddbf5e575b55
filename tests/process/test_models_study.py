"""The study of the published comparison, small: members are trained once, and claims are held against saved runs."""

import json
import shlex
from pathlib import Path

import pytest
import several

from deploybench.suites.studies import trained
from deploybench.suites.studies.models import __main__ as study
from deploybench.suites.studies.models import members, trained_runs
from deploybench.suites.studies.models.claims import FAILS, HOLDS, UNDECIDED, Claim, Found
from deploybench.suites.studies.study import saved_at

DATA = Path(__file__).parents[1] / "data"
BASE = {  # MobileBERT is not in the run
    "albert-base-v2": (11_685_122, 0.100, 400, 0.10, ("real", "fake")),
    "bert-base-uncased": (109_483_778, 0.110, 400, 0.10, ("real", "fake")),
    "distilbert-base-uncased": (66_955_010, 0.031, 400, 0.16, ("real", "fake")),
}
SMALL = {"albert": BASE["albert-base-v2"], "tinybert": BASE["distilbert-base-uncased"]}
TINY = """
description = "from scratch"
max_length = 16
batch_size = 8
epochs = 1
learning_rate = 1e-3

[architecture]
model_type = "bert"
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 32
max_position_embeddings = 32

[tokenizer]
vocab_size = 200
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the study in an empty folder: its exit code, and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = study.main([*map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def models_of(monkeypatch, folder, models, **changes):
    """The file of a made-up run of ``models``."""
    monkeypatch.setattr(several, "MODELS", models)
    return several.save_models(folder, models, **changes)


def test_claims_are_held_against_saved_runs(run, tmp_path, monkeypatch):
    costs = models_of(monkeypatch, tmp_path / "costs", BASE, random_weights=True)
    scored = models_of(monkeypatch, tmp_path / "trained", SMALL)
    monkeypatch.setattr(trained_runs, "WORDS", "openvino-int8")  # the made-up run has no linear model
    code, printed, _ = run("--costs", costs, "--trained", scored)
    found = json.loads(saved_at("models").read_text())

    assert code == 0
    assert printed == (DATA / "models-study.txt").read_text(encoding="utf-8")
    assert found["costs"] == found["trained"][0]["run"].split() == [costs.name]
    by_claim = {one["claim"]: one for one in found["rows"]}
    eager = by_claim["latency ALBERT / DistilBERT, 1 × 500"]
    assert eager["low"] < 0.100 / 0.031 < eager["high"]
    assert by_claim["size of ALBERT (MiB)"]["value"] == pytest.approx(4 * 11_685_122 / 2**20)
    assert run()[:2] == (0, printed)  # from the saved file


@pytest.mark.parametrize(
    ("holds", "found", "verdict"),
    [
        ("near", Found(2.0, 1.81, 2.19), HOLDS),
        ("near", Found(2.0, 1.79, 2.1), UNDECIDED),
        ("near", Found(1.5, 1.3, 1.8), FAILS),
        ("near", Found(2.5, 2.2, 2.6), FAILS),
        ("near", Found(2.0), UNDECIDED),
        ("higher", Found(1.5, 1.01, 9.0), HOLDS),
        ("higher", Found(1.5, 0.9, 9.0), UNDECIDED),
        ("higher", Found.exact(1.0), FAILS),
        ("", Found.exact(1.0), None),
    ],
)
def test_the_whole_interval_decides(holds, found, verdict):
    assert Claim(said="", published=2.0, holds=holds).row("", found)["verdict"] == verdict


def test_each_member_is_trained_once_and_the_command_that_measures_them_is_printed(
    run, tmp_path, labelled_file, checkpoint_folder, monkeypatch
):
    Path("tiny.toml").write_text(TINY)
    small = {"distilbert": members.MEMBERS["distilbert"], "mobilebert": {"model_type": "mobilebert"}}
    monkeypatch.setattr(members, "MEMBERS", small)
    files = ["--recipe", "tiny.toml", "--train", labelled_file, "--external", f"test={labelled_file}"]
    asked = ["--only", "train", *files, "--pretrained", checkpoint_folder, "--threads", "1"]
    code, printed, said = run(*asked)
    monkeypatch.setattr(trained, "call_in_child", None)  # what would train
    again, printed_again, _ = run(*asked)

    assert code == again == 0, said
    assert printed == printed_again
    command = shlex.split(printed)
    named = dict(one.split("=") for one in command if one.startswith(("distilbert=", "mobilebert=", "minilm=")))
    assert command[:2] == ["deploybench", "run"]
    assert command[-2:] == ["--external", f"test={labelled_file}"]
    configs = {name: json.loads(Path(folder, "config.json").read_text()) for name, folder in named.items()}
    assert (configs["distilbert"]["dim"], configs["distilbert"]["hidden_dim"]) == (16, 32)
    assert configs["distilbert"]["n_layers"] == 2
    assert configs["mobilebert"]["model_type"] == "mobilebert"
    assert configs["minilm"]["model_type"] == "albert"  # that of the folder
    assert all(Path(folder, "calibration.json").is_file() for folder in named.values())


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"rows": [{}], "trained": [], "costs": []}'])
def test_a_damaged_file_is_one_line(run, content):
    saved_at("models").parent.mkdir(parents=True)
    saved_at("models").write_text(content)
    code, printed, said = run()

    assert (code, printed) == (2, "")
    assert "models.json: is not what this study saves; pass --costs and --trained to save it again" in said


def test_a_mistake_is_one_line(run, tmp_path, monkeypatch):
    other = models_of(monkeypatch, tmp_path / "other", {"tiny": BASE["albert-base-v2"]})
    for arguments, message in (
        ([], "models.json: there is no such file"),
        (["--only", "train"], "--train, --external: expected a labelled file for each"),
        (["--costs", other], "has no model albert-base-v2"),
        (["--trained", other], "has no model albert with labelled sets"),
        (["--costs", "no.json"], "no.json"),
    ):
        code, printed, said = run(*arguments)

        assert (code, printed, said.count("\n")) == (2, "", 1), said
        assert message in said
