"""The stages of a run: each file of tests is one."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from ..bench.console import say_stage, step
from .plugin import uncaptured

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


class Stages:
    """A pytest plugin: one line for each file when its last test has ended, because tests of several files take turns."""

    def __init__(self, session: pytest.Session, items: Sequence[pytest.Item]) -> None:
        self._config = session.config
        self._left = Counter(_file(item.nodeid) for item in items)
        self._shares = {file: 1 / tests for file, tests in self._left.items()}
        self._seconds = dict.fromkeys(self._left, 0.0)
        self._measured: set[str] = set()  # files of which a test was not skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what was measured."""
        if report.when == "call" and not report.skipped:
            self._measured.add(_file(report.nodeid))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Add the seconds of a test to those of its file."""
        began, file = time.monotonic(), _file(item.nodeid)
        done = yield
        self._seconds[file] += time.monotonic() - began
        self._left[file] -= 1
        step(_name(file), self._shares[file])
        if not self._left[file] and file in self._measured:
            self._say(file)
        return done

    def _say(self, file: str) -> None:
        with uncaptured(self._config):
            say_stage(_name(file), self._seconds[file])


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _name(file: str) -> str:
    return file.rpartition("/")[2].removeprefix("test_").removesuffix(".py").replace("_", " ")
