"""The Python interpreter that runs a worker."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A program, whose packages are then those of the worker, and a folder from which it imports first."""

    python: str = sys.executable
    code: Path | None = None  # None: imports from where this process does

    @property
    def path(self) -> dict[str, str]:
        """The environment variable that puts ``code`` first; empty without."""
        if self.code is None:
            return {}
        return {"PYTHONPATH": os.pathsep.join(filter(None, [str(self.code.resolve()), os.environ.get("PYTHONPATH")]))}


OURS = Interpreter()
