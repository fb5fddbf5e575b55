"""Peak memory of a variant on one batch, in two fresh processes: memray's tracking itself takes resident memory.

Both import the runtime, load the artifact, and run one batch three times: ONNX Runtime takes most of its memory at the
second run. The peak of the batches includes what loading left, which is the memory of serving; loading has a peak of its own,
which may be higher. The ledger explains what is resident at the end.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ....exporters.errors import WorkerError
from ...runs.ledger import BATCH_PHASES, Ledger, Phase, Tracked, draw_up
from ...worker.client import Worker, template_modules
from ...worker.commands import Commands
from ...worker.interpreter import OURS, Interpreter
from .mappings import anonymous, arenas, read_mappings, resident_by_kind, touched
from .tracked import Held, read_tracking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....exporters.variant import Batch
    from .mappings import Range

RUNS = 3  # of the batch
_LARGE = 64 * 1024  # bytes; smaller blocks count as touched


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPeaks:
    """Peaks in bytes, and seconds of the process without tracking."""

    peak_memory: int  # memray: held after load + high water of the batches, heap and mappings
    load_peak_memory: int  # memray: high water of loading
    peak_resident: int  # kernel: VmHWM of the batches, interpreter and libraries included
    load_peak_resident: int  # kernel: VmHWM from the process's start to the end of loading
    seconds: float  # of the first run of the batch
    start: dict[str, float]  # a cold start: seconds of ``import_time``, ``read_time`` and ``load_time``
    ledger: Ledger


def measure_peaks(
    variant: str, artifact: Path, batch: Batch, threads: int, interpreter: Interpreter = OURS
) -> MemoryPeaks:
    """The peaks of one variant on one batch, and its ledger; raises WorkerError if a worker dies."""
    phases, garbage, seconds, start = _kernel_pass(variant, artifact, batch, threads, interpreter)
    load_peak_memory, peak_memory, tracked = memray_pass(variant, artifact, batch, threads, interpreter)
    return MemoryPeaks(
        peak_memory=peak_memory,
        load_peak_memory=load_peak_memory,
        peak_resident=max(phases[name].peak for name in BATCH_PHASES),
        load_peak_resident=max(phases[name].peak for name in ("interpreter", "imports", "load")),
        seconds=seconds,
        start=start,
        ledger=draw_up(phases, tracked, garbage),
    )


def _kernel_pass(
    variant: str, artifact: Path, batch: Batch, threads: int, interpreter: Interpreter
) -> tuple[dict[str, Phase], int, float, dict[str, float]]:
    """The phases, the bytes that garbage collection then frees, the seconds of the first run, and those of the start."""
    phases, start = {}, {}
    with Worker(f"{variant}, memory, kernel pass", threads, interpreter=interpreter) as worker:
        phases["interpreter"] = take_phase(worker, artifact)
        start["import_time"] = worker.import_runtime(variant)
        phases["imports"] = take_phase(worker, artifact)
        start["read_time"] = Commands().read(artifact) / 1e9  # here: what the worker reads would count as its memory
        start["load_time"] = worker.ask("load", artifact, threads) / 1e9
        phases["load"] = take_phase(worker, artifact)
        [(_, seconds)] = worker.predict([batch])
        phases["first inference"] = take_phase(worker, artifact)
        worker.predict([batch] * (RUNS - 1))
        phases["steady"] = take_phase(worker, artifact)
        garbage = worker.ask("collect")
    return phases, garbage, seconds, start


def take_phase(worker: Worker, artifact: Path | None) -> Phase:
    """End a phase of the worker: its resident memory and its peak, which is then reset."""
    allocator = worker.ask("allocator_status")
    peak = worker.ask("memory_status")["VmHWM"]
    try:
        mappings = read_mappings(worker.pid)
        if allocator:
            allocator["untouched"] = _untouched(worker.pid, arenas(mappings))
    except OSError as error:
        raise _unreadable(worker, error) from error
    worker.ask("reset_peak")
    return Phase(
        kinds=resident_by_kind(mappings, artifact),
        proportional=sum(one.sizes["Pss"] for one in mappings),
        peak=peak,
        allocator=allocator,
    )


def memray_pass(  # noqa: PLR0913 - by name
    variant: str, artifact: Path, batch: Batch, threads: int, interpreter: Interpreter = OURS, *, forked: bool = True
) -> tuple[int, int, Tracked]:
    """Peak of loading, peak of the batches, and what memray tracked in both.

    ``forked``: after the imports, which are not tracked; the ledger's phases come from the spawned process of the other pass.
    """
    label = f"{variant}, memory, memray pass"
    modules = template_modules(variant) if forked and interpreter == OURS else ()
    worker = Worker(label, threads, interpreter=interpreter, forked=bool(modules), modules=modules)
    with tempfile.TemporaryDirectory() as folder, worker:
        # Two trackings, because one file has one high-water mark.
        load_file, batches_file = (Path(folder, name) for name in ("load.bin", "batches.bin"))
        worker.import_runtime(variant)
        worker.ask("track", load_file)
        worker.ask("load", artifact, threads)
        worker.ask("stop_tracking")
        worker.ask("track", batches_file)
        worker.predict([batch] * RUNS)
        worker.ask("stop_tracking")
        held = Held()
        held.follow(load_file)
        load_heap, load_mapped = held.sizes
        held.follow(batches_file)
        loading, running = read_tracking(load_file), read_tracking(batches_file)
        try:
            steady = _steady(worker.pid, held)
        except OSError as error:
            raise _unreadable(worker, error) from error
        tracked = Tracked(
            load_heap=load_heap,
            load_mapped=load_mapped,
            load_peak_mapped=loading.peak_mapped,
            peak_mapped=load_mapped + running.peak_mapped,
            **steady,
        )
        return loading.peak, load_heap + load_mapped + running.peak, tracked


def _steady(pid: int, held: Held) -> dict[str, int]:
    """Bytes held at the end, and how many of them were ever touched."""
    mappings = read_mappings(pid)
    heaps = arenas(mappings)
    within: list[Range] = []
    apart: list[Range] = []
    for address, size in held.heap.items():
        if size >= _LARGE:
            inside = any(start <= address < end for start, end in heaps)
            (within if inside else apart).append((address, address + size))
    mapped = anonymous(mappings, ((address, address + size) for address, size in held.mapped.items()))
    steady_heap, steady_mapped = held.sizes
    return {
        "steady_heap": steady_heap,
        "steady_mapped": steady_mapped,
        "overhead": held.overhead,
        "untouched": _untouched(pid, apart),
        "untouched_in_arenas": _untouched(pid, within),
        "mapped_touched": sum(touched(pid, mapped)),
    }


def _untouched(pid: int, ranges: Sequence[Range]) -> int:
    return sum(end - start for start, end in ranges) - sum(touched(pid, ranges))


def _unreadable(worker: Worker, error: OSError) -> WorkerError:
    return WorkerError(f"{worker.label}: its /proc cannot be read: {error.strerror}")
