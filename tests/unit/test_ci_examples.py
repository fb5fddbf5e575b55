"""The examples for CI: valid for GitHub and GitLab, and safe for pull requests of forks."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CI = Path(__file__).parents[2] / "bench" / "compare" / "ci"
GITHUB = sorted(CI.glob("github*.yml"))


@pytest.mark.process
@pytest.mark.parametrize(
    ("names", "schema"),
    [
        (GITHUB, ("vendor.github-workflows",)),
        ([CI / "gitlab.yml"], ("vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
    ],
    ids=["github", "gitlab"],
)
def test_an_example_follows_the_schema_of_its_service(names, schema):
    pytest.importorskip("check_jsonschema", reason="needs check-jsonschema, one of the packages of the extra dev")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
@pytest.mark.skipif(shutil.which("actionlint") is None, reason="needs actionlint, a program that is no Python package")
def test_actionlint_finds_nothing():
    done = subprocess.run(["actionlint", *GITHUB], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_code_of_a_fork_runs_without_a_token_that_may_write():
    measuring, commenting = (yaml.safe_load((CI / name).read_text()) for name in ("github.yml", "github-comment.yml"))
    writing = [name for name, job in measuring["jobs"].items() if "write" in str(job.get("permissions"))]

    assert measuring["permissions"] == {"contents": "read"}
    assert [measuring["jobs"][name]["if"] for name in writing] == ["github.event_name == 'push'"] * len(writing)
    assert "pull_request_target" not in str(measuring)
    assert "secrets" not in str((measuring, commenting))
    assert list(commenting[True]) == ["workflow_run"]  # "on", which YAML 1.1 reads as true
    assert not re.search("checkout|pip|deploybench (run|compare)", str(commenting["jobs"]))


def test_no_text_of_others_becomes_part_of_a_script():
    for path in GITHUB:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            assert [step["name"] for step in job["steps"] if "${{" in step.get("run", "")] == []
