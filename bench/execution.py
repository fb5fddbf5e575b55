"""How an artifact really runs: in which precision, and on how many cores. Looked at once, in a process that has all cores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.precision import precision_problem
from exporters.catalogue import find_variant
from exporters.errors import ExportError, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.worker import Worker
    from bench.workload import Batch
    from exporters.artifact import Artifact
    from exporters.operators import Operator
    from exporters.stored import Stored

_ROUNDS = 5


def how_it_runs(
    worker: Worker, artifact: Artifact, batches: Iterable[Batch], watched: Batch, threads: int
) -> dict[str, Any]:
    """What ``VariantInfo`` says of it; ``worker`` has the artifact loaded, and is of no other use afterwards."""
    return {
        "cores_used": _cores_used(worker, batches),
        "stored": _stored(worker, artifact),
        "operators": _operators(worker, artifact, watched, threads),
        **executed(worker, artifact, watched, threads),
    }


def _stored(worker: Worker, artifact: Artifact) -> Stored | None:
    """The weights in its files; None where they are of a kind that cannot be read, which is no failure of the variant."""
    try:
        stored: Stored = worker.ask("call", "exporters.stored:stored_weights", (artifact.path,), {})
    except (ExportError, WorkerError):
        return None
    return stored


def _cores_used(worker: Worker, batches: Iterable[Batch]) -> float:
    """CPU-seconds a second at the batch that takes most; a runtime may spread over threads only where there is enough to do."""
    most = 0.0
    for batch in batches:
        worker.ask("settle", batch)
        rounds = worker.ask("time", _ROUNDS, None)
        most = max(most, sum(cpu for _, cpu in rounds) / sum(wall for wall, _ in rounds))
    return most


def _operators(worker: Worker, artifact: Artifact, batch: Batch, threads: int) -> dict[str, Operator]:
    """What its time goes to, by type of operator; empty where that cannot be found out, which is no failure either."""
    try:
        arguments = (artifact.variant, artifact.path, threads, batch)
        operators: dict[str, Operator] = worker.ask("call", "exporters.operators:profile", arguments, {})
    except (ExportError, WorkerError):
        return {}
    return operators


def executed(worker: Worker, artifact: Artifact, batch: Batch, threads: int) -> dict[str, Any]:
    """The precision in which it runs, and what is wrong with it; not knowing it is no failure of the variant."""
    try:
        arguments = (artifact.variant, artifact.path, threads, batch)
        found = worker.ask("call", "exporters.executed:executed_precision", arguments, {})
    except (ExportError, WorkerError) as error:
        return {"executed_unknown": str(error)}
    precision = find_variant(artifact.variant).precision
    return {
        "executed": found["weights"],
        "executed_attention": found["attention"],
        "executed_problem": precision_problem(precision, found["weights"], found["attention"]),
    }
