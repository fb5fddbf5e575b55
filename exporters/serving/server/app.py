"""The application: ``/predict``, ``/health``, ``/info``, ``/metrics``, and a line of log for each request."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .answers import Head
from .batching import Batcher
from .counts import Counts
from .refused import Refused
from .request import read_request
from .texts import Texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .batching import Predict, Waiting
    from .request import Asked
    from .settings import Settings

_TOKENISING_THREADS = 2  # a long text does not hold up the others
_ROUTES = ("/predict", "/health", "/info", "/metrics")
_TICK_S, _TICKS = 0.01, 7  # of the watch over the event loop: a machine that stands still once is not overloaded
_TURNS = 6  # of the event loop, from a request to its answer
_THROWN_AWAY = 64_000_000  # bytes of a body that is too large; of a larger one the connection is closed
_GONE = 499  # nginx's status for a client that left
_TOO_MUCH = Refused(429, "the server is overloaded", "Overloaded", retry_after=1)
_OVERLOADED = JSONResponse(_TOO_MUCH.body, _TOO_MUCH.status, _TOO_MUCH.headers)


def make_app(settings: Settings, load: Callable[[], Predict]) -> Starlette:
    """The application of the artifact in ``settings``; ``load`` loads one instance of its model, and what it raises is raised."""
    server = _Server(settings)
    server.batcher.start(load, settings.instances)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(server.watch_loop())
        yield
        watching.cancel()
        await asyncio.to_thread(server.batcher.stop)

    routes = [
        Route("/predict", server.predict, methods=["POST"]),
        Route("/health", server.health, methods=["GET"]),
        Route("/info", server.info, methods=["GET"]),
        Route("/metrics", server.metrics, methods=["GET"]),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _refused_by_starlette})
    app.router.redirect_slashes = False
    app.add_middleware(_Outermost, server=server)
    return app


def _refused_by_starlette(_: Request, error: Exception) -> Response:
    """The answer to another path (404) or method (405), in the form of all others."""
    assert isinstance(error, HTTPException)
    expected = "expected POST /predict, or GET /health, /info or /metrics"
    refused = Refused(error.status_code, f"{error.detail}: {expected}")
    return JSONResponse(refused.body, refused.status, error.headers)


class _Server:
    """The handlers of all routes, and what they share."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._texts, self._head = Texts(settings.artifact), Head(settings.artifact)
        self.counts = Counts()
        self.batcher = Batcher(
            self._texts,
            self.counts,
            most=settings.max_batch,
            max_queue=settings.max_queue,
            max_wait_s=settings.max_wait_ms / 1000,
        )
        self.counts.watch_queue(lambda: self.batcher.queued)
        self.lag = 0.0
        self.running = 0  # requests whose texts are known
        self._tokenising = ThreadPoolExecutor(_TOKENISING_THREADS)

    async def watch_loop(self) -> None:
        """Keep ``lag``, the seconds that a turn of the event loop takes: the median of the last ones."""
        late: deque[float] = deque(maxlen=_TICKS)
        while True:
            start = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            late.append(time.perf_counter() - start - _TICK_S)
            self.lag = median(late)

    async def health(self, _: Request) -> Response:
        """200 once the model is loaded: before, nothing listens."""
        return Response()

    async def info(self, _: Request) -> Response:
        """What is served."""
        return JSONResponse({**self._head.info, "max_input_length": self._texts.max_length, "pairs": self._texts.pairs})

    async def metrics(self, _: Request) -> Response:
        """The counters."""
        return Response(self.counts.shown(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def predict(self, request: Request) -> Response:
        """The predictions of the texts of a request."""
        try:
            return await self._predict(request)
        except Refused as error:
            return JSONResponse(error.body, error.status, error.headers)
        except ClientDisconnect:
            return Response(status_code=_GONE)

    async def _predict(self, request: Request) -> Response:
        settings = self._settings
        body = await _body(request, settings.max_body_bytes, settings.timeout_s)
        asked = read_request(
            body,
            pairs=self._texts.pairs,
            most=settings.max_texts,
            truncate=not settings.no_truncate,
            direction=self._texts.direction,
        )
        self.running += 1  # from now on it computes: a body that does not arrive is no load
        try:
            return await self._answer(request, asked)
        finally:
            self.running -= 1

    async def _answer(self, request: Request, asked: Asked) -> Response:
        settings, loop = self._settings, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(settings.timeout_s):
                tokens = await loop.run_in_executor(self._tokenising, self._texts.tokens, asked.texts)
        except TimeoutError:
            raise Refused(503, f"no answer within {settings.timeout_s} s", "Overloaded", retry_after=1) from None
        truncated = sum(one.truncated for one in tokens)
        if truncated and not asked.truncate:
            raise Refused(413, f"inputs must have at most {self._texts.max_length} tokens; shorten it, or truncate")
        waiting = self.batcher.submit(tokens)
        request.state.facts = {"texts": len(tokens), "tokens": sum(map(len, tokens)), "truncated": truncated}
        answers = await self._answers(request, waiting)
        for one in waiting:
            self.counts.text(len(one.tokens), truncated=one.tokens.truncated, waited=one.waited)
        times = {
            "queue_ms": round(1000 * max(one.waited for one in waiting), 2),
            "inference_ms": round(1000 * max(one.computed for one in waiting), 2),
        }
        request.state.facts |= times
        made = [self._head.predictions(logits, raw=asked.raw_scores) for logits in answers]
        headers = {
            "x-queue-time": str(times["queue_ms"]),
            "x-inference-time": str(times["inference_ms"]),
            "x-compute-tokens": str(request.state.facts["tokens"]),
            "x-truncated-texts": str(truncated),
        }
        return JSONResponse(made if asked.batch else made[0], headers=headers)

    async def _answers(self, request: Request, waiting: list[Waiting]) -> list[Any]:
        """Logits of each text; raises Refused (503) after the time limit, and ClientDisconnect."""
        all_of_them: asyncio.Future[list[Any]] = asyncio.gather(*(one.future for one in waiting))
        all_of_them.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # of a client that left, nobody asks
        # After the body comes the end of the connection.
        gone: asyncio.Future[Any] = asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait(
                {all_of_them, gone}, timeout=self._settings.timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if all_of_them.done():
                return all_of_them.result()
            left = gone.done()
        finally:
            gone.cancel()
            self.batcher.leave(one for one in waiting if not one.future.done())
        if left:
            raise ClientDisconnect
        raise Refused(503, f"no answer within {self._settings.timeout_s} s", "Overloaded", retry_after=1)


async def _body(request: Request, most: int, seconds: float) -> bytes:
    """The body; raises Refused for a larger one (413) and a slower one (408).

    A larger one is read to its end and thrown away: a client that still sends would not see the answer on a closed connection.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size <= most:
                    body += part
                if size > _THROWN_AWAY:
                    break
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {seconds} s") from None
    if size > most:
        raise Refused(413, f"the body is larger than {most} bytes")
    return bytes(body)


class _Outermost:
    """Refuses at once what would wait too long, and has a count and a line of log for each request, without a word of its texts."""

    def __init__(self, app: ASGIApp, server: _Server) -> None:
        self._app, self._server = app, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500
        scope.setdefault("state", {})

        async def watching(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        route = scope["path"] if scope["path"] in _ROUTES else "other"  # a path could hold anything
        try:
            await self._answer(route, scope, receive, watching)
        finally:
            seconds = time.perf_counter() - start
            self._server.counts.request(route, status, seconds)
            _log(scope, route, {"status": status, "ms": round(1000 * seconds, 2)})

    async def _answer(self, route: str, scope: Scope, receive: Receive, send: Send) -> None:
        if route != "/predict":
            await self._app(scope, receive, send)
        elif self._server.batcher.is_overloaded(self._server.running, _TURNS * self._server.lag):
            await _OVERLOADED(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _log(scope: Scope, route: str, facts: dict[str, Any]) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    shown = " ".join(f"{name}={value}" for name, value in {**facts, **scope["state"].get("facts", {})}.items())
    sys.stdout.write(f"{now} {scope['method']} {route} {shown}\n")
    sys.stdout.flush()
