"""A lock, so that one run at a time works on a machine: exports and trainings would slow the measurements of another."""

from __future__ import annotations

import contextlib
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.errors import OutputError, first_line
from ..console import say

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = "deploybench.lock"
_SHARED = "/dev/shm"  # noqa: S108 - a lock, opened without following links
_SHORT = 20  # characters of a process id
HELD = "DEPLOYBENCH_LOCK_HELD"  # set in the environment of a command whose parent holds the lock
FOLDER = "DEPLOYBENCH_LOCK_DIR"  # environment variable: folder of the lock
_held: list[int] = []  # the lock's descriptor, while this process has it


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of this machine, after waiting (with a message) for another run; the kernel releases that of a killed run.

    Reentrant in this process, and in children that are started with HELD. Raises OutputError if the lock cannot be opened.
    """
    if _held or HELD in os.environ:
        yield
        return
    import fcntl  # not on Windows

    descriptor, writable = _open()
    with os.fdopen(descriptor, "r+b" if writable else "rb", buffering=0) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock.read(_SHORT).decode("ascii", "replace").strip() or "unknown"
            say(f"waiting: process {holder} works on this machine; two at once would slow both")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if writable:
            lock.seek(0)
            lock.truncate()
            lock.write(f"{os.getpid()}\n".encode("ascii"))
        _held.append(descriptor)
        try:
            yield
        finally:
            _held.clear()


def held() -> tuple[int, ...]:
    """The lock's descriptor, for a child that shares the lock."""
    return tuple(_held)


def _open() -> tuple[int, bool]:
    """The lock's descriptor, and whether it is writable; another user's file can be locked as well."""
    path = None
    flags = os.O_CLOEXEC | os.O_NOFOLLOW  # in a shared folder, a link may lead to a file of this user
    try:
        path = Path(_folder(), _LOCK)
        with contextlib.suppress(PermissionError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o666)
            return descriptor, True
        return os.open(path, os.O_RDONLY | flags), False
    except OSError as error:
        raise OutputError(
            f"{path or 'temporary folder'}: cannot be opened ({error.strerror or first_line(error)}), and without it two runs "
            f"could slow each other; remove it, or set {FOLDER} to a folder that can be written"
        ) from error


def _folder() -> str:
    """Shared memory if possible: jobs and services may have a private temporary folder."""
    shared = _SHARED if os.access(_SHARED, os.W_OK) else ""
    return os.environ.get(FOLDER) or shared or tempfile.gettempdir()
