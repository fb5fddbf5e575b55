"""What the harness adds to a figure, and how much CPU its parent process uses while a child computes.

    python -m deploybench.suites.studies.harness.overhead

A variant that does nothing is timed like every other one: its figure is what the harness adds to each round. Then an ONNX
variant of the demonstration computes batches of about 20 ms, while the CPU time of the parent is counted.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from ....bench.measure.schedule import WARM_UP_S
from ....bench.measure.workload import full_batch
from ....bench.pipeline.prepare import prepare
from ....bench.worker.client import Worker
from ..study import Answer, run_alone, study_parser

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ....bench.pipeline.options import Options
    from ....exporters.variant import Batch

_REQUESTS, _ROUNDS = 50, 20
_AIM_S = 0.02
_MOST_S, _MOST_SHARE, _MOST_OF_PARENT = 20e-6, 0.001, 0.01  # s in a figure; of a figure of 20 ms; of one core
_SPAN_S = 20.0  # of computing, while the parent's CPU time is counted
_LENGTH = 128
_VARIANT = "onnx-fp32"


def null_rounds(batch: Batch, folder: Path) -> dict[str, float]:
    """Seconds of the harness inside the figure of a round, and outside it."""
    with Worker("null", 1) as worker:
        worker.start("deploybench.bench.worker.null", folder, 1)
        worker.ask("warm_up", [batch])
        inside, beside = [], []
        for _ in range(_REQUESTS):
            start = time.perf_counter()
            values = [nanoseconds / 1e9 for nanoseconds, _ in worker.ask("time", _ROUNDS, None)]
            inside += values
            beside.append((time.perf_counter() - start - sum(values)) / _ROUNDS)
    return {"in_the_figure": statistics.median(inside), "beside_the_figure": statistics.median(beside)}


def parent_share(artifact: Path, tokens: Any, threads: int) -> dict[str, float]:
    """CPU time of the parent as a share of the time that a child computes, in rounds of about 20 ms."""
    with Worker("computing", threads) as worker:
        worker.start(_VARIANT, artifact, threads)
        one = full_batch(tokens, 1, _LENGTH)
        worker.ask("warm_up", [one])
        seconds = min(value for value, _ in worker.ask("time", _ROUNDS, WARM_UP_S)) / 1e9
        batch = full_batch(tokens, max(1, round(_AIM_S / seconds)), _LENGTH)
        worker.ask("warm_up", [batch])
        computed = []
        start, own = time.perf_counter(), time.process_time()
        while (spent := time.perf_counter() - start) < _SPAN_S:
            computed += [value / 1e9 for value, _ in worker.ask("time", 1, WARM_UP_S)]  # as a run asks at this length
        own = time.process_time() - own
    return {
        "parent_cpu_share": own / spent,
        "round_seconds": statistics.median(computed),
        "rounds": len(computed),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code, 1 if a limit is exceeded."""
    return run_alone(
        "overhead", study_parser(__doc__, ("--work-dir", "--threads")), arguments, _answer, variants=(_VARIANT,)
    )


def _answer(options: Options, _: object) -> Answer:
    prepared = prepare(options)
    artifact = prepared.artifacts[_VARIANT].path
    found = {
        **null_rounds(full_batch(prepared.tokens, 1, _LENGTH), artifact),
        **parent_share(artifact, prepared.tokens, options.threads),
    }
    failed = []
    if found["in_the_figure"] > min(_MOST_S, _MOST_SHARE * _AIM_S):
        failed.append("time of a round")
    if found["parent_cpu_share"] >= _MOST_OF_PARENT:
        failed.append("CPU time of the parent")
    return Answer("overhead", {"threads": options.threads, **found, "failed": failed}, _text(found))


def _text(found: dict[str, float]) -> str:
    return (
        f"in the figure of a round: {found['in_the_figure'] * 1e6:.2f} µs, "
        f"{found['in_the_figure'] / _AIM_S:.5%} of an inference of 20 ms\n"
        f"outside it: {found['beside_the_figure'] * 1e6:.0f} µs a round (pipe, garbage collection)\n"
        f"parent: {found['parent_cpu_share']:.3%} CPU while a child computes, a request for each round of "
        f"{found['round_seconds'] * 1e3:.1f} ms and its warm-up\n"
    )


if __name__ == "__main__":
    sys.exit(main())
