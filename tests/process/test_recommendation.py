"""``deploybench recommend``: limits on the command line, and the folder of ``--copy-to``."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from deploybench.bench.analysis.evidence import read_evidence
from deploybench.bench.analysis.objectives import Limit
from deploybench.bench.cli import main
from deploybench.bench.runs.store import BLOCK
from deploybench.exporters.artifacts.artifact import read_artifact

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
SIZE = "--max-size-mb"


def test_nothing_to_take_is_exit_code_1(capsys):
    assert main(["recommend", str(SAMPLE), "--max-size-mb", "0.001"]) == 1
    assert "take none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "text"),
    [(SIZE, "big"), (SIZE, "0"), ("--max-p95-ms", "-3"), ("--max-memory-mb", "inf"), ("--max-accuracy-drop", "2")],
)
def test_a_limit_that_is_no_number_is_one_line(capsys, flag, text):
    assert main(["recommend", str(SAMPLE), flag, text]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# --copy-to


@pytest.fixture
def saved(tmp_path, monkeypatch, checkpoint):
    """The sample as a run of the tiny checkpoint, judged by parity; its command line is in its folder."""
    content = json.loads(SAMPLE.read_text())
    content[BLOCK]["checkpoint"] |= {"sha256": checkpoint.sha256, "random_weights": True, "name": "tiny albert"}
    content[BLOCK]["plan"]["variants"] = ["torch-eager", "onnx-fp32", "torchscript"]  # the last one failed
    for info in content[BLOCK]["variants"].values():
        info["parity"] = {"max_abs_diff": 0.0, "agreement": 1.0, "examples": 64}
    (tmp_path / "run.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    return ["recommend", "run.json", "--max-size-mb=100"]


@pytest.fixture
def made(tmp_path, artifacts):
    """An artifact where runs leave them, by variant."""

    def put(variant, folder="tiny"):
        return shutil.copytree(artifacts(variant), tmp_path / ".deploybench" / "artifacts" / folder / variant)

    return put


def test_what_is_recommended_is_copied_and_serves(saved, made, capsys):
    folder = made("onnx-fp32")
    assert main([*saved, "--copy-to=best"]) == 0
    said = capsys.readouterr()
    done = subprocess.run([sys.executable, "best/example.py", "a text"], capture_output=True, text=True, check=True)
    evidence = read_evidence(Path("best", "evidence.json"))

    assert "take onnx-fp32" in said.out
    assert "exported again since" in said.err  # the tiny checkpoint's is not the one that was measured
    assert read_artifact(Path("best")).fingerprint == read_artifact(folder).fingerprint
    assert done.stdout.split()[0] in ("real", "fake")
    assert evidence.chosen == "onnx-fp32"
    assert evidence.limits == (Limit(flag=SIZE, metric="artifact_size", most=1e8),)
    assert {one.variant: (one.standing, bool(one.why)) for one in evidence.candidates} == {
        "onnx-fp32": ("in", False),
        "torch-eager": ("in", False),
        "torchscript": ("out", True),
    }
    assert main([*saved, "--copy-to=best"]) == 0  # what it wrote it may replace


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            shutil.rmtree,
            "make it with: deploybench export --checkpoint 'tiny albert' --variants",
        ),
        (lambda folder: (folder / "model.onnx").write_bytes(b""), "holds no artifact of onnx-fp32"),
        (lambda folder: change(folder, checkpoint_sha256="0"), "holds no artifact of onnx-fp32"),
        (lambda folder: change(folder, labels=[]), "holds no artifact of onnx-fp32"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "holds no artifact of onnx-fp32"),
        (lambda folder: flip(folder / "model.onnx"), "model.onnx is not what was exported; remove the folder"),
    ],
)
def test_an_artifact_that_is_not_there_is_one_line(saved, made, capsys, spoil, message):
    spoil(made("onnx-fp32"))

    assert main([*saved, "--copy-to=best"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not Path("best").exists()


def change(folder, **facts):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **facts}))


def flip(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_another_checkpoint_of_the_same_name_is_passed_over(saved, made, capsys):
    made("onnx-fp32", "older")
    change(made("onnx-fp32", "newer"), checkpoint_sha256="0")

    assert main([*saved, "--copy-to=best"]) == 0


def test_nothing_recommended_is_nothing_written(saved, made, capsys):
    made("onnx-fp32")

    assert main([*saved, "--max-memory-mb=0.001", "--copy-to=best"]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert not Path("best").exists()


def test_somebodys_folder_is_not_replaced(saved, made, capsys):
    made("onnx-fp32")
    assert main([*saved, "--copy-to=best"]) == 0
    program = Path("best", "example.py")
    program.write_text(program.read_text().replace("print", "return_"))
    capsys.readouterr()

    assert main([*saved, "--copy-to=best"]) == 2
    assert "its example.py was changed" in capsys.readouterr().err
    assert "return_" in program.read_text()
    assert main([*saved, "--copy-to=."]) == 2
    assert main([*saved, "--copy-to="]) == 2


# --layout


def test_a_layout_is_of_the_best_variant_that_its_server_runs(saved, made, capsys):
    padded(made("onnx-fp32"))

    assert main([*saved, "--copy-to=best", "--layout=tei"]) == 0
    said = capsys.readouterr()
    assert "take onnx-fp32" in said.out
    assert "torch-eager: runs in torch; that server runs onnxruntime alone" in " ".join(said.out.split())
    assert "try: text-embeddings-router --model-id" in said.err
    assert 'Text Embeddings Inference: ask for {"inputs": "a text"} at /predict' in said.err
    assert {"model.onnx", "config.json", "tokenizer.json", "evidence.json"} <= {
        one.name for one in Path("best").iterdir()
    }


def padded(folder):
    file = str(folder / "tokenizer" / "tokenizer.json")
    tokenizer = Tokenizer.from_file(file)
    tokenizer.enable_padding(pad_id=0)
    tokenizer.save(file)


def test_a_layout_without_a_variant_is_nothing_written(saved, made, capsys):
    made("onnx-fp32")

    assert main([*saved, "--copy-to=best", "--layout=ovms"]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert not Path("best").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--layout=tei"], "--layout: was given without --copy-to DIR"),
        (["--server"], "--server: was given without --copy-to DIR"),
        (["--layout=tei", "--server", "--copy-to=best"], "pass one of the two"),
    ],
)
def test_layouts_that_do_not_fit_are_one_line(saved, capsys, flags, message):
    assert main([*saved, *flags]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
