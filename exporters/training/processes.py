"""Distributed training: one process for each device, as torchrun and `accelerate launch` start them."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

_TIMEOUT = timedelta(
    minutes=30
)  # for which a process waits for another: the main one may wait for the machine's lock, or prepare texts


def process_count() -> int:
    """Number of launched processes; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this is the process that reads, prints and writes."""
    return int(os.environ.get("RANK", "0")) == 0


def shared(value: Any, *, gpu: bool) -> Any:
    """The main process's ``value``, in every process; waits until all have called."""
    import torch.distributed
    from accelerate import PartialState

    if not gpu:
        # Otherwise each process has a numbered CPU device, to which PyTorch cannot load a saved state.
        os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    PartialState(cpu=not gpu, timeout=_TIMEOUT)
    values = [value]
    torch.distributed.broadcast_object_list(values)
    return values[0]


def total(number: int) -> int:
    """Sum of ``number`` over all processes."""
    if process_count() == 1:
        return number
    import torch
    from accelerate import PartialState

    tensor = torch.tensor(number, device=PartialState().device)
    torch.distributed.all_reduce(tensor)
    return int(tensor)


def wait_for_all() -> None:
    """Block until every process has called."""
    if process_count() > 1:
        import torch.distributed

        torch.distributed.barrier()
