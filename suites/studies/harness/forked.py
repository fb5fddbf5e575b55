"""Whether a forked worker measures the same as a spawned one: latency, resident memory and heap of every variant, in turn.

    python -m deploybench.suites.studies.harness.forked --sequence-lengths 64
    python -m deploybench.suites.studies.harness.forked --checkpoint arch:albert-base-v2 --sequence-lengths 128

Every launch starts a worker of each kind and times the same batch of one text by both, in turn and in random order. A forked worker
comes from a process that has imported the variant's runtime; ``spawned_again`` shows how much two spawned ones differ.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from scipy.stats import ttest_1samp

from ....bench.console import progress
from ....bench.measure.memory.peaks import memray_pass
from ....bench.measure.schedule import WARM_UP_S
from ....bench.measure.workload import full_batch
from ....bench.pipeline.prepare import prepare
from ....bench.worker.client import Worker, template_modules
from ..study import Answer, render_rows, run_alone, study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from ....bench.pipeline.options import Options
    from ....exporters.variant import Batch

_FLAGS = ("--checkpoint", "--variants", "--sequence-lengths", "--threads", "--work-dir")
_SIDES = {"spawned": False, "forked": True, "spawned_again": False}


def measure_launch(
    variant: str, folder: Path, batch: Batch, threads: int, plan: tuple[int, int]
) -> dict[str, dict[str, float]]:
    """Median ``seconds`` and resident ``bytes`` of each side; ``plan``: number of alternations and of rounds in each."""
    order = random.Random(0)  # noqa: S311 - an order of measurements, not a secret
    seconds: dict[str, list[float]] = {side: [] for side in _SIDES}
    with ExitStack() as stack:
        workers = {}
        for side in order.sample([*_SIDES], len(_SIDES)):
            modules = template_modules(variant)
            workers[side] = stack.enter_context(Worker(side, threads, forked=_SIDES[side], modules=modules))
            workers[side].start(variant, folder, threads)
            workers[side].ask("warm_up", [batch])
            workers[side].pause()
        for _ in range(plan[0]):
            for side in order.sample([*_SIDES], len(_SIDES)):
                workers[side].resume()
                seconds[side] += [value / 1e9 for value, _ in workers[side].ask("time", plan[1], WARM_UP_S)]
                workers[side].pause()
        for worker in workers.values():
            worker.resume()
        resident = {side: worker.ask("memory_status")["VmRSS"] for side, worker in workers.items()}
    return {side: {"seconds": statistics.median(seconds[side]), "bytes": resident[side]} for side in _SIDES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__, _FLAGS)
    parser.add_argument("--launches", type=int, default=10)
    parser.add_argument("--alternations", type=int, default=10, help="in each launch (default: 10)")
    parser.add_argument("--rounds", type=int, default=3)
    return run_alone("forked", parser, arguments, _answer)


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    prepared = prepare(options)
    size, length = 1, prepared.sequence_lengths[-1]
    batch = full_batch(prepared.tokens, size, length)
    plan = parsed.alternations, parsed.rounds
    launches: dict[str, list[Any]] = {name: [] for name in prepared.artifacts}
    with progress("forked and spawned", parsed.launches * len(launches)) as bar:
        for _ in range(parsed.launches):
            for name, artifact in prepared.artifacts.items():
                launches[name].append(measure_launch(name, artifact.path, batch, options.threads, plan))
                bar.advance()
    heaps = {
        name: {side: memray_pass(name, one.path, batch, options.threads, forked=_SIDES[side])[1] for side in _SIDES}
        for name, one in prepared.artifacts.items()
    }
    figures = {name: _summary(found, heaps[name]) for name, found in launches.items()}
    workload = {"checkpoint": prepared.checkpoint.name, "batch_size": size, "sequence_length": length}
    saved = {**workload, "threads": options.threads, "variants": figures, "launches": launches}
    name = f"forked-{prepared.checkpoint.name.replace(':', '-')}-{size}x{length}"
    return Answer(name, saved, _text(figures))


def _summary(launches: list[dict[str, dict[str, float]]], heap: dict[str, int]) -> dict[str, Any]:
    """Of each other side over ``spawned``: ratio of seconds with its 95 % interval, and differences in bytes."""
    found = {}
    for side in ("forked", "spawned_again"):
        logs = [math.log(one[side]["seconds"] / one["spawned"]["seconds"]) for one in launches]
        low, high = ttest_1samp(logs, 0.0).confidence_interval()
        more = statistics.median(one[side]["bytes"] - one["spawned"]["bytes"] for one in launches)
        found[side] = {
            "ratio": math.exp(statistics.mean(logs)),
            "low": math.exp(low),
            "high": math.exp(high),
            "bytes": more,
            "heap": heap[side] - heap["spawned"],
        }
    return found


def _text(figures: dict[str, dict[str, Any]]) -> str:
    rows = [
        (
            name,
            side,
            f"{one['ratio']:.4f}",
            f"{one['low']:.4f} to {one['high']:.4f}",
            f"{one['bytes'] / 2**20:+.1f}",
            f"{one['heap'] / 2**20:+.1f}",
        )
        for name, sides in figures.items()
        for side, one in sides.items()
    ]
    heads = ("variant", "over spawned", "latency", "95 % interval", "resident, MiB", "heap, MiB")
    return render_rows(heads, rows, ["latency: ratio of the medians of two processes of one launch, geometric mean"])


if __name__ == "__main__":
    sys.exit(main())
