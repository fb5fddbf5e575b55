"""Two git revisions against each other: each builds and loads with its own code, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
ONNX = "exporters/variants/onnx_fp32.py"
TWICE = """
def load(artifact, threads):
    predict = load_session(artifact, threads)

    def twice(input_ids, attention_mask):
        predict(input_ids, attention_mask)
        return predict(input_ids, attention_mask)

    return twice


VARIANT ="""
OLDER = "import argparse\nargparse.ArgumentParser(prog='deploybench').parse_known_args()[1] and exit(OLD)\n"


def git(folder, *arguments):
    who = ("-c", "user.name=one", "-c", "user.email=one@example.org")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path):
    """A clone of what is committed of this checkout."""
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, check=False).returncode:
        pytest.skip("these tests are no git checkout")
    folder = tmp_path / "a clone"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", HERE, folder)
    return folder


def commit(clone, file, change):
    path = clone / file
    before = path.read_text(encoding="utf-8")
    path.write_text(change(before), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != before
    git(clone, "commit", "--quiet", "--all", "--message=another")


def start(clone, *arguments):
    """A duel in the clone by the code of this checkout, with a temporary folder, and so a lock, of its own."""
    scratch = clone.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "deploybench.bench.cli",
            "duel",
            *arguments,
            "--variants=onnx-fp32",
            "--threads=1",
        ],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(HERE), "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell's "&" ignores it, for all
    )


def left_behind(clone):
    folders = [one for one in os.listdir(clone.parent / "scratch") if one.startswith("deploybench-duel")]
    return [*git(clone, "worktree", "list").splitlines()[1:], *folders]


def test_a_revision_that_runs_the_model_twice_is_slower(clone, checkpoint_folder):
    commit(clone, ONNX, lambda text: text.replace("load=load_session", "load=load").replace("\nVARIANT =", TWICE))
    given = ("HEAD~1", "HEAD", f"--checkpoint={checkpoint_folder}", "--sequence-lengths=64", "--batch-sizes=8")
    duel = start(clone, *given, "--time-budget=1", "--format=json")
    out, err = duel.communicate()

    assert duel.returncode == 1, out + err
    told = json.loads(out)
    [latency] = [change for change in told["changes"] if change["metric"] == "latency"]
    assert (latency["verdict"], latency["variant"]) == ("worse", "onnx-fp32")
    assert {change["verdict"] for change in told["changes"]} <= {"worse", "better", "no detectable change"}
    assert told["contender"] == f"B: HEAD ({git(clone, 'rev-parse', 'HEAD')[:10]})"
    assert left_behind(clone) == []
    assert git(clone, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        (ONNX, lambda _: "nonsense nonsense", "this revision does not export onnx-fp32: "),
        ("bench/cli.py", lambda _: OLDER.replace("OLD", "'deploybench: error: unrecognized arguments: --output=x'"),
         "this revision does not export onnx-fp32: deploybench: error: unrecognized arguments: --output"),
        ("bench/cli.py", lambda _: "import nowhere", "onnx-fp32: ModuleNotFoundError: No module named 'nowhere'"),
        (ONNX, lambda text: text.replace("logits_atol=1e-4", "logits_atol=1e-30"),
         "this revision does not export onnx-fp32: failed: not the same model as torch-eager: logits differ by up to"),
    ],
    ids=["broken exporter", "older than export --output", "broken command", "another model"],
)  # fmt: skip
def test_a_revision_that_cannot_export_is_one_line(clone, checkpoint_folder, file, change, reason):
    commit(clone, file, change)
    (clone / "README.md").write_text("not committed\n")
    duel = start(clone, "HEAD", "HEAD~1", f"--checkpoint={checkpoint_folder}")
    out, err = duel.communicate()

    assert (duel.returncode, out) == (2, ""), out + err
    note, progress, error = err.splitlines()
    assert note == "uncommitted changes are in neither revision"
    assert progress.startswith("HEAD: exporting with ")
    assert error.startswith("deploybench: error: HEAD: ")
    assert reason in error
    assert left_behind(clone) == []


def test_a_duel_that_is_interrupted_leaves_no_worktree(clone, checkpoint_folder):
    commit(clone, "bench/cli.py", lambda _: "import time, pathlib\npathlib.Path('begun').touch()\ntime.sleep(600)")
    duel = start(clone, "HEAD", "HEAD~1", f"--checkpoint={checkpoint_folder}")
    for _ in range(600):
        if (clone / "begun").exists():
            break
        time.sleep(0.1)
    duel.send_signal(signal.SIGINT)
    out, err = duel.communicate()

    assert (duel.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "deploybench: interrupted"
    assert left_behind(clone) == []


def test_what_is_no_revision_of_this_product_is_one_line(clone, checkpoint_folder):
    """A folder's name, a commit without the product, and revisions where a checkpoint was forgotten."""
    tree = subprocess.run(["git", "mktree"], cwd=clone, input="", capture_output=True, text=True, check=True)
    git(clone, "tag", "bare", git(clone, "commit-tree", "-m", "empty", tree.stdout.strip()))
    given = f"--checkpoint={checkpoint_folder}"
    for arguments, reason in (
        (("tests", "HEAD", given), "tests: git knows no such revision"),
        (("HEAD", "HEAD", "--checkpoint=./nowhere"), "./nowhere: does not exist"),
        (("HEAD", "HEAD"), "HEAD: to compare git revisions, pass the checkpoint to deploy with --checkpoint"),
        (("bare", "bare", given), "bare: no revision of deploybench"),
    ):
        duel = start(clone, *arguments)
        out, err = duel.communicate()

        assert (duel.returncode, out) == (2, ""), out + err
        assert reason in err.splitlines()[-1]
        assert "Traceback" not in err
        assert left_behind(clone) == []
