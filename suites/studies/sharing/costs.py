"""Parameters, size on disk, memory and latency of each ALBERT of the study, at base sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ....bench.console import say
from ....bench.measure.memory.peaks import RUNS, take_phase
from ....bench.measure.schedule import TimedArtifact
from ....bench.measure.workload import full_batch
from ....bench.texts.demonstration import corpus
from ....bench.worker.client import Worker, call_in_child
from ....exporters.checkpoints.architectures import build_architecture
from ....exporters.counting.count import count_architectures
from ....exporters.errors import DeploybenchError
from ....exporters.files import whole_folder
from ..timing import one_text, prepare_all, time_interleaved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ....bench.pipeline.options import Options
    from ....exporters.variant import Batch
    from .grid import Model

BASE = "albert-base-v2"
SIZES: Mapping[str, int] = {}  # that replace those of BASE; a test makes them smaller


def measure_costs(grid: Sequence[Model], options: Options) -> dict[str, Any]:
    """One row of figures for each model and variant; all latencies are of one interleaved run."""
    length = max(options.sequence_lengths or ())
    folders = [_checkpoint(model, options) for model in grid]
    counts = _count(folders, length)
    rows, timed, batch = [], [], None
    for model, folder, of_model in zip(grid, folders, counts, strict=True):
        prepared = prepare_all(replace(options, checkpoint=str(folder)))
        batch = batch or full_batch(prepared.tokens, 1, length)
        for variant, artifact in prepared.artifacts.items():
            timed.append(TimedArtifact(name=f"{variant} {model}", variant=variant, artifact=artifact.path))
            facts = {"parameters": of_model.parameters, "effective": of_model.effective, "size": artifact.size}
            resident = _resident(variant, artifact.path, batch, options.threads)
            rows.append({"variant": variant, **model._asdict(), **facts, "resident": resident})
        say(f"{model}: exported, memory measured")
    assert batch is not None
    seconds = _time(timed, batch, options)
    rows = [{**row, "process_medians": of_row} for row, of_row in zip(rows, seconds, strict=True)]
    return {"threads": options.threads, "sequence_length": length, "rows": rows}


def _checkpoint(model: Model, options: Options) -> Path:
    """The checkpoint with random weights; built if it does not exist."""
    folder = options.work_dir / "checkpoints" / f"sharing-{model.groups}-{model.embedding}"
    if not folder.is_dir():
        changes = {**SIZES, **model.changes}
        with whole_folder(folder) as out_dir:
            texts = corpus.corpus("train")[0]
            call_in_child(build_architecture, BASE, texts, out_dir, changes, threads=options.threads, forked=True)
    return folder


def _count(folders: Sequence[Path], length: int) -> list[Any]:
    """Counts of the built models; raises DeploybenchError if the formulas give others."""
    found = call_in_child(count_architectures, folders, (length,), threads=1, forked=True)
    for folder, one in zip(folders, found, strict=True):
        if one.formula is None or one.differences:
            raise DeploybenchError(f"{folder}: {'; '.join(one.differences) or one.no_formula}")
    return [one.built for one in found]


def _resident(variant: str, artifact: Path, batch: Batch, threads: int) -> int:
    """Resident bytes that loading and RUNS batches add to those of the imports."""
    with Worker(f"{variant}, memory", threads) as worker:
        worker.import_runtime(variant)
        before = take_phase(worker, artifact).resident
        worker.ask("load", artifact, threads)
        worker.predict([batch] * RUNS)
        return take_phase(worker, artifact).resident - before


def _time(timed: Sequence[TimedArtifact], batch: Batch, options: Options) -> list[list[float]]:
    """Median seconds of each process, by artifact."""
    length = batch[0].shape[1]
    found = time_interleaved(timed, {one_text(length, options): [batch]}, options)
    return [found[one.name][str(length)] for one in timed]
