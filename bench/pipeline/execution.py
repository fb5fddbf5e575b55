"""How an artifact really runs: in which precision, and on how many cores. Looked at once, in a process that has all cores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.analysis.precision import precision_problem
from exporters.artifacts.catalogue import find_variant
from exporters.errors import ExportError, WorkerError
from exporters.inspection.executed import executed_precision
from exporters.inspection.operators import profile
from exporters.inspection.stored import stored_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.measure.workload import Batch
    from bench.worker.client import Worker
    from exporters.artifacts.artifact import Artifact

_ROUNDS = 5


def how_it_runs(
    worker: Worker, artifact: Artifact, batches: Iterable[Batch], watched: Batch, threads: int
) -> dict[str, Any]:
    """What ``VariantInfo`` says of it; ``worker`` has the artifact loaded, and is of no other use afterwards."""
    profiled = (artifact.variant, artifact.path, threads, watched)
    return {
        "cores_used": _cores_used(worker, batches),
        "stored": _looked_at(worker, stored_weights, (artifact.path,), None),
        "operators": _looked_at(worker, profile, profiled, {}),
        **executed(worker, artifact, watched, threads),
    }


def _cores_used(worker: Worker, batches: Iterable[Batch]) -> float:
    """CPU-seconds a second at the batch that takes most; a runtime may spread over threads only where there is enough to do."""
    most = 0.0
    for batch in batches:
        worker.ask("warm_up", batch)
        rounds = worker.ask("time", _ROUNDS, None)
        most = max(most, sum(cpu for _, cpu in rounds) / sum(wall for wall, _ in rounds))
    return most


def _looked_at(worker: Worker, look: Callable[..., Any], arguments: tuple[Any, ...], unknown: Any) -> Any:
    """What ``look`` finds in an artifact; ``unknown`` where it fails, which is no failure of the variant."""
    try:
        return worker.call(look, *arguments)
    except (ExportError, WorkerError):
        return unknown


def executed(worker: Worker, artifact: Artifact, batch: Batch, threads: int) -> dict[str, Any]:
    """The precision in which it runs, and what is wrong with it; not knowing it is no failure of the variant."""
    try:
        found = worker.call(executed_precision, artifact.variant, artifact.path, threads, batch)
    except (ExportError, WorkerError) as error:
        return {"executed_unknown": str(error)}
    precision = find_variant(artifact.variant).precision
    return {
        "executed": found["weights"],
        "executed_attention": found["attention"],
        "executed_problem": precision_problem(precision, found["weights"], found["attention"]),
    }
