"""Peak memory: one fresh process per cell, two passes, because a process under memray is another process to the kernel.

Both passes import the runtime first and then look at two phases: loading the artifact, and running one batch. A batch's
peak counts what loading left behind, so that it is what serving takes; loading has a peak of its own, which may be higher.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.worker import Worker

if TYPE_CHECKING:
    from bench.workload import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPeaks:
    """Bytes, and the seconds of the untracked run of the batch."""

    peak_memory: int  # memray: heap held after load + high water of the batch
    load_peak_memory: int  # memray: high water of loading
    peak_resident: int  # kernel: VmHWM of the batch, interpreter and libraries included
    load_peak_resident: int  # kernel: VmHWM from the process's start to the end of loading
    seconds: float


def measure_peaks(variant: str, artifact: Path, batch: Batch, threads: int) -> MemoryPeaks:
    """The peaks of one variant on one batch; raises WorkerError when a worker dies, as it does without memory."""
    load_peak_resident, peak_resident, seconds = _kernel_pass(variant, artifact, batch, threads)
    load_peak_memory, peak_memory = _memray_pass(variant, artifact, batch, threads)
    return MemoryPeaks(
        peak_memory=peak_memory,
        load_peak_memory=load_peak_memory,
        peak_resident=peak_resident,
        load_peak_resident=load_peak_resident,
        seconds=seconds,
    )


def _kernel_pass(variant: str, artifact: Path, batch: Batch, threads: int) -> tuple[int, int, float]:
    with Worker(f"{variant}, memory, kernel pass", threads) as worker:
        worker.start(variant, artifact, threads)
        load_peak = worker.ask("memory_status")["VmHWM"]
        worker.ask("reset_peak")
        [(_, seconds)] = worker.predict([batch])
        return load_peak, worker.ask("memory_status")["VmHWM"], seconds


def _memray_pass(variant: str, artifact: Path, batch: Batch, threads: int) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as folder, Worker(f"{variant}, memory, memray pass", threads) as worker:
        load_file, batch_file = Path(folder, "load.bin"), Path(folder, "batch.bin")
        worker.import_runtime(variant)
        worker.ask("track", load_file)
        worker.ask("load", artifact, threads)
        worker.ask("stop_tracking")
        # Two trackings and not one: the high water of the batch alone is not in a file that loading is in.
        worker.ask("track", batch_file)
        worker.predict([batch])
        worker.ask("stop_tracking")
        held, load_peak = _held_and_peak(load_file)
        _, batch_peak = _held_and_peak(batch_file)
    return load_peak, held + batch_peak


def _held_and_peak(file: Path) -> tuple[int, int]:
    """Bytes not freed at the end of a tracking, and its high-water mark."""
    import memray

    reader = memray.FileReader(file)
    with reader:
        held = sum(record.size for record in reader.get_leaked_allocation_records(merge_threads=True))
        peak = reader.metadata.peak_memory
    return held, peak
