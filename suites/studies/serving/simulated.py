"""A server with a known service time: one queue, first in first out, and every request takes as long.

Started as ``python -m deploybench.suites.studies.serving.simulated SECONDS``; it prints its port. One thread receives, another
"serves" by waiting: a request's answer is due ``SECONDS`` after it arrived or after the one before it was due.
"""

from __future__ import annotations

import queue
import selectors
import socket
import sys
import threading
import time

from ....bench.measure.server.client import SWITCH_S, oversleep

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
_END = b"\r\n\r\n"


def _answer(arrived: queue.SimpleQueue[tuple[float, socket.socket]], service: float) -> None:
    free, early = 0.0, oversleep()
    while True:
        at, connection = arrived.get()
        free = max(free, at) + service
        left = free - time.perf_counter() - early
        if left > 0:
            time.sleep(left)
        while time.perf_counter() < free:
            pass
        connection.sendall(_ANSWER)


def serve(service: float) -> None:
    """Serve until the process is ended; a request is one packet, as the client of this project sends it."""
    sys.setswitchinterval(SWITCH_S)
    arrived: queue.SimpleQueue[tuple[float, socket.socket]] = queue.SimpleQueue()
    threading.Thread(target=_answer, args=(arrived, service), daemon=True).start()
    listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - what the study reads
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                connection, _ = listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ)
                continue
            data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr] # a socket
            if not data:
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
            elif _END in data:
                arrived.put((time.perf_counter(), key.fileobj))  # type: ignore[arg-type]


if __name__ == "__main__":
    serve(float(sys.argv[1]))
