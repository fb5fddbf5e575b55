"""A pull request: the steps of the example workflows, run here, in a repository of two commits.

What takes minutes in them, to install and to measure, is replaced: each commit has what its measurement would find.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from several import read_models, save_models

from deploybench.bench.runs.store import run_block

ROOT = Path(__file__).parents[2]
CI = ROOT / "bench" / "compare" / "ci"
DATA = ROOT / "tests" / "data"
MODEL = {"albert": (11_685_122, 0.100, 400, 0.10, ("real", "fake"))}
LENGTH = 48  # tokens, which the tiny artifacts take
SLOWED = "onnx-fp32"
# Of a duel: its verdict on what is many times slower needs little time.
DEPLOYBENCH = """#!{python}
import shutil, sys
from deploybench.bench import cli
from deploybench.bench.compare import confirming
from deploybench.bench.compare.duel import measure

if sys.argv[1] == "run":
    shutil.copytree("measured/results", "results")
elif sys.argv[1] == "export":
    shutil.copytree("measured/artifacts", "artifacts")
else:
    measure._LAUNCHES, measure._BLOCKS, confirming._BUDGET_S = 4, 3, 1.0
    sys.exit(cli.main([*sys.argv[1:], *(["--time-budget=1", "--sequence-lengths=48"] * (sys.argv[1] == "duel"))]))
"""
PYTHON = """#!/bin/sh
case "$*" in
    *"-m pip"*) ;;
    *"-m venv"*) mkdir -p base-env/bin && cp "$0" base-env/bin/python ;;
    *) exec {python} "$@" ;;
esac
"""
GH = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
    *--paginate*) echo "$COMMENT" ;;
    *.head.sha) echo "$NEWEST" ;;
esac
"""


