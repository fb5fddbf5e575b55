"""Only one run measures on a machine at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = "deploybench.lock"


@contextmanager
def alone() -> Iterator[None]:
    """Wait, and say so, until no other run of this tool measures on this machine; the kernel frees what a killed run held."""
    path = Path(tempfile.gettempdir(), _LOCK)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(
                f"waiting: process {lock.read().strip() or 'unknown'} measures on this machine; two at once would slow both"
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
