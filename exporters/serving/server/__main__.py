"""``python -m server``: serve the artifact of the current folder until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import functools
import importlib
import os
import signal
import socket
import sys
from typing import Any

import uvicorn

from .app import make_app
from .settings import Settings, add_flags, read_settings

_MOST_CONNECTIONS = 1000  # more get 503
_SWEEP_S = 1.0


def main() -> None:
    """Read the flags and serve."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Serve the artifact beside this folder.")
    add_flags(parser)
    settings = read_settings(parser.parse_args())
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads would take the cores of the model's
    listening = _listen(settings)
    load = importlib.import_module(".predictor", __package__).load
    try:
        app = make_app(settings, functools.partial(load, settings.artifact.resolve(), settings.threads_each))
    except Exception as error:  # noqa: BLE001 - a runtime's
        sys.stderr.write(f"{settings.artifact.resolve()}: cannot be loaded ({error}); copy the artifact again\n")
        sys.exit(1)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=settings.timeout_s,
        timeout_keep_alive=settings.timeout_s,
        server_header=False,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn ends first, and then raises the signal again
    try:
        _Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        sys.exit(0)
    sys.exit(1)  # it did not start, and said why


class _Server(uvicorn.Server):
    """Says where it listens, and closes connections that send nothing."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or () if self.started else ():
            host, port, *_ = one.getsockname()
            sys.stdout.write(f"serving at http://{host}:{port}\n")
            sys.stdout.flush()
        self._sweeping = asyncio.create_task(_sweep(self, self.config.timeout_keep_alive))


def _listen(settings: Settings) -> socket.socket:
    """A socket that is bound; ends with one line where the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off: else the body of an answer waits 40 ms for the client's
    # acknowledgement of its head.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((settings.host, settings.port))
    except OSError as error:
        sys.stderr.write(
            f"--port: {settings.host}:{settings.port} cannot be listened at ({error.strerror}); pass another\n"
        )
        sys.exit(2)
    return made


async def _sweep(server: uvicorn.Server, seconds: float) -> None:
    """Close connections on which no whole request head has arrived for as long as a request may take.

    uvicorn has a limit for idle connections between requests alone, and a client that never ends its head would hold one for ever.
    """
    idle: dict[Any, tuple[Any, float]] = {}  # by connection: its last request, and since when it has no other
    while True:
        await asyncio.sleep(_SWEEP_S)
        now = asyncio.get_running_loop().time()
        cycles = {one: getattr(one, "cycle", None) for one in server.server_state.connections}
        still = {one: cycle for one, cycle in cycles.items() if cycle is None or cycle.response_complete}
        idle = {
            one: idle[one] if one in idle and idle[one][0] is cycle else (cycle, now) for one, cycle in still.items()
        }
        for one, (_, since) in idle.items():
            if now - since > seconds and one.transport:
                one.transport.close()


if __name__ == "__main__":
    main()
