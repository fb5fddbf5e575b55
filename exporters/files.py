"""Atomic files and folders, written under a temporary name and renamed when complete; digests; one error for a full disk."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .errors import DiskFullError, OutputError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary sibling that is renamed to ``folder`` when the block succeeds, and removed when it fails.

    Raises DiskFullError instead of whatever a library raises for a full disk, and OutputError if ``folder`` cannot be written.
    """
    folder = folder.resolve()  # replace what a link points to, not the link
    aside = _make_aside(folder)
    try:
        yield aside
        _replace(folder, aside)
    except BaseException as error:
        full = _is_disk_full(error, aside)
        shutil.rmtree(aside, ignore_errors=True)
        if full:
            raise _disk_full(folder) from error
        raise


def _make_aside(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-{os.getpid()}-", dir=folder.parent))
        aside.chmod(0o755)  # mkdtemp makes it 0700
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _disk_full(folder) from error
        raise OutputError(
            f"{folder.name!r} cannot be written in {folder.parent}: {error.strerror or first_line(error)}; "
            "name a folder that can be written"
        ) from error
    return aside


def _disk_full(folder: Path) -> DiskFullError:
    return DiskFullError(
        f"no space left on the disk of {folder.parent} while writing {folder.name!r}; free some and run again"
    )


def _sweep(folder: Path) -> None:
    """Remove temporary folders of killed processes beside ``folder``."""
    for left in folder.parent.glob(f".{folder.name}-*-*"):
        pid = left.name.removeprefix(f".{folder.name}-").partition("-")[0]
        if pid.isdigit() and not _is_running(pid):
            shutil.rmtree(left, ignore_errors=True)


def _is_running(pid: str) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A stream to a temporary file, flushed to disk and renamed to ``path`` if the block succeeds, deleted if it fails."""
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        aside.rename(path)
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise OutputError(f"{path}: cannot be written ({error.strerror}); make room, or name another place") from error
    finally:
        aside.unlink(missing_ok=True)


def refuse_unwritable(folder: Path) -> None:
    """Raise OutputError if ``folder`` cannot be written: before hours of measuring, not after."""
    try:
        there = next(one for one in (folder, *folder.absolute().parents) if one.exists())  # no folder is created yet
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}), expected a writable folder; name another"
        ) from error


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes, as ``sha256sum`` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(content: Any) -> str:
    """Hex digest of a JSON value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _replace(folder: Path, aside: Path) -> None:
    """Rename ``aside`` to ``folder``; an older folder is moved away first, since a rename cannot replace it."""
    if folder.exists():
        old = aside.with_name(f"{aside.name}-old")
        folder.rename(old)
        aside.rename(folder)
        shutil.rmtree(old)
    else:
        aside.rename(folder)


def _is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether a full disk caused a failure: C++ writers raise errors of their own, or none."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, OSError) and chain.errno in _DISK_FULL:
            return True
        chain = chain.__cause__ or chain.__context__
    try:
        return os.statvfs(folder).f_bavail == 0 or "No space left on device" in str(error)
    except OSError:
        return False
