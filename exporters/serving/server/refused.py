"""A request that gets another answer than predictions."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault of the server
    """An HTTP status with the body of Text Embeddings Inference: ``{"error": …, "error_type": …}``."""

    def __init__(self, status: int, error: str, kind: str = "Validation", retry_after: int = 0) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "error_type": kind}
        closes = {"Connection": "close"} if status in {408, 413} else {}  # the rest of the body is not read
        self.headers = closes | ({"Retry-After": str(retry_after)} if retry_after else {})
