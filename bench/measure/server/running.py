"""The server of an artifact in a process of its own, as it is handed over."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ....exporters.errors import WorkerError
from ....exporters.serving.server.settings import flags_of
from ....exporters.serving.server_folder import SERVER, write_server

if TYPE_CHECKING:
    from types import TracebackType

_START_S = 300.0
_POLL_S = 0.02
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How the instances of the model use the cores, and how many waiting texts are computed together."""

    instances: int
    threads: int  # of each
    max_batch: int  # 1: no dynamic batching


class RunningServer:
    """A context manager that starts the server of an ``artifact`` and ends it."""

    def __init__(self, artifact: Path, setup: Setup, max_wait_ms: int) -> None:
        self._artifact, self.port = artifact.resolve(), 0
        self._settings = {"artifact": self._artifact, "port": 0, "max_wait_ms": max_wait_ms, **asdict(setup)}

    def __enter__(self) -> Self:
        """Return once it answers; raises WorkerError, with its last words, where it ends before."""
        self._made = tempfile.TemporaryDirectory()
        folder = Path(self._made.name)
        write_server(self._artifact, folder)
        command = [sys.executable, "-m", SERVER, *flags_of(self._settings)]
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            self.port = self._wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> int:
        """End it as a cluster would, by SIGTERM; returns its exit code."""
        self._process.terminate()
        code = self._process.wait()
        self._made.cleanup()
        return code

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the process so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    @property
    def memory(self) -> int:
        """Resident bytes of the process."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _wait(self) -> int:
        start = time.monotonic()
        while time.monotonic() - start < _START_S:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            port = next((line.rpartition(":")[2] for line in lines if line.startswith("serving at ")), "")
            if port:
                return int(port)
            if self._process.poll() is not None:
                words = lines[-1] if lines else "it said nothing"
                raise WorkerError(f"the server of {self._artifact.name} did not start: {words}")
            time.sleep(_POLL_S)
        raise WorkerError(f"the server of {self._artifact.name} did not start within {_START_S:.0f} s")
