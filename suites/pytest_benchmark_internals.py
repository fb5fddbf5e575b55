"""The undocumented names of pytest-benchmark that the suites use, as they are in version 5.3.1; nothing else uses any.

pytest-benchmark writes its file in place and lets an error of writing pass. A saved run must be whole or absent, and the
measurements must survive a full disk, so the suites replace how it saves.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pytest_benchmark import utils
from pytest_benchmark.storage.file import FileStorage

from ..exporters.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

READ_FROM = "5.3.1"
SAVE_FLAGS = ("save", "autosave", "json")  # of the session


class StockSession:
    """pytest-benchmark's session of this pytest run; raises UserError if the installed version has other names."""

    def __init__(self, config: pytest.Config) -> None:
        self._session: Any = getattr(config, "_benchmarksession", None)
        names = [f"session.{name}" for name in ("storage", *SAVE_FLAGS) if not hasattr(self._session, name)]
        names += [f"FileStorage.{name}" for name in ("get", "save", "_next_num") if not hasattr(FileStorage, name)]
        names += [] if hasattr(utils, "safe_dumps") else ["utils.safe_dumps"]
        if names:
            raise UserError(
                f"pytest-benchmark {version('pytest-benchmark')}: has no {', '.join(names)}, expected what {READ_FROM} "
                f"has; install pytest-benchmark=={READ_FROM}, or change suites/pytest_benchmark_internals.py"
            )

    def folders(self) -> list[Path]:
        """The folders of the files that will be saved."""
        stored = [self._session.storage.get("any").parent] if self._session.save or self._session.autosave else []
        return [*stored, *([self._session.json.parent] if self._session.json else [])]

    def new_file(self, name: str) -> Path:
        """Where the next file of the storage goes."""
        storage = self._session.storage
        file: Path = storage.get(f"{storage._next_num}_{name}.json")
        return file

    def save_by(self, save: Callable[[dict[str, Any], str], None]) -> None:
        """Let ``save(content, name)`` save into the storage."""
        self._session.storage.save = save

    def save_nothing(self) -> None:
        """Save no file at the end."""
        for flag in SAVE_FLAGS:
            setattr(self._session, flag, None)


def as_json(content: dict[str, Any]) -> bytes:
    """What pytest-benchmark would write, on one line: indented, two thirds of a run would be spaces."""
    text: str = utils.safe_dumps(content, ensure_ascii=True, separators=(",", ":"))
    return f"{text}\n".encode("ascii")
