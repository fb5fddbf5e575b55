"""The activations of a forward pass and their lifetimes, from the operators that PyTorch dispatches."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Activations:
    """The activations of one forward pass by storage: views of one tensor are one activation."""

    def __init__(self) -> None:
        self._held: list[Any] = []  # so that no address is reused
        self._sizes: dict[int, int] = {}  # bytes, by address
        self._first: dict[int, int] = {}  # number of the operator that wrote it
        self._last: dict[int, int] = {}  # and of the last operator that read it
        self._kept: set[int] = set()
        self._operators = 0

    @property
    def live(self) -> int:
        """The most bytes at once, including what an operator reads and writes."""
        changes = [0] * (self._operators + 2)
        for address, size in self._sizes.items():
            changes[self._first[address]] += size
            changes[self._last[address] + 1] -= size
        most = now = 0
        for change in changes:
            now += change
            most = max(most, now)
        return most

    @property
    def kept(self) -> int:
        """Bytes that autograd saves for the backward pass."""
        return sum(self._sizes[address] for address in self._kept)

    def operator(self, read: list[Any], written: list[Any], weights: set[int]) -> None:
        """Record an operator by the tensors that it read and wrote."""
        self._operators += 1
        sources = [_address(one) for one in read]
        for address in sources:
            if address in self._sizes:
                self._last[address] = self._operators
        if not any(address in weights or address in self._sizes for address in sources):
            return
        for one in written:
            address = _address(one)
            if address not in weights and address not in self._sizes:
                self._held.append(one)
                self._sizes[address] = one.untyped_storage().nbytes()
                self._first[address] = self._last[address] = self._operators

    def keep(self, tensor: Any) -> None:
        """Record a tensor that autograd saves."""
        address = _address(tensor)
        if address in self._sizes:
            self._kept.add(address)


@contextmanager
def watched(model: Any) -> Iterator[Activations]:
    """The activations of ``model`` while it runs in the block."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    found = Activations()
    weights = {_address(one) for one in model.parameters()}

    def tensors(tree: Any) -> list[Any]:
        return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]

    class Watch(TorchDispatchMode):
        """Records each operator below autograd."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            output = func(*args, **(kwargs or {}))
            found.operator(tensors((args, kwargs)), tensors(output), weights)
            return output

    def keep(tensor: Any) -> Any:
        found.keep(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), Watch():
        yield found


def _address(tensor: Any) -> int:
    address: int = tensor.untyped_storage()._cdata  # noqa: SLF001 - it has no public name
    return address
