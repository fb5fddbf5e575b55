"""Does the harness measure what a bare loop does? torch-eager by both, in turn, on the same batch.

    python -m suites.studies.bare_loop --checkpoint arch:albert-base-v2 --batch-sizes 1 --sequence-lengths 512

Two processes hold the same checkpoint: the harness's worker, and one that loads it with transformers and times a plain
`for` loop. They take turns (each first every other time); printed is harness / bare by alternation, and its median.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from bench.options import add_options, read_options
from bench.prepare import prepare
from bench.worker import Worker
from bench.workload import full_batch
from exporters.variant import REFERENCE
from suites.studies.saving import save_study

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.workload import Batch

_FLAGS = ("--checkpoint", "--batch-sizes", "--sequence-lengths", "--threads", "--work-dir")


def bare_rounds(folder: Path, batch: Batch, rounds: int, threads: int) -> list[float]:
    """Seconds of ``rounds`` forward passes in the plainest loop there is, after one untimed pass; nothing of the harness."""
    import torch

    model = _model(folder, threads)
    input_ids, attention_mask = (torch.from_numpy(array) for array in batch)
    seconds = []
    with torch.inference_mode():
        model(input_ids=input_ids, attention_mask=attention_mask)
        for _ in range(rounds):
            start = time.perf_counter()
            model(input_ids=input_ids, attention_mask=attention_mask)
            seconds.append(time.perf_counter() - start)
    return seconds


@functools.cache
def _model(folder: Path, threads: int) -> Any:
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.set_num_threads(threads)
    return AutoModelForSequenceClassification.from_pretrained(folder).eval()


def compare(folder: Path, batch: Batch, threads: int, plan: tuple[int, int]) -> list[tuple[float, float]]:
    """Median seconds (harness, bare) of each alternation; ``plan`` is how many alternations of how many rounds."""
    alternations, rounds = plan
    pairs = []
    with Worker("harness", threads) as harness, Worker("bare loop", threads) as bare:
        harness.load(REFERENCE, folder, threads)
        ask = {
            "harness": lambda: [value / 1e9 for value in harness.ask("time", batch, rounds, True)],
            "bare": lambda: bare.ask("call", f"{__spec__.name}:bare_rounds", (folder, batch, rounds, threads), {}),
        }
        ask["bare"](), ask["harness"]()  # loading, packing, first allocations
        for alternation in range(alternations):
            order = ("harness", "bare") if alternation % 2 else ("bare", "harness")
            medians = {name: statistics.median(ask[name]()) for name in order}
            pairs.append((medians["harness"], medians["bare"]))
    return pairs


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser.add_argument, _FLAGS)
    parser.add_argument("--alternations", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=10)
    parsed = parser.parse_args(arguments)
    options = read_options({**vars(parsed), "variants": REFERENCE})
    prepared = prepare(options)
    size, length = options.batch_sizes[0], prepared.sequence_lengths[-1]
    batch = full_batch(prepared.tokens, size, length)
    plan = (parsed.alternations, parsed.rounds)
    pairs = compare(prepared.artifacts[REFERENCE].path, batch, options.threads, plan)
    ratios = [harness / bare for harness, bare in pairs]
    ratio = statistics.median(ratios)
    write = sys.stdout.write
    for harness, bare in pairs:
        write(f"harness {harness * 1e3:9.3f} ms   bare loop {bare * 1e3:9.3f} ms   ratio {harness / bare:.4f}\n")
    write(f"median ratio over {len(pairs)} alternations: {ratio:.4f}\n")
    workload = {"checkpoint": prepared.checkpoint.name, "batch_size": size, "sequence_length": length}
    name = f"bare_loop-{prepared.checkpoint.name.replace(':', '-')}-{size}x{length}"
    save_study(name, {**workload, "threads": options.threads, "median_ratio": ratio, "seconds_harness_bare": pairs})
    return 0


if __name__ == "__main__":
    sys.exit(main())
