"""Timing of calls on a device, synchronised before the clock is read, since GPU calls return early."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

WARMUP = 5  # untimed calls: kernels are loaded and selected, and the device's clock rises


class Timed(NamedTuple):
    """Time and memory of the calls."""

    seconds: tuple[float, ...]  # of each
    peak_memory: (
        int | None
    )  # bytes of the device that tensors held at once; None on a CPU, where PyTorch does not count


def each_timed(call: Callable[[], Any], times: int, device: str) -> Timed:
    """Time ``call`` on "cuda" or "cpu", ``times`` times after the warm-up."""
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
