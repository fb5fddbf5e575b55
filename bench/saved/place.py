"""The folder that a run is saved in."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from exporters.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path


def refuse_unwritable(folder: Path) -> None:
    """Raise OutputError where nothing can be written to ``folder``: now, and not when hours of measuring are to be saved."""
    try:
        there = next(one for one in (folder, *folder.absolute().parents) if one.exists())  # nothing is made as yet
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}), expected a folder where the run can be saved; make it one"
        ) from error
