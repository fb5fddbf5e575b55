"""Memory that is too small: how PyTorch says so, and how to go on afterwards."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Given = TypeVar("Given")
_WORDS = (
    *("out of memory", "can't allocate memory", "bad_alloc"),
    *("_status_alloc_failed", "no valid execution plans"),  # cuBLAS, cuDNN: no room for their own workspace
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory is too small, of a device or of the machine."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The driver, and the allocator of the CPU, raise a bare RuntimeError.
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def none_if_oom(call: Callable[[], Given]) -> Given | None:
    """What ``call`` gives, or None where memory is too small for it; nothing of it is left on the device."""
    import torch

    given = None
    try:
        given = call()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Here and not in the handler: until that ends, the traceback holds every tensor of the call.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return given
