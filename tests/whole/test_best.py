"""``deploybench export --best``: measured, chosen, and ready to serve, with the evidence beside it."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from deploybench.bench import cli
from deploybench.bench.analysis.evidence import read_evidence
from deploybench.bench.pipeline.best import read_target
from deploybench.bench.worker.client import Worker
from deploybench.exporters.artifacts.artifact import read_artifact
from deploybench.exporters.errors import UserError

ALONE = ("--threads=1", "--target-width=9")  # two threads would wait for the cores that another test has


def best(folder, checkpoint, *arguments):
    command = [sys.executable, "-m", "deploybench.bench.cli", "export", "--best", f"--checkpoint={checkpoint}"]
    done = subprocess.run(
        [*command, "--variants=onnx-fp32,onnx-int8-dynamic", "--sequence-lengths=16", *ALONE, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    return done


# 24 labelled texts: the 95 % interval of what is lost is wide. Without them, the texts of the parity test decide.
@pytest.mark.parametrize(("objective", "labelled", "drop"), [("size", False, 0.05), ("latency", True, 0.5)])
def test_the_best_artifact_is_written_with_its_evidence(
    checkpoint_folder, labelled_file, tmp_path, objective, labelled, drop
):
    external = [f"--external=small={labelled_file}"] if labelled else []
    asked = (f"--objective={objective}", f"--max-accuracy-drop={drop}", "--batch-sizes=1,2", "--output=best")
    done = best(tmp_path, checkpoint_folder, *external, *asked)

    assert done.returncode == 0
    evidence = read_evidence(tmp_path / "best" / "evidence.json")
    artifact = read_artifact(tmp_path / "best")
    assert artifact.variant == evidence.chosen
    assert f"by {artifact.variant}:" in (tmp_path / "best" / "example.py").read_text()
    assert f"take {artifact.variant}" in done.stdout
    assert evidence.objective == objective
    assert ("of the texts of the parity test" in done.stdout) != labelled
    assert {one.variant for one in evidence.candidates} == {"torch-eager", "onnx-fp32", "onnx-int8-dynamic"}
    assert all(one.figure.value > 0 for one in evidence.candidates)
    if objective == "size":
        assert artifact.variant == "onnx-int8-dynamic"
    assert not (tmp_path / "results").exists()  # no run to compare later ones with
    with Worker("serving", 1) as worker:
        worker.start(artifact.variant, artifact.path, 1)
        [(logits, _)] = worker.predict([(np.full((1, 8), 7), np.ones((1, 8), dtype=np.int64))])
    assert logits.shape == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--best",), "--output: expected DIR, the folder for the best artifact"),
        (("--objective", "size"), "--objective: was given without --best"),
        (("--external", "x.csv"), "--external: was given without --best"),
        (("--best", "--output", "x", "--max-accuracy-drop", "1%"), "--max-accuracy-drop: found '1%', expected a share"),
        (("--best", "--output", "x", "--max-accuracy-drop", "1"), "--max-accuracy-drop: found '1', expected a share"),
        (("--best", "--output", "mine"), "--output: mine holds more than an artifact, expected a new folder"),
        (("--best", "--output", "webapp"), "--output: webapp holds more than an artifact, expected a new folder"),
        (("--output", "mine"), "--output: mine/onnx-fp32 holds more than an artifact; name another folder"),
        (("--best", "--output", "file"), "--output: file holds more than an artifact, expected a new folder"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    capsys, monkeypatch, tmp_path, checkpoint_folder, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "onnx-fp32").mkdir(parents=True)
    (tmp_path / "mine" / "onnx-fp32" / "notes.txt").write_text("mine")
    (tmp_path / "webapp").mkdir()
    (tmp_path / "webapp" / "manifest.json").write_text('{"name": "my app", "files": {}}')  # not all manifests are ours
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))

    assert cli.main(["export", f"--checkpoint={checkpoint_folder}", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_folder_that_one_is_in_is_not_replaced(capsys, monkeypatch, tmp_path, checkpoint_folder):
    monkeypatch.chdir(tmp_path)

    assert cli.main(["export", f"--checkpoint={checkpoint_folder}", "--best", "--output=."]) == 2
    assert "--output: . is in use and would be replaced" in capsys.readouterr().err


def test_an_artifact_may_be_replaced_and_what_lies_beside_it_not(artifacts, tmp_path):
    made = shutil.copytree(artifacts("onnx-fp32"), tmp_path / "best")
    (made / "evidence.json").write_text("{}")
    (tmp_path / "link").symlink_to("best")

    assert read_target(str(made)) == made
    assert read_target(str(tmp_path / "link")) == made
    (made / "serve.py").write_text("mine")
    with pytest.raises(UserError, match="holds more than an artifact"):
        read_target(str(made))
