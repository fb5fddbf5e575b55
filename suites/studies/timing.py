"""Latency of one text at a time in a study: artifacts of any checkpoint in one interleaved run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...bench.console import progress, say
from ...bench.measure.latency import LatencyRun
from ...bench.pipeline.prepare import prepare
from ...bench.runs.measurement import Workload, process_averages
from ...exporters.errors import DeploybenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...bench.measure.schedule import TimedArtifact
    from ...bench.pipeline.options import Options
    from ...bench.pipeline.prepare import Prepared
    from ...exporters.variant import Batch


def prepare_all(options: Options) -> Prepared:
    """``prepare``, but raises DeploybenchError if a variant fails: the study compares all of them."""
    prepared = prepare(options)
    failed = [f"{name}: {info.failed}" for name, info in prepared.variants.items() if info.failed]
    if failed:
        raise DeploybenchError(f"{options.checkpoint}: {failed[0]}")
    return prepared


def one_text(length: int, options: Options) -> Workload:
    """One text of ``length`` tokens."""
    return Workload(batch_size=1, sequence_length=length, padding="full", threads=options.threads)


def time_interleaved(
    artifacts: Sequence[TimedArtifact],
    batches: Mapping[Workload, Sequence[Batch]],
    options: Options,
    *,
    strict: bool = True,
) -> dict[str, dict[str, list[float]]]:
    """Seconds, the median of each process, by name and length.

    A row that fails raises DeploybenchError; without ``strict`` it is reported and left out.
    """
    run = LatencyRun(artifacts, options.schedule, options.threads)
    with progress("timing", run.steps(batches)) as bar:
        measured = run.measure(batches, bar.advance, bar.extend)
    found: dict[str, dict[str, list[float]]] = {one.name: {} for one in artifacts}
    for one in measured:
        assert one.workload
        if one.status == "ok":
            found[one.variant][str(one.workload.sequence_length)] = process_averages(one)
        elif strict:
            raise DeploybenchError(f"{one.variant}: {one.reason}")
        else:
            say(f"{one.variant}: {one.reason}")
    return found
