"""How an artifact really runs: in which precision, and on how many cores. Looked at once, in a process that has all cores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.analysis.precision import precision_problem
from exporters.artifacts.catalogue import find_variant
from exporters.errors import ExportError, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.measure.workload import Batch
    from bench.worker import Worker
    from exporters.artifacts.artifact import Artifact

_ROUNDS = 5


def how_it_runs(
    worker: Worker, artifact: Artifact, batches: Iterable[Batch], watched: Batch, threads: int
) -> dict[str, Any]:
    """What ``VariantInfo`` says of it; ``worker`` has the artifact loaded, and is of no other use afterwards."""
    profiled = (artifact.variant, artifact.path, threads, watched)
    return {
        "cores_used": _cores_used(worker, batches),
        "stored": _looked_at(worker, "exporters.inspection.stored:stored_weights", (artifact.path,), None),
        "operators": _looked_at(worker, "exporters.inspection.operators:profile", profiled, {}),
        **executed(worker, artifact, watched, threads),
    }


def _cores_used(worker: Worker, batches: Iterable[Batch]) -> float:
    """CPU-seconds a second at the batch that takes most; a runtime may spread over threads only where there is enough to do."""
    most = 0.0
    for batch in batches:
        worker.ask("settle", batch)
        rounds = worker.ask("time", _ROUNDS, None)
        most = max(most, sum(cpu for _, cpu in rounds) / sum(wall for wall, _ in rounds))
    return most


def _looked_at(worker: Worker, target: str, arguments: tuple[Any, ...], unknown: Any) -> Any:
    """What ``module:function`` tells of an artifact; ``unknown`` where it cannot: no failure of the variant."""
    try:
        return worker.ask("call", target, arguments, {})
    except (ExportError, WorkerError):
        return unknown


def executed(worker: Worker, artifact: Artifact, batch: Batch, threads: int) -> dict[str, Any]:
    """The precision in which it runs, and what is wrong with it; not knowing it is no failure of the variant."""
    try:
        arguments = (artifact.variant, artifact.path, threads, batch)
        found = worker.ask("call", "exporters.inspection.executed:executed_precision", arguments, {})
    except (ExportError, WorkerError) as error:
        return {"executed_unknown": str(error)}
    precision = find_variant(artifact.variant).precision
    return {
        "executed": found["weights"],
        "executed_attention": found["attention"],
        "executed_problem": precision_problem(precision, found["weights"], found["attention"]),
    }