@pytest.fixture(scope="module")
def deeper(checkpoint_folder, tmp_path_factory):
    """The artifact of the same weights, whose shared layer runs 24 times instead of twice."""
    folder = tmp_path_factory.mktemp("deeper")
    checkpoint = shutil.copytree(checkpoint_folder, folder / "checkpoint")
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 24}))
    command = [sys.executable, "-m", "deploybench.bench.cli", "export", f"--checkpoint={checkpoint}", "--threads=1"]
    command += [f"--variants={SLOWED}", f"--output={folder / 'artifacts'}", f"--work-dir={folder / 'work'}"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "artifacts" / SLOWED


CURL = """#!/bin/sh
cp "$CACHE" before.zip
"""


class Repository:
    """A repository of a user with a commit on main, and one of a pull request."""

    def __init__(self, folder):
        self.folder, self.origin, self.bin = folder / "checkout", folder / "origin", folder / "bin"
        self.cache, self.uploaded = folder / "cache", folder / "uploaded"
        self.summary = folder / "summary.md"
        self.origin.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.bin.mkdir()
        for name, text in (("deploybench", DEPLOYBENCH), ("python", PYTHON), ("gh", GH), ("curl", CURL)):
            (self.bin / name).write_text(text.format(python=sys.executable))
            (self.bin / name).chmod(0o755)

    def git(self, *arguments):
        who = ("-c", "user.name=one", "-c", "user.email=one@example.org")
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=self.origin, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, run, artifact, requirements="deploybench\n"):
        """Commit what is measured; the hash."""
        shutil.rmtree(self.origin / "measured", ignore_errors=True)
        shutil.copytree(run.parents[1], self.origin / "measured" / "results")
        shutil.copytree(artifact, self.origin / "measured" / "artifacts" / SLOWED)
        (self.origin / "requirements.txt").write_text(requirements)
        (self.origin / "pyproject.toml").write_text(
            "[tool.deploybench.compare]\nlatency = 0.09\n"
        )  # else all is in doubt
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=measured")
        return self.git("rev-parse", "HEAD")

    def checkout(self, commit):
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", self.origin, self.folder], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=self.folder, check=True)

    def work(self, event, commit, base=""):
        """Run the job ``measure`` on a commit as a runner does; the exit code of the first step that failed, or 0."""
        self.checkout(commit)
        self.summary.write_text("")
        workflow = yaml.safe_load((CI / "github.yml").read_text())
        known = {"github.sha": commit, "github.event.pull_request.base.sha": base, "github.event.number": "7"}
        failed = 0
        for step in workflow["jobs"]["measure"]["steps"]:
            asked = step.get("if", event)
            if asked != "always()" and (failed or event not in asked):
                continue
            filled = re.sub(r"\$\{\{ (.+?) \}\}", lambda one: known[one[1]], json.dumps(step))
            failed = self.step(json.loads(filled), workflow["env"]) or failed
        return failed

    def step(self, step, variables):
        uses, given = step.get("uses", ""), step.get("with", {})
        if "cache/save" in uses:
            shutil.copy(self.folder / given["path"], self.cache)
        elif "cache/restore" in uses and self.cache.exists():
            shutil.copy(self.cache, self.folder / given["path"])
        elif "upload-artifact" in uses:
            shutil.rmtree(self.uploaded, ignore_errors=True)
            self.uploaded.mkdir()
            for one in map(self.folder.joinpath, given["path"].split()):
                if one.is_file():
                    shutil.copy(one, self.uploaded)
        return self.bash(step["run"], {**variables, **step.get("env", {})}) if "run" in step else 0

    def bash(self, script, variables, folder=None):
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(self.summary)}
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=folder or self.folder,
            env={**os.environ, **github, **variables, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        self.said = done.stdout + done.stderr
        print(self.said)
        return done.returncode

    @property
    def comment(self):
        return (self.uploaded / "comment.md").read_text()


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


@pytest.fixture
def saved(checkpoint, tmp_path):
    """Writes a run of the tiny checkpoint, with the changes that ``change`` makes in its block; gives its file."""

    def save(name, change=lambda block: None):
        path = save_models(tmp_path / name, MODEL)
        [run] = read_models(tmp_path / f"{name}-read", MODEL)
        block = json.loads(json.dumps(run_block(run)))
        block["checkpoint"]["sha256"] = checkpoint.sha256
        block["plan"] |= {"sequence_lengths": [LENGTH], "text_lengths": [LENGTH]}
        for one in block["measurements"]:
            if one.get("workload"):
                one["workload"]["sequence_length"] = LENGTH
            if one["metric"] == "latency":  # of a quiet machine
                one["values"] = [one["values"][0] / one["beside"][0] * beside for beside in one["beside"]]
        change(block)
        path.write_text(json.dumps({"datetime": "2026-11-29T12:00:00+00:00", "deploybench": block}))
        return path

    return save


@pytest.fixture
def baseline(repository, saved, artifacts):
    """The commit on main, whose push has saved a baseline."""
    commit = repository.commit(saved("base"), artifacts(SLOWED))
    assert repository.work("push", commit) == 0
    assert repository.cache.exists()
    return commit


def slower(block):
    for one in block["measurements"]:
        if (one["variant"], one["metric"]) == (SLOWED, "latency"):
            one["values"] = [1.1 * value for value in one["values"]]


def without_int8(block):
    block["plan"]["variants"].remove("openvino-int8")
    del block["variants"]["openvino-int8"]
    block["measurements"] = [one for one in block["measurements"] if one["variant"] != "openvino-int8"]


def other_cpu(block):
    block["environment"] |= {"cpu": "Another CPU", "cpu_family": "1/2/3"}


def golden(name, text):
    file = DATA / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "change", "code", "line"),
    [
        ("same", lambda block: None, 0, "### deploybench: nothing worse: "),
        ("vanished", without_int8, 3, "### deploybench: incomplete: "),
        ("slower", slower, 1, "### deploybench: worse: "),
    ],
)
def test_the_comment_on_a_pull_request(repository, baseline, saved, artifacts, deeper, name, change, code, line):
    commit = repository.commit(saved("head", change), deeper if name == "slower" else artifacts(SLOWED))
    found = repository.work("pull_request", commit, baseline)
    comment = repository.comment

    assert found == code
    assert comment.startswith(line)
    assert repository.summary.read_text() == comment
    assert (repository.uploaded / "number").read_text() == "7\n"
    assert (repository.uploaded / "rows.xml").exists()
    if name == "slower":  # what a duel measured is never the same twice
        comment = re.sub(r"\+[\d,.]+ % \| slower", "+N % | slower", comment)
    assert comment == golden(f"pull-request-{name}.md", comment)


