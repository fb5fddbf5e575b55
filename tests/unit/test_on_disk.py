"""What is said to be saved is on disk: a power failure loses no finished cell and leaves no half of a file."""

import os

import pytest

from deploybench.bench.runs import journal
from deploybench.bench.runs.journal import Journal
from deploybench.exporters import files


@pytest.fixture
def synced(monkeypatch):
    """The bytes that each file had when it was synchronised."""
    sizes = []
    for module in (journal, files):
        monkeypatch.setattr(module.os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    return sizes


def test_finished_cells_are_on_disk_before_the_next_one_starts(tmp_path, synced):
    file = tmp_path / "cells.jsonl"
    kept = Journal(file, 1)
    kept.keep((("a",), 1), (("b",), 2))
    first = file.stat().st_size
    kept.keep((("c",), 3))

    assert synced == [first, file.stat().st_size]


def test_a_file_has_its_name_only_when_all_of_it_is_on_disk(tmp_path, synced):
    file = tmp_path / "run.json"
    with files.whole_file(file) as stream:
        stream.write(b"whole")
        assert not file.exists()

    assert synced == [5]
    assert file.read_bytes() == b"whole"
