"""Batches of texts of similar length, so that there is little padding, in random order."""

from __future__ import annotations

import math
import random
from itertools import cycle, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_POOL = 50  # batches sorted together: as many as in transformers


class LengthGroupedOrder:
    """A sampler for PyTorch: indices of all texts once an epoch, to be cut into batches of ``batch_size``.

    The sampler of transformers orders the batches of each pool from long to short. If the texts of one class are longer than
    those of the other, the batches then contain one class after the other, and training fails: on covid_constraint the loss
    stayed at 0.69 with it, and fell to 0.1 in two epochs with the same batches in random order.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = lengths  # tokens
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of ``epoch``, independent of earlier ones; called by accelerate."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(f"{self._seed}/{self._epoch}")  # noqa: S311 - no secret
        order = rng.sample(range(len(self)), len(self))
        pool = _POOL * self._batch_size
        by_length = [
            index
            for start in range(0, len(order), pool)
            for index in sorted(order[start : start + pool], key=self._lengths.__getitem__)
        ]
        batches = [by_length[i : i + self._batch_size] for i in range(0, len(order), self._batch_size)]
        # A short last batch stays last: elsewhere it would shift the borders of the batches after it.
        whole, rest = batches[: len(order) // self._batch_size], batches[len(order) // self._batch_size :]
        rng.shuffle(whole)
        for batch in whole + rest:
            yield from batch


class DeviceBatches:
    """A batch sampler for PyTorch: one device's share of each batch; shares differ by one text at most.

    That of accelerate gives the first devices whole batches, and the last ones texts that were already trained on.
    ``batch_size``: texts of all devices together.
    """

    def __init__(self, order: LengthGroupedOrder, batch_size: int, devices: int, device: int) -> None:
        self.sampler = order  # accelerate calls set_epoch on this attribute
        self._batch_size = batch_size
        self._devices = devices
        self._device = device

    def __len__(self) -> int:
        return math.ceil(len(self.sampler) / self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = list(self.sampler)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            # No device may be without a text: each waits for the gradients of all.
            batch += islice(cycle(order), max(0, self._devices - len(batch)))
            yield batch[self._device :: self._devices]
