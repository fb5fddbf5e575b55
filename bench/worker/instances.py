"""Several processes of one variant that share the thread budget, each on its own cores."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ..machine.cores import shared_cores
from .client import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def loaded_instances(variant: str, artifact: Path, instances: int, threads: int) -> Iterator[list[Worker]]:
    """``instances`` workers with the variant loaded; ``threads`` is a multiple of it and is divided among them."""
    cores, budget = sorted(shared_cores(threads, 0)), threads // instances
    with ExitStack() as stack:
        workers = []
        for number in range(instances):
            label = f"{variant}, process {number + 1} of {instances}"
            worker = stack.enter_context(Worker(label, budget))
            first = number * budget
            own = {cores[index % len(cores)] for index in range(first, first + budget)}
            worker.ask("set_affinity", sorted(own))  # else runtimes that pin their threads may all choose the same core
            worker.start(variant, artifact, budget)
            workers.append(worker)
        yield workers
