"""Running a model of transformers on the meta device, where tensors have shapes and no contents."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Have every tensor that the block makes on the meta device: DistilBERT makes one on its way."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Padded(TorchDispatchMode):
        """Tells transformers 5, which asks the mask and leaves it out where no text is padded, that one is."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten._local_scalar_dense.default:  # noqa: SLF001 - its one name
                return False
            return func(*args, **(kwargs or {}))

    with torch.device("meta"), Padded():
        yield
