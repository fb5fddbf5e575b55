"""Children forked from a process that has imported PyTorch and transformers: their import takes seconds.

``python -m deploybench.bench.worker.forking FD PARENT MODULE…`` is that process, the template. It computes nothing and
starts no thread, so a forked child is where a spawned one is after the same imports.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import weakref
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .child import die_with_parent, serve_and_exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PYTORCH = ("torch", "transformers.modeling_utils", "transformers.models.auto.modeling_auto")

# NumPy's library would start threads when it is imported, and so would the allocator of pyarrow, which transformers imports.
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
_MESSAGE = 2**17  # bytes: an environment fits
_END_S = 5.0


class Forked:
    """A forked child, with what a worker uses of ``subprocess.Popen``."""

    def __init__(self, pid: int, template: Template) -> None:
        self.pid = pid
        self._template = template  # whose end would end the child
        self._handle = os.pidfd_open(pid)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Exit code, negative for a signal; raises subprocess.TimeoutExpired."""
        if self._code is None:
            if not select.select([self._handle], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a forked worker", timeout or 0)
            self._code = self._template.exit_code(self.pid)
            os.close(self._handle)
        return self._code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self._code is None:
            signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """Kill it, if it still runs."""
        self.send_signal(signal.SIGKILL)


# By modules, the last of each: that of PyTorch holds some 300 MB.
_current: dict[tuple[str, ...], tuple[dict[str, str], Template]] = {}


def template_for(environment: dict[str, str], modules: tuple[str, ...]) -> Template:
    """A template with ``modules``, started in ``environment``, which packages read when they are imported."""
    if modules not in _current or _current[modules][0] != environment:
        _current[modules] = environment, Template(environment, modules)
    return _current[modules][1]


class Template:
    """The parent's side of the template; it ends when nothing refers to it any more."""

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        with theirs:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "deploybench.bench.worker.forking",
                    str(theirs.fileno()),
                    str(os.getpid()),
                    *modules,
                ],
                pass_fds=[theirs.fileno()],
                env={**environment, **_NO_THREADS},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        weakref.finalize(self, _end, ours, process)

    def fork(self, connection: int, output: int, error: int, environment: dict[str, str]) -> Forked | None:
        """A child that serves ``connection`` and writes to ``output`` and ``error``; None if the template cannot fork."""
        message = pickle.dumps((environment, str(Path.cwd())))
        try:
            socket.send_fds(self._socket, [message], [connection, output, error])
            answer = self._socket.recv(_MESSAGE)
        except OSError:
            return None
        return Forked(int(answer), self) if answer else None

    def exit_code(self, pid: int) -> int:
        """Exit code of an ended child, negative for a signal."""
        try:
            self._socket.send(pickle.dumps(pid))
            return int(self._socket.recv(_MESSAGE))
        except (OSError, ValueError):  # the template was killed, and its children with it
            return -signal.SIGKILL


def _end(ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
    ours.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _serve(requests: socket.socket) -> None:
    """Fork a child for each request and say its pid; say the exit code of a child that ended."""
    while True:
        message, received, _, _ = socket.recv_fds(requests, _MESSAGE, 3)
        if not message:
            return
        request = pickle.loads(message)  # noqa: S301 - from the parent
        if isinstance(request, int):
            requests.send(str(os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])).encode())
            continue
        template = os.getpid()
        pid = os.fork()
        if pid == 0:
            requests.close()
            environment, folder = request
            _become(environment, folder, received, template)
        for descriptor in received:
            os.close(descriptor)
        requests.send(str(pid).encode())


def _become(environment: dict[str, str], folder: str, received: Sequence[int], template: int) -> NoReturn:
    """Be the worker that was asked for."""
    die_with_parent(template)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    connection, output, error = received
    os.dup2(output, 1)
    os.dup2(error, 2)
    os.close(output)
    os.close(error)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    serve_and_exit(Connection(connection))


def _main() -> None:
    requests = socket.socket(fileno=int(sys.argv[1]))
    die_with_parent(int(sys.argv[2]))
    for module in sys.argv[3:]:
        importlib.import_module(module)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the children end in their own way
    gc.collect()
    gc.freeze()  # a collection would write to the pages that the children share
    if len([*Path("/proc/self/task").iterdir()]) > 1:
        return  # a fork would copy one thread and the locks of all
    _serve(requests)


if __name__ == "__main__":
    _main()
    os._exit(0)  # as a worker ends: the interpreter's own cleanup takes seconds
