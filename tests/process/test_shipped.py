"""Tests read the runs that the project ships, and no other."""

import subprocess

import pytest
from shipped import shipped


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "results" / "machine").mkdir(parents=True)
    (tmp_path / "results" / "machine" / "0001_shipped.json").write_text("{}")
    (tmp_path / "results" / "machine" / "predictions.parquet").write_text("")
    return tmp_path


def names(project):
    return [path.name for path in shipped("*/[0-9]*.json", project)]


def test_a_run_that_a_user_saved_is_none_of_them(project):
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    (project / "results" / "machine" / "0002_users.json").write_text("{}")

    assert names(project) == ["0001_shipped.json"]


def test_of_an_archive_all_count(project):
    assert names(project) == ["0001_shipped.json"]


def test_of_an_archive_within_another_checkout_all_count(project):
    git(project, "init", "-q")
    inner = project / "unpacked"
    inner.mkdir()
    (project / "results").rename(inner / "results")

    assert [path.name for path in shipped("*/[0-9]*.json", inner)] == ["0001_shipped.json"]


def test_without_git_all_count(project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))

    assert names(project) == ["0001_shipped.json"]


def test_there_are_some():
    assert shipped("*/[0-9]*.json")
    assert shipped("studies/*.json")
