"""What the first text of a new length costs: texts of many lengths in random order, one at a time, as they are served.

    python -m deploybench.suites.studies.runtimes.new_lengths --work-dir .deploybench

Each variant has several fresh processes, in turn. After texts of two other lengths, each process gets every length once, and then
twice more; the cost of a new length is its first call compared with the faster of the two later ones.
"""

from __future__ import annotations

import random
import statistics
import sys
from typing import TYPE_CHECKING

from ....bench.console import progress
from ....bench.measure.workload import full_batch
from ....bench.pipeline.prepare import prepare
from ....bench.worker.client import Worker
from ..study import Answer, render_rows, run_alone, study_parser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ....bench.pipeline.options import Options
    from ....bench.pipeline.prepare import Prepared
    from ....exporters.artifacts.artifact import Artifact

LENGTHS = tuple(range(20, 500, 24))  # tokens
PROCESSES = 3  # of each variant
_WARM = (8, 510)  # tokens, before the others: the cost of the very first call is not that of a length
_CALLS = 3


def first_and_later(name: str, artifact: Artifact, prepared: Prepared, seed: int) -> list[tuple[int, float, float]]:
    """For each length, in call order: tokens, seconds of its first call, seconds of the faster later one."""
    lengths = [length for length in LENGTHS if length <= (prepared.inputs.max_length or length)]
    random.Random(seed).shuffle(lengths)  # noqa: S311 - no secret
    coming = [length for length in _WARM if length <= (prepared.inputs.max_length or length)] + lengths
    coming += [length for _ in range(_CALLS - 1) for length in lengths]
    with Worker(name, prepared.options.threads) as worker:
        worker.import_runtime(name)
        worker.ask("load", artifact.path, prepared.options.threads)
        answers = worker.predict([full_batch(prepared.tokens, 1, length) for length in coming])
    calls: dict[int, list[float]] = {}
    for length, (_, seconds) in zip(coming, answers, strict=True):
        calls.setdefault(length, []).append(seconds)
    return [(length, calls[length][0], min(calls[length][1:])) for length in lengths]


def measure(options: Options) -> dict[str, list[list[tuple[int, float, float]]]]:
    """The rows of ``first_and_later``, by variant and process."""
    prepared = prepare(options)
    found: dict[str, list[list[tuple[int, float, float]]]] = {name: [] for name in prepared.artifacts}
    with progress("measuring", PROCESSES * len(found)) as bar:
        for seed in range(PROCESSES):
            for name, artifact in prepared.artifacts.items():
                found[name].append(first_and_later(name, artifact, prepared, seed))
                bar.advance()
    return found


def text(found: Mapping[str, Sequence[Sequence[tuple[int, float, float]]]]) -> str:
    """The printed table."""
    rows = []
    for name, processes in found.items():
        calls = [call for process in processes for call in process]
        more = [first - later for _, first, later in calls]
        later = statistics.median(call[2] for call in calls)
        ratio = statistics.median(first / later for _, first, later in calls)
        milliseconds = (f"{value * 1e3:.2f}" for value in (later, statistics.median(more), max(more)))
        rows.append([name, *milliseconds, f"{ratio:.2f}x"])
    heads = ["variant", "later call, ms", "new length, ms more", "at most", "ratio"]
    return render_rows(heads, rows, ["medians over all lengths and processes"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    flags = ("--checkpoint", "--variants", "--threads", "--work-dir")
    return run_alone("new_lengths", study_parser(__doc__, flags, checkpoint="arch:albert-base-v2"), arguments, _answer)


def _answer(options: Options, _: object) -> Answer:
    found = measure(options)
    figures = {"checkpoint": options.checkpoint, "threads": options.threads, "seconds": found}
    return Answer("new_lengths", figures, text(found))


if __name__ == "__main__":
    sys.exit(main())
