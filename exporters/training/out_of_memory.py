"""Errors by which PyTorch reports that memory is too small, and recovery from them."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Given = TypeVar("Given")
_WORDS = (
    *("out of memory", "can't allocate memory", "bad_alloc"),
    *("_status_alloc_failed", "no valid execution plans"),  # cuBLAS, cuDNN: no memory for their workspace
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` reports that the memory of a device or of the machine is too small."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The driver and the CPU allocator raise a plain RuntimeError.
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def none_if_oom(call: Callable[[], Given]) -> Given | None:
    """The result of ``call``, or None if memory is too small; afterwards the device holds nothing of a failed call."""
    import torch

    given = None
    try:
        given = call()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Not in the handler: until it ends, the traceback holds every tensor of the call.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return given
