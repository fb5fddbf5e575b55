"""The pytest plugin: with the fixture ``deploybench``, a test of any project measures variants and says what it expects of them.

pytest loads this file in every session of an environment, so it imports nothing but pytest, and does nothing until a test asks
for the fixture. `suites/conftest.py`, which serves the suites themselves, shares its functions.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..bench.api.run import Run
    from ..bench.runs import store
    from .assertions import Rows

_BASELINE, _RESULTS, _BUDGET = (f"--deploybench-{name}" for name in ("baseline", "results", "budget"))
_STORAGE, _FOLDER = "file://", "./.benchmarks"  # of pytest-benchmark


class UndecidedWarning(UserWarning):
    """The interval of a latency allows both verdicts; ``-W error::deploybench.suites.plugin.UndecidedWarning`` fails the test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("deploybench-fixture", "deploybench: its fixture")
    group.addoption(
        _BASELINE,
        metavar="FILE",
        help="what assert_not_slower compares with: a saved run, or a file of `baseline save`",
    )
    group.addoption(_RESULTS, metavar="DIR", help="where runs are saved (default: deploybench in --benchmark-storage)")
    group.addoption(_BUDGET, metavar="SECONDS", type=float, help="time budget of each run, whatever the test says")


@pytest.fixture(scope="session")
def deploybench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Deploybench:
    """Measure variants of a checkpoint: ``rows = deploybench.run("my-checkpoint", sets={"news": "test.csv"})``."""
    from .assertions import one_line

    made = request.config.stash[_MADE] = Deploybench(request.config, tmp_path_factory)
    one_line(made.check_options)  # before minutes of measuring
    return made


class Deploybench:
    """What the fixture ``deploybench`` gives."""

    def __init__(self, config: pytest.Config, folders: pytest.TempPathFactory) -> None:
        self._config = config
        self._folders = folders  # of restored baselines
        self._baselines: dict[str, tuple[store.Run, ...]] = {}
        self._made: dict[str, Run | Exception] = {}  # or why there is none, by arguments

    def check_options(self) -> None:
        """Raise UserError for a baseline that cannot be read, or a budget that is none."""
        from ..exporters.errors import UserError

        budget, baseline = self._config.getoption(_BUDGET), self._config.getoption(_BASELINE)
        if budget is not None and not budget > 0:
            raise UserError(f"{_BUDGET}: found {budget:g}, expected a number of seconds above 0; correct it")
        if baseline:
            self._baselines[baseline] = self._read_baseline(Path(baseline))

    @property
    def runs(self) -> list[Run]:
        """Those of this session."""
        return [one for one in self._made.values() if not isinstance(one, Exception)]

    def run(self, checkpoint: Any = None, **options: Any) -> Rows:
        """Measure and save a run, once a session for the same arguments, which are those of ``deploybench.run``.

        It is made in child processes. A mistake fails the test with one line; so does a worker of pytest-xdist, because the tests
        beside it would slow what is measured.
        """
        __tracebackhide__ = True
        from .assertions import Rows, one_line

        return Rows(one_line(lambda: self._run_once(checkpoint, options)), self._baseline)

    def read_run(self, path: Path | str) -> Rows:
        """A saved run, or the newest one below a folder, instead of a new one."""
        __tracebackhide__ = True
        from ..bench.api.run import read_run
        from .assertions import Rows, one_line

        return Rows(one_line(lambda: read_run(path)), self._baseline)

    def _run_once(self, checkpoint: Any, options: dict[str, Any]) -> Run:
        from ..bench.api.run import run
        from ..exporters.errors import DeploybenchError

        refuse_workers(self._config)
        given = {"results": self._config.getoption(_RESULTS), "budget": self._config.getoption(_BUDGET)}
        asked = {"results": self._storage(), **options, **{name: one for name, one in given.items() if one is not None}}
        key = repr((checkpoint, sorted(asked.items())))
        if key not in self._made:
            try:
                with uncaptured(self._config):
                    self._made[key] = run(checkpoint, **asked)
            except DeploybenchError as error:
                self._made[key] = error
        made = self._made[key]
        if isinstance(made, Exception):
            raise made
        return made

    def _storage(self) -> Path:
        """Beside what pytest-benchmark saves, and not among it: its ``--benchmark-compare`` takes the newest file."""
        storage = self._config.getoption("benchmark_storage", "") or ""
        return Path(storage.removeprefix(_STORAGE) if storage.startswith(_STORAGE) else _FOLDER) / "deploybench"

    def _baseline(self, asked: Any, run: store.Run) -> tuple[store.Run, str]:
        """The saved run that ``run`` is compared with, and its name for messages; ``asked``: a path, a run or its rows."""
        from ..exporters.errors import UserError

        of = getattr(asked, "run", asked)  # of rows
        if hasattr(of, "models"):
            return self._of_model(of.models, run), str(_shown(of.path))
        name = str(asked or self._config.getoption(_BASELINE) or "")
        if not name:
            raise UserError(
                f"assert_not_slower: found no baseline, expected one as its argument or as {_BASELINE}; to keep this run as one: "
                f"deploybench baseline save baseline.zip {_shown(run.path)}"
            )
        if name not in self._baselines:
            self._baselines[name] = self._read_baseline(Path(name))
        return self._of_model(self._baselines[name], run), name

    @staticmethod
    def _of_model(runs: tuple[store.Run, ...], run: store.Run) -> store.Run:
        from ..bench.runs.store import run_of_model

        return runs[0] if len(runs) == 1 else run_of_model(runs, run.checkpoint.name, "assert_not_slower")

    def _read_baseline(self, path: Path) -> tuple[store.Run, ...]:
        import zipfile

        from ..bench.runs.baseline import restore_baseline
        from ..bench.runs.store import read_runs

        if path.is_file() and zipfile.is_zipfile(path):
            path = restore_baseline(path, self._folders.mktemp("baseline")).run
        return read_runs(path)


_MADE = pytest.StashKey[Deploybench]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say where each run is saved, with one line for each of its variants."""
    made = config.stash.get(_MADE, None)
    if made is None or not made.runs:
        return
    from ..bench.report.messages.brief import brief_table

    terminalreporter.section("deploybench")
    for one in made.runs:
        for model in one.models:
            terminalreporter.write_line(brief_table(model))
        terminalreporter.write_line(f"saved: {_shown(one.path)}")


def _shown(path: Path) -> Path:
    """From this folder, if it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def refuse_workers(config: pytest.Config) -> None:
    """Raise a UserError if pytest-xdist runs tests in workers: what is measured would be slowed by the tests beside it."""
    from ..exporters.errors import UserError

    option, worker = config.option, getattr(config, "workerinput", None)
    idle = option.collectonly or getattr(option, "dist", "no") == "no"
    workers = worker["workercount"] if worker else 0 if idle else len(option.tx)
    if workers:
        raise UserError(
            f"-n: found {workers} workers of pytest-xdist, expected none: what runs beside a measurement slows it; leave -n out, "
            "or pass -n 0 if an ini file's addopts has it"
        )


@contextmanager
def uncaptured(config: pytest.Config) -> Iterator[None]:
    """In the block, messages reach the terminal, from a line of their own on."""
    manager = config.pluginmanager
    capture, reporter = manager.get_plugin("capturemanager"), manager.get_plugin("terminalreporter")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        if reporter:
            reporter.ensure_newline()
        yield
