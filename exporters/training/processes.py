"""Several processes that train one model, a device each, as torchrun and `accelerate launch` start them."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

_TIMEOUT = timedelta(minutes=30)  # of one process for another: the main one may wait for its turn, or prepare texts


def process_count() -> int:
    """1 where nothing was launched."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this process is the one that reads, speaks and writes."""
    return int(os.environ.get("RANK", "0")) == 0


def shared(value: Any, *, gpu: bool) -> Any:
    """The main process's ``value``, in every one of them; waits until all have come."""
    import torch.distributed
    from accelerate import PartialState

    if not gpu:
        # Else each has a CPU with a number, on which PyTorch cannot read what a state holds.
        os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    PartialState(cpu=not gpu, timeout=_TIMEOUT)
    values = [value]
    torch.distributed.broadcast_object_list(values)
    return values[0]


def total(number: int) -> int:
    """Sum of the ``number`` of every process."""
    if process_count() == 1:
        return number
    import torch
    from accelerate import PartialState

    tensor = torch.tensor(number, device=PartialState().device)
    torch.distributed.all_reduce(tensor)
    return int(tensor)


def wait_for_all() -> None:
    """Until every process has come here."""
    if process_count() > 1:
        import torch.distributed

        torch.distributed.barrier()
