"""What a worker can be asked to do: hold one variant, run it, time it, and tell what memory it takes."""

from __future__ import annotations

import gc
import importlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.worker.allocator import allocator_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporters.variant import Float32Array, Int64Array, Predictor, Variant

    Batch = tuple[Int64Array, Int64Array]  # ids and mask, each (batch, sequence_length)

_RARELY = 50_000  # objects between collections where nothing is timed: importing transformers makes ten times as many
_SETTLED = 0.1  # two untimed calls in a row that differ by less are taken for the runtime's own speed
_MOST_UNTIMED, _LONGEST_UNTIMED_S = 6, 1.0  # whichever comes first ends the settling of a noisy or slow predictor
_REST_S, _IDLE, _LONGEST_REST_S = 0.01, 0.1, 1.0  # the kernel may count CPU time by ticks of 4 ms
_STATUS_KEYS = ("VmRSS", "VmHWM")


class Commands:
    """The state of one worker: its variant, its predictor and, in a tracked process, memray's tracker."""

    def __init__(self) -> None:
        self._variant: Variant
        self._predict: Predictor
        self._batch: (
            Batch  # what is timed, sent once: sending it for every block would cost the parent more than waiting
        )
        self._tracker: Any = None

    def call(self, target: str, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """Call ``module:function`` here: exports, conversions and whatever else needs a process of its own."""
        gc.set_threshold(_RARELY)
        module, _, function = target.partition(":")
        return getattr(importlib.import_module(module), function)(*arguments, **keywords)

    def set_affinity(self, cores: Iterable[int]) -> None:
        """Run on these cores and no others, as every thread that is started from here on will."""
        os.sched_setaffinity(0, cores)

    def import_runtime(self, module: str) -> int:
        """Import the variant in ``module`` and what its runtime needs; nanoseconds that took."""
        start = time.perf_counter_ns()
        self._variant = importlib.import_module(module).VARIANT
        for name in self._variant.imports:
            importlib.import_module(name)
        return time.perf_counter_ns() - start

    def read(self, artifact: Path | None) -> int:
        """Bring the bytes of the artifact's files into memory, and forget them; nanoseconds that took."""
        files = [file for file in sorted(artifact.iterdir()) if file.is_file()] if artifact else []
        start = time.perf_counter_ns()
        for file in files:
            file.read_bytes()
        return time.perf_counter_ns() - start

    def load(self, artifact: Path, threads: int) -> int:
        """Load the variant's artifact; nanoseconds that took, imports excluded."""
        start = time.perf_counter_ns()
        self._predict = self._variant.load(artifact, threads)
        return time.perf_counter_ns() - start

    def predict(self, batches: Sequence[Batch]) -> list[tuple[Float32Array, int]]:
        """Logits ``(batch, num_labels)`` and nanoseconds of each batch."""
        answers = []
        for input_ids, attention_mask in batches:
            start = time.perf_counter_ns()
            logits = self._predict(input_ids, attention_mask)
            answers.append((logits, time.perf_counter_ns() - start))
        return answers

    def warm_up(self, batch: Batch) -> int:
        """Take what is to be timed, and call until two calls in a row take alike.

        At a new shape a runtime compiles, packs and allocates, some of them twice. Gives the nanoseconds of the first call.
        """
        self._batch = batch
        first = spent = previous = self._round(*batch)
        for _ in range(_MOST_UNTIMED - 1):
            if spent >= _LONGEST_UNTIMED_S * 1e9:
                break
            nanoseconds = self._round(*batch)
            if abs(nanoseconds - previous) <= _SETTLED * previous:
                break
            spent, previous = spent + nanoseconds, nanoseconds
        gc.collect()
        gc.freeze()  # else each later collection looks at all that was imported: 0.3 s of a transformers process
        return first

    def time(self, rounds: int, warm_up_s: float | None) -> list[tuple[int, int]]:
        """Nanoseconds, and those of CPU time of all threads, of each of ``rounds`` calls on the batch that was warmed up on.

        Untimed calls for ``warm_up_s`` seconds (at least one; with None, none) come before.
        """
        batch = self._batch
        if warm_up_s is not None:
            end = time.perf_counter() + warm_up_s
            self._round(*batch)
            while time.perf_counter() < end:
                self._round(*batch)
        gc.collect()
        gc.disable()  # a collection inside a round belongs to whatever was allocated before it
        try:
            return [self._counted_round(*batch) for _ in range(rounds)]
        finally:
            gc.enable()

    def wait_until_idle(self) -> None:
        """Wait until no thread of this process computes, at most a second.

        Threads of ONNX Runtime look out for work for a while after a call, on a core that the one timed next needs.
        """
        end = time.perf_counter() + _LONGEST_REST_S
        while time.perf_counter() < end:
            start = time.process_time()
            time.sleep(_REST_S)
            if time.process_time() - start < _IDLE * _REST_S:
                return

    def run_for(self, batch: Batch, seconds: float) -> tuple[int, int]:
        """Call on one batch until ``seconds`` are over, at least once; the calls, and the nanoseconds until the last ended."""
        calls, start = 0, time.perf_counter_ns()
        now, end = start, start + seconds * 1e9
        while not calls or now < end:
            self._predict(*batch)
            calls, now = calls + 1, time.perf_counter_ns()
        return calls, now - start

    def _round(self, input_ids: Int64Array, attention_mask: Int64Array) -> int:
        predict = self._predict
        start = time.perf_counter_ns()
        predict(input_ids, attention_mask)
        return time.perf_counter_ns() - start

    def _counted_round(self, *batch: Int64Array) -> tuple[int, int]:
        start = time.process_time_ns()
        nanoseconds = self._round(*batch)
        return nanoseconds, time.process_time_ns() - start

    def memory_status(self) -> dict[str, int]:
        """Bytes of this process as the kernel counts them; VmHWM is the peak since the last ``reset_peak``."""
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {key: int(fields[key].split()[0]) * 1024 for key in _STATUS_KEYS}

    def allocator_status(self) -> dict[str, int]:
        """Bytes that glibc's allocator has given out, and that it keeps."""
        return allocator_status()

    def collect(self) -> int:
        """Free what only waits for Python's collector; bytes of the allocator's that this gave back, 0 where none says."""
        before = allocator_status().get("in_use", 0)
        gc.collect()
        return before - allocator_status().get("in_use", 0)

    def reset_peak(self) -> None:
        """Make VmHWM start again from what is resident now."""
        # 5 resets the peak (Linux, Documentation/filesystems/proc.rst, clear_refs).
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def track(self, file: Path) -> None:
        """Begin to count every allocation into ``file``; nothing may be timed from here on."""
        import memray

        gc.collect()
        self._tracker = memray.Tracker(destination=memray.FileDestination(file, overwrite=True))
        self._tracker.__enter__()

    def stop_tracking(self) -> None:
        """Finish the file that ``track`` began."""
        gc.collect()  # what only waits to be collected is not held
        self._tracker.__exit__(None, None, None)
        self._tracker = None
