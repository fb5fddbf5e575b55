"""The commands of a worker: hold one variant, run it, time it, and report its memory."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.cascades.names import is_cascade

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...exporters.variant import Batch, Float32Array, Int64Array, Predictor, Variant


_RARELY = 50_000  # objects between collections while nothing is timed: importing transformers makes ten times as many
_SETTLED = 0.1  # relative; two successive untimed calls that differ by less end the warm-up
# The warm-up of a noisy or slow predictor ends after this many calls or seconds, whichever comes first.
_MOST_UNTIMED, _LONGEST_UNTIMED_S = 6, 1.0
_MOST_ROUNDS = 10  # of a slice
_STATUS_KEYS = ("VmRSS", "VmHWM")
_MALLINFO2 = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"  # man 3 mallinfo


class _Mallinfo2(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_size_t) for name in _MALLINFO2.split())


class Commands:
    """The state of a worker: its variant, its predictor and, while tracking, memray's tracker."""

    def __init__(self) -> None:
        self._variant: Variant
        self._predict: Predictor
        self._batches: Sequence[
            Batch
        ]  # sent once by ``warm_up``: sending one for every slice would cost the parent time
        self._tracker: Any = None

    def call(self, target: str, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """Call ``module:function`` in this process, such as an export."""
        gc.set_threshold(_RARELY)
        module, _, function = target.partition(":")
        return getattr(importlib.import_module(module), function)(*arguments, **keywords)

    def set_affinity(self, cores: Iterable[int]) -> None:
        """Run on these cores only, with all threads that start from now on."""
        os.sched_setaffinity(0, cores)

    def import_runtime(self, module: str) -> int:
        """Import the variant in ``module``, or the cascade of that name, and its runtimes; nanoseconds."""
        start = time.perf_counter_ns()
        if is_cascade(module):
            from ...exporters.artifacts.catalogue import find_variant  # a process of one model does without it

            self._variant = find_variant(module)
        else:
            self._variant = importlib.import_module(module).VARIANT
        for name in self._variant.imports:
            importlib.import_module(name)
        return time.perf_counter_ns() - start

    def read(self, artifact: Path | None) -> int:
        """Read all files of the artifact and discard them; nanoseconds."""
        from ...exporters.variant import TOKENIZER  # imported by the variant already

        every = sorted(artifact.rglob("*")) if artifact else []
        files = [file for file in every if file.is_file() and file.parent.name != TOKENIZER]
        start = time.perf_counter_ns()
        for file in files:
            file.read_bytes()
        return time.perf_counter_ns() - start

    def load(self, artifact: Path, threads: int) -> int:
        """Load the variant's artifact; nanoseconds, imports excluded."""
        start = time.perf_counter_ns()
        self._predict = self._variant.load(artifact, threads)
        return time.perf_counter_ns() - start

    def predict(self, batches: Sequence[Batch], stage: int | None = None) -> list[tuple[Float32Array, int]]:
        """Logits ``(batch, num_labels)`` and nanoseconds of each batch; ``stage``: of one stage of a cascade alone."""
        answers = []
        for batch in batches:
            start = time.perf_counter_ns()
            predict: Any = self._predict
            logits = predict(*batch) if stage is None else predict.stage(stage, batch)
            answers.append((logits, time.perf_counter_ns() - start))
        return answers

    def answered(self) -> list[int]:
        """How many texts each stage of a cascade has answered since it was loaded; empty of any other variant."""
        return [*map(int, getattr(self._predict, "answered", ()))]

    def warm_up(self, batches: Sequence[Batch]) -> int:
        """Keep the batches for ``time``; call on each once, and on the first until two successive calls take the same time.

        Returns nanoseconds of the first call. At a new shape a runtime compiles, packs weights and allocates, some runtimes
        twice.
        """
        self._batches = batches
        batch = batches[0]
        first = spent = previous = self._round(*batch)
        for _ in range(_MOST_UNTIMED - 1):
            if spent >= _LONGEST_UNTIMED_S * 1e9:
                break
            nanoseconds = self._round(*batch)
            if abs(nanoseconds - previous) <= _SETTLED * previous:
                break
            spent, previous = spent + nanoseconds, nanoseconds
        for other in batches[1:]:
            self._round(*other)
        gc.collect()
        gc.freeze()  # else each later collection visits all imported objects: 0.3 s with transformers
        return first

    def time(self, rounds: int, warm_up_s: float | None, place: int = 0, seconds: float = 0.0) -> list[tuple[int, int]]:
        """Nanoseconds, and nanoseconds of CPU time of all threads, of each of ``rounds`` calls on a batch of ``warm_up``.

        ``place``: of the batch. Untimed calls for ``warm_up_s`` seconds (at least one; none for None) come before. Quick calls
        are made for ``seconds``, at most ten: more would add little and make large files.
        """
        batch = self._batches[place]
        if warm_up_s is not None:
            end = time.perf_counter() + warm_up_s
            self._round(*batch)
            while time.perf_counter() < end:
                self._round(*batch)
        gc.collect()
        gc.disable()  # a collection in a round would be caused by earlier allocations
        try:
            timed = [self._counted_round(*batch) for _ in range(rounds)]
            timed += [self._counted_round(*batch) for _ in range(self._more(timed, seconds))]
        finally:
            gc.enable()
        return timed

    @staticmethod
    def _more(timed: Sequence[tuple[int, int]], seconds: float) -> int:
        """Number of further calls that fit into ``seconds`` after those of ``timed``."""
        spent = sum(wall for wall, _ in timed)
        fitting = int(seconds * 1e9 * len(timed) / max(spent, 1))
        return max(0, min(fitting, _MOST_ROUNDS) - len(timed))

    def run_for(self, batch: Batch, seconds: float) -> tuple[int, int]:
        """Call on one batch for ``seconds``, at least once; number of calls, and nanoseconds until the last ended."""
        calls, start = 0, time.perf_counter_ns()
        now, end = start, start + seconds * 1e9
        while not calls or now < end:
            self._predict(*batch)
            calls, now = calls + 1, time.perf_counter_ns()
        return calls, now - start

    def _round(self, *batch: Int64Array) -> int:
        predict = self._predict
        start = time.perf_counter_ns()
        predict(*batch)
        return time.perf_counter_ns() - start

    def _counted_round(self, *batch: Int64Array) -> tuple[int, int]:
        start = time.process_time_ns()
        nanoseconds = self._round(*batch)
        return nanoseconds, time.process_time_ns() - start

    def memory_status(self) -> dict[str, int]:
        """VmRSS and VmHWM of this process in bytes; VmHWM is the peak since the last ``reset_peak``."""
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {key: int(fields[key].split()[0]) * 1024 for key in _STATUS_KEYS}

    def allocator_status(self) -> dict[str, int]:
        """Bytes ``in_use`` and ``free`` in all arenas of glibc's allocator; empty without mallinfo2 (before glibc 2.33)."""
        mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
        if mallinfo2 is None:
            return {}
        mallinfo2.restype = _Mallinfo2
        info = mallinfo2()
        return {"in_use": info.uordblks + info.hblkhd, "free": info.fordblks}

    def collect(self) -> int:
        """Collect garbage; bytes that this freed in the allocator, 0 if unknown."""
        before = self.allocator_status().get("in_use", 0)
        gc.collect()
        return before - self.allocator_status().get("in_use", 0)

    def reset_peak(self) -> None:
        """Reset VmHWM to the current resident memory."""
        # 5 resets the peak (Linux, Documentation/filesystems/proc.rst, clear_refs).
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def track(self, file: Path) -> None:
        """Track all allocations into ``file`` from now on; nothing may be timed until ``stop_tracking``."""
        import memray

        gc.collect()
        self._tracker = memray.Tracker(destination=memray.FileDestination(file, overwrite=True))
        self._tracker.__enter__()

    def stop_tracking(self) -> None:
        """Complete the file of ``track``."""
        gc.collect()  # garbage is not held
        self._tracker.__exit__(None, None, None)
        self._tracker = None
