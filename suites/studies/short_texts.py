"""Short texts, one at a time: does a model whose weights stay in the cache win? ALBERT-base against BERT-base, per runtime.

    python -m suites.studies.short_texts
    python -m suites.studies.short_texts --variants onnx-int8-dynamic --sequence-lengths 8,64 --time-budget 60

Both do the same arithmetic per token; ALBERT stores one layer and runs it twelve times, BERT reads twelve layers. All are timed
in one interleaved run, and each ratio is of medians of processes. The weights are random: time does not depend on them.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.console import progress
from bench.machine.alone import alone
from bench.measure.latency import LatencyRun
from bench.measure.schedule import Contender
from bench.measure.workload import full_batch
from bench.pipeline.options import read_options
from bench.pipeline.prepare import prepare
from bench.runs.measurement import Workload, process_medians
from exporters.errors import DeploybenchError
from suites.studies.study import Answer, run_study, study_parser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.pipeline.options import Options

MODELS = ("arch:albert-base-v2", "arch:bert-base-uncased")
DEFAULTS = {
    "variants": "torch-eager,onnx-fp32-fused,onnx-int8-dynamic,openvino-fp32,openvino-int8",
    "sequence_lengths": "8,16,32,64",
    "profile": "full",
    "time_budget": "600",
}


def measure(options: Options) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Seconds of one text, the median of each process, by model, variant and length."""
    lengths = options.sequence_lengths or ()
    workloads = {
        length: Workload(batch_size=1, sequence_length=length, padding="full", threads=options.threads)
        for length in lengths
    }
    contenders = []
    for model in MODELS:
        prepared = prepare(replace(options, checkpoint=model))
        failed = [f"{name}: {info.failed}" for name, info in prepared.variants.items() if info.failed]
        if failed:
            raise DeploybenchError(f"{model}: {failed[0]}")
        feed = {workload: full_batch(prepared.tokens, 1, length) for length, workload in workloads.items()}
        contenders += [
            Contender(name=f"{model} {name}", variant=name, artifact=artifact.path, feed=feed)
            for name, artifact in prepared.artifacts.items()
        ]
    run = LatencyRun(contenders, options.schedule, options.threads)
    assert contenders[0].feed is not None
    with progress("timing", run.steps(len(workloads))) as bar:
        measured = run.measure(contenders[0].feed, bar.advance, bar.extend)
    found: dict[str, dict[str, dict[str, list[float]]]] = {model: {} for model in MODELS}
    for one in measured:
        model, _, variant = one.variant.partition(" ")
        if one.status != "ok" or one.workload is None:
            raise DeploybenchError(f"{one.variant}: {one.reason}")
        found[model].setdefault(variant, {})[str(one.workload.sequence_length)] = process_medians(one)
    return found


def text(seconds: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> str:
    """Milliseconds of both, and how many times as fast ALBERT is."""
    albert, bert = (seconds[model] for model in MODELS)
    lengths = list(next(iter(albert.values())))
    lines = [f"{'ALBERT / BERT ms':<20}" + "".join(f"{length + ' tokens':>22}" for length in lengths)]
    for variant, by_length in albert.items():
        line = f"{variant:<20}"
        for length in lengths:
            mine, other = statistics.median(by_length[length]), statistics.median(bert[variant][length])
            line += f"{mine * 1e3:>8.2f}{other * 1e3:>8.2f}{other / mine:>5.2f}x"
        lines.append(line)
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save."""
    flags = (
        "--variants",
        "--sequence-lengths",
        "--threads",
        "--profile",
        "--target-width",
        "--time-budget",
        "--work-dir",
    )
    parsed = study_parser(__doc__, flags, **DEFAULTS).parse_args(arguments)

    def answer() -> Answer:
        options = read_options(parsed)
        with alone():
            seconds = measure(options)
        return Answer("short_texts", {"threads": options.threads, "process_medians": seconds}, text(seconds))

    return run_study("short_texts", answer)


if __name__ == "__main__":
    sys.exit(main())
