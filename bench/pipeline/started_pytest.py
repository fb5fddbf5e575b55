"""The suites as the command line runs them: on a run that is prepared, and by the same rules in every project."""

from __future__ import annotations

import importlib.util
import io
import os
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.errors import UserError
from ..console import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

    from .prepare import Prepared

HANDOVER = "deploybench_handover"  # name of the plugin


class Handover:
    """A pytest plugin: the suites' conftest finds the prepared run here, and leaves the saved file here."""

    __name__ = HANDOVER

    def __init__(self, prepared: Sequence[Prepared]) -> None:
        self.prepared = prepared  # by model
        self.saved: Path | None = None  # set once the file is complete
        self.stopped: int | None = None  # exit code of the command where pytest was stopped
        self.mistake: UserError | None = None  # that stopped it
        self._crashes: set[str] = set()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep why pytest stopped: it exits with 2 after an interrupt, a UserError and an error of collection alike."""
        import pytest

        # Errors of collection are a subclass of KeyboardInterrupt; only pytest.exit has a code.
        self.stopped = 130 if excinfo.type is KeyboardInterrupt else getattr(excinfo.value, "returncode", None)
        if isinstance(excinfo.value.__context__, UserError):
            self.mistake = excinfo.value.__context__
        elif excinfo.type is pytest.exit.Exception:
            say(str(excinfo.value))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say once how a test failed that did not record its failure; the tables show those that did."""
        crash = getattr(report.longrepr, "reprcrash", None)
        if report.failed and crash and crash.message not in self._crashes and not self._is_known(crash.message):
            self._crashes.add(crash.message)
            say(f"{report.nodeid}: {crash.message.partition(chr(10))[0]}")

    def _is_known(self, message: str) -> bool:
        """Why a variant failed when it was prepared is in its row, and why a whole model did was said."""
        failed = [info.failed for one in self.prepared for info in one.variants.values() if info.failed]
        return message.endswith(tuple(failed))

    def exit_code(self, code: int) -> int:
        """Exit code of the command; pytest's 2 to 5 mean nothing to a user who did not call pytest."""
        return self.stopped if self.stopped is not None else min(int(code), 1)


def run_suites(prepared: Sequence[Prepared], storage: Path, files: Sequence[str] = ("",)) -> tuple[Path | None, int]:
    """Run the suites, or ``files`` of them, on the prepared run and save it below ``storage``.

    Returns the saved file, or None if nothing was saved, and the exit code of the command. Raises a UserError of the suites.
    """
    suites = importlib.util.find_spec("deploybench.suites")
    assert suites is not None
    assert suites.submodule_search_locations
    folder = Path(suites.submodule_search_locations[0]).resolve()  # in a checkout, that is a link to its folder suites
    place = storage if storage.is_absolute() else f"./{storage}"
    handover = Handover(prepared)
    arguments = ["--benchmark-autosave", f"--benchmark-storage=file://{place}"]
    with redirect_stdout(io.StringIO()) as printed:  # by pytest: what matters of it, the handover says
        code = run_pytest(folder, files, arguments, handover)
    if code > 1 and handover.stopped is None:  # an error of pytest, or of the suites' code
        say(printed.getvalue().strip())
    if handover.mistake:
        raise handover.mistake
    return handover.saved, handover.exit_code(code)


def run_pytest(suites: Path, files: Sequence[str], arguments: Sequence[str], plugin: object) -> int:
    """Run ``files`` of the folder ``suites``; returns pytest's exit code.

    Variables, ini files, conftests and installed plugins of the user are ignored: they are for other tests, and workers, a random
    order or a tracer would spoil a measurement. Tests have the same names in the saved file wherever the suites are installed.
    """
    import pytest

    with _no_pytest_variables():
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
def _no_pytest_variables() -> Iterator[None]:
    """Unset the variables of pytest and its plugins, such as PYTEST_ADDOPTS, inside the block."""
    unset = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("PYTEST_")}
    try:
        yield
    finally:
        os.environ.update(unset)
