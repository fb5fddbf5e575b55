"""Timing what runs on a device: it is waited for before the clock is read, since calls return before it is done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

WARMUP = 5  # calls that are not timed: kernels are loaded and chosen in them, and the device's clock rises


class Timed(NamedTuple):
    """What the calls took."""

    seconds: tuple[float, ...]  # of each
    peak_memory: (
        int | None
    )  # bytes of the device that tensors held at once; None on a CPU, where PyTorch does not count


def each_timed(call: Callable[[], Any], times: int, device: str) -> Timed:
    """Time ``call`` so many times on "cuda" or "cpu", after the warm-up."""
    import torch

    gpu = device == "cuda"
    for _ in range(WARMUP):
        call()
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(times):
        if gpu:
            torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        if gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return Timed(tuple(seconds), torch.cuda.max_memory_allocated() if gpu else None)
