"""The child process that holds one variant, and the client that the parent talks to."""

from bench.worker.client import Worker, call_in_child

__all__ = ["Worker", "call_in_child"]
