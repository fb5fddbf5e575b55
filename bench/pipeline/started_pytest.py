"""pytest as this project starts it: by itself, whatever pytest is told elsewhere."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def run_pytest(suites: Path, files: Sequence[str], arguments: Sequence[str], plugin: object) -> int:
    """Run ``files`` of the folder ``suites``; pytest's exit code.

    A person's variables, ini files, conftests and installed plugins are for the person's own tests: with workers, in another
    order or with a tracer, a measurement hangs or is of something else. Names of tests in the saved file are the same wherever
    the suites are installed.
    """
    import pytest

    with _told_nothing():
        return pytest.main(
            [
                *(str(suites / name) for name in files),
                f"--config-file={os.devnull}",
                f"--rootdir={suites.parent}",
                f"--confcutdir={suites}",
                *("--disable-plugin-autoload", "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider"),
                *("-q", "--benchmark-quiet"),
                *arguments,
            ],
            plugins=[plugin],
        )


@contextmanager
def _told_nothing() -> Iterator[None]:
    """Without the variables of pytest and its plugins, PYTEST_ADDOPTS above all, for as long as the block lasts."""
    told = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("PYTEST_")}
    try:
        yield
    finally:
        os.environ.update(told)
