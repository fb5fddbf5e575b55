"""The operations of what is timed: how many one forward pass takes, and under which name they are saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.console import say
from bench.runs.measurement import batch_shape
from bench.worker.client import call_in_child
from exporters.counting import built
from exporters.errors import DeploybenchError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.runs.measurement import Workload


def count_operations(checkpoint: Path, workloads: Iterable[Workload], threads: int) -> dict[str, float]:
    """Operations of one forward pass by ``batch_shape``; empty, with a line that says why, where they cannot be counted."""
    shapes = {batch_shape(one): (one.batch_size, one.sequence_length) for one in workloads}
    try:
        counts = call_in_child(built.count_operations, checkpoint, list(shapes.values()), threads=threads)
    except DeploybenchError as error:
        say(f"operations not counted: {error}")
        return {}
    return dict(zip(shapes, counts, strict=True))
