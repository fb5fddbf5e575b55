"""What OpenVINO's model cache saves at a cold start, and what its throughput hint gains over its latency hint.

    python -m deploybench.suites.studies.runtimes.openvino_settings --work-dir .deploybench

Cache: seconds from files to a predictor, and resident memory above the imports, in fresh processes in turn. Hints: texts of 128
tokens per second, of one process with as many concurrent requests as threads, in turn as well.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.console import progress
from ....bench.measure.memory.peaks import take_phase
from ....bench.measure.workload import full_batch
from ....bench.pipeline.prepare import prepare
from ....bench.worker.client import Worker, call_in_child
from ....exporters.runtimes.openvino_model import MODEL_FILE
from ..study import Answer, render_rows, run_alone, study_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....bench.pipeline.options import Options
    from ....exporters.variant import Batch

VARIANTS = ("openvino-fp32", "openvino-int8")
PROCESSES = 5  # of each setting
_TEXTS, _LENGTH = 200, 128


def compile_cached(artifact: Path, threads: int, cache: Path | None) -> float:
    """Seconds of compiling, with a model cache in ``cache`` or without one; keeps the model, so that its memory can be read."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": str(threads)}
    if cache:
        settings["CACHE_DIR"] = str(cache)
    begin = time.perf_counter()
    _KEPT.append(openvino.Core().compile_model(artifact / MODEL_FILE, "CPU", settings))
    return time.perf_counter() - begin


_KEPT: list[Any] = []


def texts_a_second(artifact: Path, threads: int, hint: str, batch: Batch) -> float:
    """Texts per second of one process with ``threads`` concurrent requests."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": hint, "INFERENCE_NUM_THREADS": str(threads)}
    compiled = openvino.Core().compile_model(artifact / MODEL_FILE, "CPU", settings)
    names = {name for port in compiled.inputs for name in port.names}
    feed = {"input_ids": batch[0], "attention_mask": batch[1], "token_type_ids": np.zeros_like(batch[0])}
    feed = {name: array for name, array in feed.items() if name in names}
    queue = openvino.AsyncInferQueue(compiled, threads)
    for _ in range(2 * threads):
        queue.start_async(feed)
    queue.wait_all()
    begin = time.perf_counter()
    for _ in range(_TEXTS):
        queue.start_async(feed)
    queue.wait_all()
    return _TEXTS / (time.perf_counter() - begin)


def measure(options: Options) -> dict[str, Any]:
    """By variant: ``load`` (seconds, bytes) by "cached" or "compiled", ``texts_a_second`` by hint; one entry per process."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(options)
        batch = full_batch(prepared.tokens, 1, min(_LENGTH, prepared.inputs.max_length or _LENGTH))
        with progress("measuring", PROCESSES * 4 * len(VARIANTS)) as bar:
            for name in VARIANTS:
                path, cache = prepared.artifacts[name].path, Path(scratch, name)
                _load(name, path, options.threads, cache)  # fills the cache
                loads: dict[str, list[tuple[float, float]]] = {"compiled": [], "cached": []}
                rates: dict[str, list[float]] = {"LATENCY": [], "THROUGHPUT": []}
                for _ in range(PROCESSES):
                    for how, folder in (("compiled", None), ("cached", cache)):
                        loads[how].append(_load(name, path, options.threads, folder))
                        bar.advance()
                    for hint, values in rates.items():
                        arguments = (path, options.threads, hint, batch)
                        values.append(call_in_child(texts_a_second, *arguments, threads=options.threads))
                        bar.advance()
                cached = sum(file.stat().st_size for file in cache.iterdir())
                found[name] = {"load": loads, "texts_a_second": rates, "cache_bytes": cached}
    return found


def _load(name: str, path: Path, threads: int, cache: Path | None) -> tuple[float, float]:
    """Seconds of compiling, and resident bytes that it adds to the imports."""
    with Worker(name, threads) as worker:
        worker.import_runtime(name)
        before = take_phase(worker, path).resident
        seconds = worker.call(compile_cached, path, threads, cache)
        return seconds, take_phase(worker, path).resident - before


def text(found: dict[str, Any]) -> str:
    """The printed table."""
    rows = []
    for name, facts in found.items():
        seconds, resident = (
            [statistics.median(one[index] for one in facts["load"][how]) for how in ("compiled", "cached")]
            for index in (0, 1)
        )
        rates = [statistics.median(facts["texts_a_second"][hint]) for hint in ("LATENCY", "THROUGHPUT")]
        memory = [f"{value / 1e6:.0f}" for value in resident]
        cells = (
            [f"{value:.2f}" for value in seconds],
            memory,
            [f"{facts['cache_bytes'] / 1e6:.1f}"],
            map("{:.2f}".format, rates),
        )
        rows.append([name, *chain(*cells)])
    heads = ["variant", "load, s", "cached", "MB", "cached", "cache, MB", "texts/s: latency", "throughput"]
    return render_rows(heads, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__, ("--checkpoint", "--threads", "--work-dir"), checkpoint="arch:albert-base-v2")
    return run_alone("openvino_settings", parser, arguments, _answer, variants=VARIANTS)


def _answer(options: Options, _: object) -> Answer:
    found = measure(options)
    figures = {"checkpoint": options.checkpoint, "threads": options.threads, "variants": found}
    return Answer("openvino_settings", figures, text(found))


if __name__ == "__main__":
    sys.exit(main())
