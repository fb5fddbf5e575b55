"""What ``/metrics`` shows, in the text format of Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_TEXTS = (1, 2, 4, 8, 16, 32)


class Counts:
    """Counters of one server."""

    def __init__(self) -> None:
        self._requests = Counter("deploybench_requests", "Requests by route and HTTP status", ["route", "status"])
        self._seconds = Histogram("deploybench_request_seconds", "Answered requests to /predict", buckets=_SECONDS)
        self._waited = Histogram("deploybench_queue_seconds", "Texts, until their batch began", buckets=_SECONDS)
        self._texts = Counter("deploybench_texts", "Answered texts")
        self._truncated = Counter("deploybench_truncated_texts", "Answered texts of which the model did not read all")
        self._tokens = Counter("deploybench_tokens", "Tokens of answered texts")
        self._computed = Counter("deploybench_computed_tokens", "Tokens that were computed, padding included")
        self._batches = Histogram("deploybench_batch_texts", "Batches by number of texts", buckets=_TEXTS)
        self._queued = Gauge("deploybench_queued_texts", "Texts that wait")

    def watch_queue(self, queued: Callable[[], int]) -> None:
        """Show ``queued()`` as the number of waiting texts."""
        self._queued.set_function(queued)

    def batch(self, texts: int, computed: int) -> None:
        """Count a computed batch."""
        self._batches.observe(texts)
        self._computed.inc(computed)

    def text(self, tokens: int, *, truncated: bool, waited: float) -> None:
        """Count an answered text."""
        self._texts.inc()
        self._tokens.inc(tokens)
        self._truncated.inc(truncated)
        self._waited.observe(waited)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        if status == 200:  # noqa: PLR2004 - OK
            self._seconds.observe(seconds)

    def shown(self) -> bytes:
        """All of them, and those of the process."""
        return generate_latest(REGISTRY)
