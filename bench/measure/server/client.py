"""An open-loop client: a request is sent at its intended time whether or not earlier ones are answered.

A client that waits for each answer sends less the slower the server is, and hides its queue (coordinated omission: Tene, "How
not to measure latency", 2015). Latency is counted from the intended time.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ....exporters.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from ....exporters.texts import Text

_MOST_CONNECTIONS = 900  # the server takes 1,000
_AHEAD = 16  # connections that are open before the first request
_PATIENCE_S = 60.0  # after the last request
_POLL_S = 0.05
_SLEEPS, _SLEEP_S = 20, 0.002  # that are timed before the first request
OK = 200
SWITCH_S = 5e-5  # Python's 5 ms would let a thread that spins keep the other from the answer that has come


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What became of each request ``(requests,)``; seconds since the first could be sent."""

    intended: npt.NDArray[np.float64]
    sent: npt.NDArray[np.float64]
    ended: npt.NDArray[np.float64]  # when the last byte of the answer had come; infinite where none came
    status: npt.NDArray[np.int64]  # of HTTP; 0 where none came
    stopped: bool = False  # whether the client gave up before it had sent all

    @property
    def latency(self) -> npt.NDArray[np.float64]:
        """Seconds from the intended time to the answer; infinite for a request that was not answered with 200."""
        return np.where(self.status == OK, self.ended - self.intended, np.inf)

    @property
    def lag(self) -> npt.NDArray[np.float64]:
        """Seconds by which each request was sent after its intended time."""
        return self.sent - self.intended


def send(
    port: int,
    bodies: Sequence[bytes],
    times: npt.NDArray[np.float64],
    *,
    limit_s: float = np.inf,
    most_over: float = np.inf,
) -> Answers:
    """POST each body to ``/predict`` of this machine's ``port`` at its time, in seconds from now.

    It gives up once more than ``most_over`` requests took longer than ``limit_s``. Raises WorkerError where nothing listens.
    """
    try:
        client = _Client(port, bodies, times, limit_s, most_over)
    except OSError as error:
        raise WorkerError(f"port {port}: nothing listens there ({error.strerror})") from error
    receiving = threading.Thread(target=client.receive, daemon=True)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    receiving.start()
    try:
        client.send()
    except OSError as error:
        raise WorkerError(f"port {port}: the server takes no requests ({error.strerror})") from error
    finally:
        client.all_sent = True
        receiving.join()
        sys.setswitchinterval(usual)
    return client.answers()


def oversleep() -> float:
    """Seconds by which a sleep of this machine ends too late: 0.06 ms, or a tick of 1 ms and more in some virtual machines."""
    late = []
    for _ in range(_SLEEPS):
        start = time.perf_counter()
        time.sleep(_SLEEP_S)
        late.append(time.perf_counter() - start - _SLEEP_S)
    return float(np.quantile(late, 0.9))


def bodies_of(texts: Iterable[Text]) -> list[bytes]:
    """The body of a request for each text, or pair of texts."""
    return [json.dumps({"inputs": text if isinstance(text, str) else [*text]}).encode() for text in texts]


def _post(body: bytes) -> bytes:
    """A whole request to ``/predict``."""
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection:
    """A connection with one request at a time; a parser calls its methods."""

    def __init__(self, port: int) -> None:
        from httptools import HttpResponseParser

        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parser = HttpResponseParser(self)
        self.request = -1
        self.whole = False
        self.stays = False  # for another request

    def on_message_complete(self) -> None:
        """The answer has come; only now does the parser know whether the connection stays."""
        self.whole, self.stays = True, self.parser.should_keep_alive()


class _Client:
    """One thread sends, so that a request waits for nothing but its time; another receives."""

    def __init__(
        self, port: int, bodies: Sequence[bytes], times: npt.NDArray[np.float64], limit_s: float, most_over: float
    ) -> None:
        self._port, self._limit, self._most_over = port, limit_s, most_over
        self._requests, self._times = [_post(body) for body in bodies], times.tolist()
        self._sent = np.full(len(bodies), np.inf)
        self._ended = np.full(len(bodies), np.inf)
        self._status = np.zeros(len(bodies), dtype=np.int64)
        self._open: dict[int, _Connection] = {}
        self._idle: list[_Connection] = []
        self._poll = select.epoll()
        self._left = self._over = self._count = 0
        self._changed = threading.Lock()
        self._start, self._early = 0.0, oversleep()
        self.all_sent = False
        for _ in range(min(_AHEAD, len(bodies))):
            self._idle.append(self._connect())

    def send(self) -> None:
        """Send all requests at their times, or until too many are late."""
        self._start = start = time.perf_counter()
        for number, (request, at) in enumerate(zip(self._requests, self._times, strict=True)):
            wait = start + at - time.perf_counter()
            if wait > self._early:
                time.sleep(wait - self._early)
            while time.perf_counter() - start < at:  # for as long as a sleep may end too late
                pass
            if self._over > self._most_over:
                return
            connection = self._idle.pop() if self._idle else self._connect()
            connection.request = number
            with self._changed:
                self._left += 1
            self._sent[number] = time.perf_counter() - start
            connection.socket.sendall(request)
            self._count = number + 1

    def receive(self) -> None:
        """Read answers until all that were sent are answered, or for as long as there is patience."""
        silent_since = time.perf_counter()
        while not (self.all_sent and not self._left):
            found = self._poll.poll(_POLL_S)
            now = time.perf_counter()
            for number, _ in found:
                self._read(self._open[number])
            if found:
                silent_since = now
            if self.all_sent and now - silent_since > _PATIENCE_S:
                break
        for one in self._open.values():
            one.socket.close()
        self._poll.close()

    def answers(self) -> Answers:
        """Of the requests that were sent."""
        sent = slice(self._count)
        return Answers(
            intended=np.array(self._times)[sent],
            sent=self._sent[sent],
            ended=self._ended[sent],
            status=self._status[sent],
            stopped=self._count < len(self._times),
        )

    def _connect(self) -> _Connection:
        while len(self._open) >= _MOST_CONNECTIONS:  # its requests are late, which their latency shows
            if self._idle:
                return self._idle.pop()
            time.sleep(0.001)
        made = _Connection(self._port)
        self._open[made.socket.fileno()] = made
        self._poll.register(made.socket.fileno(), select.EPOLLIN)
        return made

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(1 << 16)
        except OSError:
            data = b""
        now = time.perf_counter() - self._start
        if data:
            connection.parser.feed_data(data)
        number, answered = connection.request, connection.whole
        if number >= 0 and (answered or not data):
            if answered:
                self._ended[number], self._status[number] = now, connection.parser.get_status_code()
            self._over += self._status[number] != OK or now - self._times[number] > self._limit
            connection.request, connection.whole = -1, False
            with self._changed:
                self._left -= 1
        if not data or (answered and not connection.stays):
            self._drop(connection)
        elif answered:
            self._idle.append(connection)

    def _drop(self, connection: _Connection) -> None:
        self._poll.unregister(connection.socket.fileno())
        del self._open[connection.socket.fileno()]
        if connection in self._idle:
            self._idle.remove(connection)
        connection.socket.close()
