"""Finished cells, each on disk before the next one starts: a run that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.console import say
from exporters.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Journal:
    """JSON lines of finished cells; with no file, it keeps and finds nothing.

    A cell is found again only where both its own key and ``facts``, everything else that its value hangs on, are equal.
    Raises OutputError where the file cannot be opened; when the disk fails later, the run goes on without it.
    """

    def __init__(self, file: Path | None = None, facts: Any = None, *, resume: bool = False) -> None:
        self._file = file
        self._facts = digest(facts)
        self._found: dict[str, Any] = {}
        self._asked: set[str] = set()  # keys of _found
        self._broken = False  # a cell could not be written, so none is any more
        self.others = 0  # cells of the file that another run made
        self.spoilt = 0  # lines of the file that are no cells
        if file is None:
            return
        with _one_line(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            if resume:
                self._read(file)
            elif file.exists() and file.stat().st_size:
                before = file.with_suffix(".before")
                file.replace(before)  # the run before was not finished: nobody asked to lose it
                say(
                    f"cells of a run that was not finished are now in {before}; with --resume they would have been taken over"
                )
            with file.open("a", encoding="utf-8"):  # a place that cannot be written is said now, not hours later
                pass

    @property
    def taken(self) -> int:
        """How many cells were taken over."""
        return len(self._found)

    def find(self, *key: Any) -> Any:
        """The value of a finished cell, or None."""
        name = digest(key)
        self._asked.update({name} & self._found.keys())
        return self._found.get(name)

    def keep(self, *cells: tuple[tuple[Any, ...], Any]) -> None:
        """Put finished cells, each a key and a JSON-able value, on disk; they are there when this returns."""
        if self._file is None or self._broken or not cells:
            return
        lines = [json.dumps({"facts": self._facts, "key": digest(key), "value": value}) for key, value in cells]
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:  # what is measured can still be saved as a whole
            self._broken = True
            say(f"{self._file}: cannot be written ({error.strerror}); should this run be killed, what follows is lost")

    def cell(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """The JSON-able value of a cell: the one that was finished before, else what ``make`` gives, which is then kept."""
        value = self.find(*key)
        if value is None:
            value = make()
            self.keep((key, value))
        return value

    def finish(self) -> None:
        """The run is saved as a whole: forget its cells; those that were not its own are set aside."""
        if self._file is not None and self._file.exists():
            if self.others or len(self._asked) < len(self._found):
                self._file.replace(self._file.with_suffix(".before"))
            else:
                self._file.unlink()

    def _read(self, file: Path) -> None:
        """Take over the cells that fit; what a kill has left of a last line is cut off, so that the next one is whole."""
        content = file.read_bytes() if file.exists() else b""
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with file.open("r+b") as torn:
                torn.truncate(whole)
        for line in content[:whole].split(b"\n")[:-1]:
            try:
                cell = json.loads(line)
                facts, key, value = cell["facts"], str(cell["key"]), cell["value"]
            except (ValueError, KeyError, TypeError):
                self.spoilt += 1
                continue
            if facts == self._facts:
                self._found[key] = value
            else:
                self.others += 1


@contextmanager
def _one_line(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{file}: the journal cannot be opened ({error.strerror}); name a folder that can be written with --work-dir"
        ) from error


def digest(facts: Any) -> str:
    """Hex digest of anything JSON-able."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
