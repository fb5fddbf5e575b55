"""Whether the harness measures the same as a bare loop: torch-eager by both, in turn, on the same batch.

    python -m deploybench.suites.studies.harness.bare_loop --checkpoint arch:albert-base-v2 --batch-sizes 1 --sequence-lengths 512

Every launch starts a worker of the harness and a process without it, which loads the checkpoint with transformers and
times a plain ``for`` loop. The worker times the batch as in every run, then by the same loop over its own model: that ratio
is the cost of the harness. Two processes of the same code differ by more, because each gets other memory pages; the
difference is printed beside the ratio.
"""

from __future__ import annotations

import dataclasses
import random
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from ....bench.console import progress
from ....bench.measure.schedule import WARM_UP_S
from ....bench.measure.workload import full_batch
from ....bench.pipeline.prepare import prepare
from ....bench.worker.client import Worker
from ....exporters.checkpoints.classifier import load_classifier
from ....exporters.runtimes.torch_model import limit_threads, run_classifier
from ....exporters.variant import REFERENCE
from ....exporters.variants import torch_eager
from ..study import Answer, run_alone, study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from ....bench.pipeline.options import Options
    from ....exporters.variant import Batch, Predictor

_FLAGS = ("--checkpoint", "--batch-sizes", "--sequence-lengths", "--threads", "--work-dir")
_SIDES = ("harness", "bare", "bare_apart")
_held: dict[str, Any] = {}  # in a child process: the model of the bare loop


def _load(artifact: Path, threads: int) -> Predictor:
    """Load torch-eager as its variant does, and keep the model for the bare loop."""
    limit_threads(threads)
    _held["model"] = load_classifier(artifact)
    return run_classifier(_held["model"])


VARIANT = dataclasses.replace(torch_eager.VARIANT, load=_load)


def load_plainly(folder: str, threads: int) -> None:
    """Load the checkpoint with transformers alone."""
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.set_num_threads(threads)
    _held["model"] = AutoModelForSequenceClassification.from_pretrained(folder).eval()


def bare_rounds(batch: Batch, rounds: int) -> list[float]:
    """Seconds of ``rounds`` forward passes in a plain loop, after one untimed pass."""
    import torch

    model = _held["model"]
    input_ids, attention_mask = (torch.from_numpy(array) for array in batch)
    seconds = []
    with torch.inference_mode():
        model(input_ids=input_ids, attention_mask=attention_mask)
        for _ in range(rounds):
            start = time.perf_counter()
            model(input_ids=input_ids, attention_mask=attention_mask)
            seconds.append(time.perf_counter() - start)
    return seconds


def measure_launch(folder: Path, batch: Batch, threads: int, plan: tuple[int, int]) -> list[dict[str, float]]:
    """Median seconds of each side, by alternation; ``plan``: number of alternations and of rounds in each."""
    alternations, rounds = plan
    with Worker("harness", threads) as harness, Worker("bare loop", threads) as plain:
        harness.start(__spec__.name, folder, threads)
        harness.ask("warm_up", [batch])
        plain.call(load_plainly, str(folder), threads)
        ask = {
            "harness": lambda: [value / 1e9 for value, _ in harness.ask("time", rounds, WARM_UP_S)],
            "bare": lambda: harness.call(bare_rounds, batch, rounds),
            "bare_apart": lambda: plain.call(bare_rounds, batch, rounds),
        }
        for side in _SIDES:  # packing, first allocations
            ask[side]()
        order = random.Random(0)  # noqa: S311 - an order of measurements, not a secret
        return [
            {side: statistics.median(ask[side]()) for side in order.sample(_SIDES, len(_SIDES))}
            for _ in range(alternations)
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__, _FLAGS)
    parser.add_argument("--launches", type=int, default=5)
    parser.add_argument("--alternations", type=int, default=3, help="in each launch (default: 3)")
    parser.add_argument("--rounds", type=int, default=10)
    return run_alone("bare_loop", parser, arguments, _answer, variants=(REFERENCE,))


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    prepared = prepare(options)
    size, length = options.batch_sizes[0], prepared.sequence_lengths[-1]
    batch = full_batch(prepared.tokens, size, length)
    folder, plan = prepared.artifacts[REFERENCE].path, (parsed.alternations, parsed.rounds)
    launches = []
    with progress("bare loop", parsed.launches) as bar:
        for _ in range(parsed.launches):
            launches.append(measure_launch(folder, batch, options.threads, plan))
            bar.advance()
    figures = _summary(launches)
    workload = {"checkpoint": prepared.checkpoint.name, "batch_size": size, "sequence_length": length}
    name = f"bare_loop-{prepared.checkpoint.name.replace(':', '-')}-{size}x{length}"
    saved = {**workload, "threads": options.threads, **figures, "seconds": launches}
    return Answer(name, saved, _text(launches, figures))


def _summary(launches: list[list[dict[str, float]]]) -> dict[str, float]:
    """Ratios of the medians, and slowest over fastest process of the same code."""
    pairs = [pair for launch in launches for pair in launch]
    apart = [statistics.median(pair["bare_apart"] for pair in launch) for launch in launches]
    return {
        "harness_over_bare": statistics.median(pair["harness"] / pair["bare"] for pair in pairs),
        "harness_over_bare_apart": statistics.median(pair["harness"] / pair["bare_apart"] for pair in pairs),
        "bare_apart_slowest_over_fastest": max(apart) / min(apart),
    }


def _text(launches: list[list[dict[str, float]]], figures: dict[str, float]) -> str:
    lines = [
        f"launch {number}  harness {pair['harness'] * 1e3:8.2f} ms  bare, same process {pair['bare'] * 1e3:8.2f} ms"
        f"  bare, own process {pair['bare_apart'] * 1e3:8.2f} ms"
        for number, launch in enumerate(launches, 1)
        for pair in launch
    ]
    lines += [
        f"harness / bare, same process: median {figures['harness_over_bare']:.4f}",
        f"harness / bare, own process: median {figures['harness_over_bare_apart']:.4f}",
        f"bare, own process: slowest / fastest process {figures['bare_apart_slowest_over_fastest']:.4f}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
