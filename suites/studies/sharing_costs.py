"""What each ALBERT of the study of sharing costs at base sizes: parameters, size on disk, memory and latency."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.console import progress, say
from bench.measure.latency import LatencyRun
from bench.measure.memory.peaks import RUNS, take_phase
from bench.measure.schedule import Contender
from bench.measure.workload import full_batch
from bench.pipeline.prepare import prepare
from bench.runs.measurement import Workload, process_medians
from bench.texts.demonstration import corpus
from bench.worker.client import Worker, call_in_child
from exporters.checkpoints.architectures import build_architecture
from exporters.counting.count import count_architectures
from exporters.errors import DeploybenchError
from exporters.files import whole_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.measure.workload import Batch
    from bench.pipeline.options import Options
    from bench.pipeline.prepare import Prepared
    from suites.studies.sharing_grid import Model

BASE = "albert-base-v2"
SIZES: Mapping[str, int] = {}  # of it, that are otherwise: a test has smaller ones


def measure_costs(grid: Sequence[Model], options: Options) -> dict[str, Any]:
    """Rows of figures, one for each variant and model; latency of all of them in one interleaved run."""
    length = max(options.sequence_lengths or ())
    folders = [_checkpoint(model, options) for model in grid]
    counts = _count(folders, length)
    rows, contenders, batch = [], [], None
    for model, folder, of_model in zip(grid, folders, counts, strict=True):
        prepared = _prepare(replace(options, checkpoint=str(folder)))
        batch = batch or full_batch(prepared.tokens, 1, length)
        for variant, artifact in prepared.artifacts.items():
            contenders.append(Contender(name=f"{variant} {model}", variant=variant, artifact=artifact.path))
            facts = {"parameters": of_model.parameters, "effective": of_model.effective, "size": artifact.size}
            resident = _resident(variant, artifact.path, batch, options.threads)
            rows.append({"variant": variant, **model._asdict(), **facts, "resident": resident})
        say(f"{model}: exported, and its memory taken")
    assert batch is not None
    seconds = _time(contenders, batch, options)
    rows = [{**row, "process_medians": of_row} for row, of_row in zip(rows, seconds, strict=True)]
    return {"threads": options.threads, "sequence_length": length, "rows": rows}


def _checkpoint(model: Model, options: Options) -> Path:
    """The checkpoint with random weights, built once."""
    folder = options.work_dir / "checkpoints" / f"sharing-{model.groups}-{model.embedding}"
    if not folder.is_dir():
        changes = {**SIZES, **model.changes}
        with whole_folder(folder) as out_dir:
            texts = corpus.corpus("train")[0]
            call_in_child(build_architecture, BASE, texts, out_dir, changes, threads=options.threads)
    return folder


def _count(folders: Sequence[Path], length: int) -> list[Any]:
    """Counts of the built models, which the formulas must give as well."""
    found = call_in_child(count_architectures, folders, (length,), threads=1)
    for folder, one in zip(folders, found, strict=True):
        if one.formula is None or one.differences:
            raise DeploybenchError(f"{folder}: {'; '.join(one.differences) or one.no_formula}")
    return [one.built for one in found]


def _prepare(options: Options) -> Prepared:
    prepared = prepare(options)
    failed = [f"{name}: {info.failed}" for name, info in prepared.variants.items() if info.failed]
    if failed:
        raise DeploybenchError(f"{options.checkpoint}: {failed[0]}")
    return prepared


def _resident(variant: str, artifact: Path, batch: Batch, threads: int) -> int:
    """Resident bytes that loading and a batch, run as often as for the peak, add to what the imports take."""
    with Worker(f"{variant}, memory", threads) as worker:
        worker.import_runtime(variant)
        before = take_phase(worker, artifact).resident
        worker.ask("load", artifact, threads)
        worker.predict([batch] * RUNS)
        return take_phase(worker, artifact).resident - before


def _time(contenders: Sequence[Contender], batch: Batch, options: Options) -> list[list[float]]:
    """Median seconds of each process, by contender."""
    length = batch[0].shape[1]
    workload = Workload(batch_size=1, sequence_length=length, padding="full", threads=options.threads)
    run = LatencyRun(contenders, options.schedule, options.threads)
    with progress("timing", run.steps(1)) as bar:
        measured = run.measure({workload: batch}, bar.advance, bar.extend)
    failed = [f"{one.variant}: {one.reason}" for one in measured if one.status != "ok"]
    if failed:
        raise DeploybenchError(failed[0])
    return [process_medians(one) for one in measured]
