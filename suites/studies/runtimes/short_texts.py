"""Whether ALBERT-base is faster than BERT-base on short texts, one at a time, because its weights stay in the cache.

    python -m deploybench.suites.studies.runtimes.short_texts
    python -m deploybench.suites.studies.runtimes.short_texts --variants onnx-int8-dynamic --sequence-lengths 8,64 --time-budget 60

Both do the same arithmetic per token; ALBERT stores one layer and runs it twelve times, BERT reads twelve layers. All are timed
in one interleaved run, and each ratio is of medians of processes. The weights are random: time does not depend on them.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from ....bench.measure.schedule import TimedArtifact
from ....bench.measure.workload import full_batch
from ..study import Answer, render_rows, run_alone, study_parser
from ..timing import one_text, prepare_all, time_interleaved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ....bench.pipeline.options import Options

MODELS = ("arch:albert-base-v2", "arch:bert-base-uncased")
DEFAULTS = {
    "variants": "torch-eager,onnx-fp32-fused,onnx-int8-dynamic,openvino-fp32,openvino-int8",
    "sequence_lengths": "8,16,32,64",
    "profile": "full",
    "time_budget": "600",
}


def measure(options: Options) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Seconds of one text, the median of each process, by model, variant and length."""
    timed, feed = [], {}
    for model in MODELS:
        prepared = prepare_all(replace(options, checkpoint=model))
        lengths = options.sequence_lengths or ()
        feed = {one_text(length, options): [full_batch(prepared.tokens, 1, length)] for length in lengths}
        timed += [
            TimedArtifact(name=f"{model} {name}", variant=name, artifact=artifact.path, feed=feed)
            for name, artifact in prepared.artifacts.items()
        ]
    found: dict[str, dict[str, dict[str, list[float]]]] = {model: {} for model in MODELS}
    for name, by_length in time_interleaved(timed, feed, options).items():
        model, _, variant = name.partition(" ")
        found[model][variant] = by_length
    return found


def text(seconds: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> str:
    """The table: milliseconds of both, and the speed-up of ALBERT."""
    albert, bert = (seconds[model] for model in MODELS)
    lengths = list(next(iter(albert.values())))
    rows = []
    for variant, by_length in albert.items():
        pairs = [(statistics.median(by_length[one]), statistics.median(bert[variant][one])) for one in lengths]
        cells = (f"{mine * 1e3:.2f} / {other * 1e3:.2f} {other / mine:.2f}x" for mine, other in pairs)
        rows.append([variant, *cells])
    return render_rows(["ALBERT / BERT, ms", *(f"{length} tokens" for length in lengths)], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    flags = (
        "--variants",
        "--sequence-lengths",
        "--threads",
        "--profile",
        "--target-width",
        "--time-budget",
        "--work-dir",
    )
    return run_alone("short_texts", study_parser(__doc__, flags, **DEFAULTS), arguments, _answer)


def _answer(options: Options, _: object) -> Answer:
    seconds = measure(options)
    return Answer("short_texts", {"threads": options.threads, "process_medians": seconds}, text(seconds))


if __name__ == "__main__":
    sys.exit(main())
