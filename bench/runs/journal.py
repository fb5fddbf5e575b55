"""The journal of a run: each finished measurement is on disk before the next one starts, so that a killed run can resume."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from ...exporters.errors import OutputError
from ...exporters.files import sha256_json
from ..console import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Journal:
    """JSON lines, one per finished cell, which is a key and its value; without a file it keeps and finds nothing.

    A cell is found only if its key and ``facts``, everything else that its value depends on, are equal. Raises OutputError
    if the file cannot be opened; if the disk fails later, the run continues without a journal.
    """

    def __init__(self, file: Path | None = None, facts: Any = None, *, resume: bool = False) -> None:
        self._file = file
        self._facts = sha256_json(facts)
        self._found: dict[str, Any] = {}
        self._asked: set[str] = set()  # keys of _found
        self._broken = False  # a write failed: nothing is written any more
        self.others = 0  # cells of the file with other facts
        self.spoilt = 0  # lines of the file that are no cells
        self._opened = time.monotonic()
        self._before = 0.0  # seconds that a killed run took until its last cell
        if file is None:
            return
        try:
            self._open(file, resume=resume)
        except OSError as error:
            raise OutputError(
                f"{file}: the journal cannot be opened ({error.strerror}); name a folder that can be written with --work-dir"
            ) from error

    def _open(self, file: Path, *, resume: bool) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if resume:
            self._read(file)
        elif file.exists() and file.stat().st_size:
            before = file.with_suffix(".before")
            file.replace(
                before
            )  # kept: it is of an unfinished run, and may have been started without --resume by mistake
            say(f"cells of an unfinished run are now in {before}; --resume would have reused them")
        with file.open("a", encoding="utf-8"):  # fails now rather than after hours of measuring
            pass

    @property
    def taken(self) -> int:
        """How many cells are reused."""
        return len(self._found)

    def elapsed(self) -> float:
        """Seconds that this run has taken, with those of the killed run that it resumes."""
        return self._before + time.monotonic() - self._opened

    def find(self, *key: Any) -> Any:
        """The value of a finished cell, or None."""
        name = sha256_json(key)
        self._asked.update({name} & self._found.keys())
        return self._found.get(name)

    def keep(self, *cells: tuple[tuple[Any, ...], Any]) -> None:
        """Write finished cells, each a key and a JSON-able value; they are on disk when this returns."""
        if self._file is None or self._broken or not cells:
            return
        common = {"facts": self._facts, "elapsed": round(self.elapsed(), 3)}
        lines = [json.dumps({**common, "key": sha256_json(key), "value": value}) for key, value in cells]
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:  # the run itself can still be saved at its end
            self._broken = True
            say(f"{self._file}: cannot be written ({error.strerror}); if this run is killed, what follows is lost")

    def cell(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """The JSON-able value of a finished cell, or else what ``make`` returns, which is then kept."""
        value = self.find(*key)
        if value is None:
            value = make()
            self.keep((key, value))
        return value

    def finish(self) -> None:
        """Delete the file, since the run is saved as a whole; set it aside if it holds cells that this run did not use."""
        if self._file is not None and self._file.exists():
            if self.others or len(self._asked) < len(self._found):
                self._file.replace(self._file.with_suffix(".before"))
            else:
                self._file.unlink()

    def _read(self, file: Path) -> None:
        """Read the cells with the same facts; cut off an incomplete last line, so that the next one begins a line."""
        content = file.read_bytes() if file.exists() else b""
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with file.open("r+b") as torn:
                torn.truncate(whole)
        for line in content[:whole].split(b"\n")[:-1]:
            try:
                cell = json.loads(line)
                facts, key, value = cell["facts"], str(cell["key"]), cell["value"]
                elapsed = float(cell.get("elapsed", 0))  # none in journals of earlier versions
            except (ValueError, KeyError, TypeError):
                self.spoilt += 1
                continue
            if facts == self._facts:
                self._found[key] = value
                self._before = max(self._before, elapsed)
            else:
                self.others += 1