def test_on_another_cpu_both_are_measured_here_each_with_its_packages(repository, baseline, saved, artifacts, deeper):
    commit = repository.commit(saved("head", other_cpu), deeper, "deploybench\nonnxruntime\n")

    assert repository.work("pull_request", commit, baseline) == 1
    first, second = re.findall("^### deploybench: (.*): .*", repository.summary.read_text(), re.MULTILINE)
    assert (first, second) == ("incomparable", "worse")
    assert "A: base-env/bin/python against B: python" in repository.comment
    assert re.search(rf"^\| {SLOWED} \| latency 1×48 \|.*\| slower \|$", repository.comment, re.MULTILINE)


def test_without_a_baseline_nothing_fails(repository, saved, artifacts):
    commit = repository.commit(saved("base"), artifacts(SLOWED))

    assert repository.work("pull_request", commit, commit) == 0
    assert repository.comment == repository.summary.read_text()
    assert repository.comment.startswith("### deploybench: there is no baseline yet")


def test_in_gitlab_the_same_happens(repository, baseline, saved, artifacts):
    commit = repository.commit(saved("head", without_int8), artifacts(SLOWED))
    repository.checkout(commit)
    job = yaml.safe_load((CI / "gitlab.yml").read_text())["deploybench"]
    merge_request = {
        "CI_DEFAULT_BRANCH": "main",
        "CI_MERGE_REQUEST_PROJECT_URL": str(repository.origin),
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CACHE": str(repository.cache),
    }

    assert repository.bash("\n".join(job["script"]), {**job["variables"], **merge_request}) == 3
    left = {path.name for path in repository.folder.iterdir()}
    assert {job["artifacts"]["reports"]["junit"], job["artifacts"]["reports"]["metrics"], "comparison.md"} <= left
    assert "incomplete: 6 rows missing" in (repository.folder / "comparison.md").read_text()

    assert repository.bash("\n".join(job["script"][-1:]), {**merge_request, "CI_COMMIT_BRANCH": "main"}) == 0
    assert (repository.folder / "baseline.zip").exists()


@pytest.mark.parametrize(
    ("number", "newest", "comment", "code", "last"),
    [
        ("7", "abc", "", 0, "api repos/me/mine/issues/7/comments -F body=@found/comment.md"),
        ("7", "abc", "99", 0, "api --method PATCH repos/me/mine/issues/comments/99 -F body=@found/comment.md"),
        ("7", "def", "", 0, "api repos/me/mine/pulls/7 --jq .head.sha"),
        ("7; id", "abc", "", 1, ""),
        ("../../7", "abc", "", 1, ""),
        ("", "abc", "", 1, ""),
    ],
    ids=["new", "replaced", "a newer commit", "command", "path", "empty"],
)
def test_the_job_that_may_write_trusts_no_text_of_a_fork(repository, tmp_path, number, newest, comment, code, last):
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "comment.md").write_text("$(id) `id`")
    (tmp_path / "found" / "number").write_text(number)
    steps = yaml.safe_load((CI / "github-comment.yml").read_text())["jobs"]["comment"]["steps"]
    assert "checkout" not in json.dumps(steps)
    variables = {"REPOSITORY": "me/mine", "HEAD": "abc", "NEWEST": newest, "COMMENT": comment}

    assert repository.bash(steps[-1]["run"], {**variables, "CALLS": str(tmp_path / "calls")}, tmp_path) == code
    calls = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else [""]
    assert calls[-1] == last


def test_the_comment_is_no_link_to_a_file_of_the_runner(repository, tmp_path):
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "comment.md").symlink_to("/etc/hostname")
    (tmp_path / "found" / "number").write_text("7")
    [*_, step] = yaml.safe_load((CI / "github-comment.yml").read_text())["jobs"]["comment"]["steps"]

    assert repository.bash(step["run"], {"REPOSITORY": "me/mine", "HEAD": "abc", "CALLS": "calls"}, tmp_path) == 1
    assert not (tmp_path / "calls").exists()
