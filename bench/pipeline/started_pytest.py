"""pytest as this project starts it: by itself, whatever pytest is told elsewhere."""

from __future__ import annotations

import importlib.util
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.pipeline.options import as_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

    from bench.pipeline.prepare import Prepared


def run_suites(
    prepared: Prepared, values: dict[str, Any], storage: Path, files: Sequence[str] = ("",)
) -> tuple[Path | None, int]:
    """Run the suites, or ``files`` of them, as `pytest suites` does with the options ``values``, on what is prepared.

    Returns the saved run in ``storage``, or None where nothing was saved, and the exit code of our own command.
    """
    suites = importlib.util.find_spec("suites")
    assert suites is not None
    assert suites.submodule_search_locations
    folder = Path(suites.submodule_search_locations[0]).absolute()
    place = storage if storage.is_absolute() else f"./{storage}"
    saving = ("--benchmark-autosave", f"--benchmark-storage=file://{place}")
    handover, before = _Handover(prepared), set(storage.rglob("*.json"))
    code = run_pytest(folder, files, [*saving, *as_arguments(values)], handover)
    saved = sorted(set(storage.rglob("*.json")) - before)
    return (saved[-1] if saved else None), handover.exit_code(code)


class _Handover:
    """A pytest plugin that hands what the command line prepared to the suites' conftest, which finds it by its name."""

    __name__ = "deploybench_prepared"

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self._stopped: int | None = None

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep why pytest stopped: its exit code is 2 for an interrupt, for a UserError and for errors of collection."""
        # Errors of collection are a subclass of KeyboardInterrupt; only pytest.exit has a code.
        self._stopped = 130 if excinfo.type is KeyboardInterrupt else getattr(excinfo.value, "returncode", None)

    def exit_code(self, code: int) -> int:
        """Our exit code for pytest's: pytest's own 2 to 5 mean nothing to who did not call pytest."""
        return self._stopped if self._stopped is not None else min(int(code), 1)


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
