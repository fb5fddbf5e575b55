"""Files of a run that are whole or absent, in a folder of which it is known beforehand that it can be written."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from exporters.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A stream beside ``path`` that becomes it when the block ends well, on disk by then, and vanishes when it does not."""
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        aside.rename(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OutputError(f"{path}: cannot be written ({error.strerror}); make room, or name another place") from error
    finally:
        aside.unlink(missing_ok=True)


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
