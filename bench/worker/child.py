"""The child's side of a worker: answers requests until the parent closes the pipe.

A request is ``(command, arguments)``; an answer is ``("ok", value)`` or ``("error", exception or text)``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from typing import NoReturn

from ...exporters.errors import DeploybenchError
from .commands import Commands


def serve(connection: Connection) -> None:
    """Answer requests until the parent closes the pipe."""
    commands = Commands()
    while True:
        try:
            command, arguments = connection.recv()
            connection.send(_answer(commands, command, arguments))
        # Ctrl-C reaches the parent as well, which reports it, and no longer waits for an answer.
        except (EOFError, BrokenPipeError, KeyboardInterrupt):
            return


def _answer(commands: Commands, command: str, arguments: tuple[object, ...]) -> tuple[str, object]:
    try:
        return "ok", getattr(commands, command)(*arguments)
    except DeploybenchError as error:
        return "error", error
    except Exception as error:  # noqa: BLE001 - the parent records whatever a runtime raises
        traceback.print_exc()
        lines = str(error).strip().splitlines() or [""]
        return "error", f"{type(error).__name__}: {lines[0]}"


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent dies: an orphan would go on computing and writing."""
    set_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
    ctypes.CDLL(None, use_errno=True).prctl(set_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the signal was set
        os._exit(1)


def serve_and_exit(connection: Connection) -> NoReturn:
    """Answer requests until the parent closes the pipe, then end this process."""
    serve(connection)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the interpreter's own cleanup takes seconds if transformers is imported


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    serve_and_exit(Connection(int(sys.argv[1])))
