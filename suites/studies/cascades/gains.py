"""What cascades gain on a set's own texts, against the fastest single variant and against torch-eager.

    python -m deploybench.suites.studies.cascades.gains --checkpoint DIR --external a --variants linear-tokens+onnx-fp32,onnx-fp32

Texts are timed one at a time at their own lengths, each by every variant in turn, once a launch: how long a cascade takes depends
on the text. Intervals are of a bootstrap over texts and launches. Accuracy is that of all texts of the set.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.console import progress
from ....bench.measure.labelled_set import score
from ....bench.measure.latency import LatencyRun
from ....bench.measure.schedule import Schedule, TimedArtifact
from ....bench.measure.workload import Policy, scoring_batches, spread
from ....bench.pipeline.options import SCORING_BATCH_SIZE
from ....bench.pipeline.prepare import prepare
from ....bench.runs.measurement import Workload
from ....bench.statistics import paired_interval
from ....bench.worker.client import Worker
from ....exporters.artifacts.catalogue import find_variant
from ....exporters.cascades.cascade import stage_of_each
from ....exporters.checkpoints.tokenization import padded_batch, tokenise
from ....exporters.errors import UserError
from ....exporters.variant import REFERENCE
from ..study import Answer, render_rows, run_alone, study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ....bench.pipeline.options import Options
    from ....bench.pipeline.prepare import Prepared
    from ....bench.texts.data import LabelledSet
    from ....exporters.checkpoints.tokenization import Ids
    from ....exporters.variant import Batch

    Seconds = npt.NDArray[np.float64]  # (launches, texts)

_DRAWS = 2000
_PERCENTILES = (50, 95, 99)


def ratio_of_means(own: Seconds, other: Seconds, random: np.random.Generator) -> tuple[float, float, float]:
    """How many times the mean of ``other`` is that of ``own`` on the same texts in the same launches, and its 95 % interval."""
    launches, texts = own.shape
    drawn = []
    for _ in range(_DRAWS):
        chosen = np.ix_(random.integers(launches, size=launches), random.integers(texts, size=texts))
        drawn.append(other[chosen].mean() / own[chosen].mean())
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(other.mean() / own.mean()), float(low), float(high)


def seconds_of_texts(prepared: Prepared, tokens: Sequence[Ids], launches: int) -> dict[str, Seconds]:
    """Seconds of each text by each variant, ``(launches, texts)``, interleaved."""
    batches = [padded_batch([ids], prepared.inputs.pad) for ids in tokens]
    longest, threads = max(map(len, tokens)), prepared.options.threads
    workload = Workload(batch_size=1, sequence_length=longest, padding="bucketed", threads=threads)
    rows = [TimedArtifact(name=name, artifact=one.path) for name, one in prepared.artifacts.items()]
    run = LatencyRun(rows, Schedule(launches=launches, blocks=1, rounds=1, warm_up_s=0.0, seed=29), threads)
    with progress("timing", run.steps({workload: batches})) as bar:
        measured = run.measure({workload: batches}, bar.advance)
    return {one.variant: np.reshape(one.values, (launches, len(batches))) for one in measured if one.values}


def _of_set(prepared: Prepared, labelled: LabelledSet, texts: int, launches: int, seed: int) -> dict[str, Any]:
    tokens = tokenise(prepared.inputs.tokenizer, labelled.texts, prepared.scoring_length)
    policy = Policy(padding="bucketed", batch_size=SCORING_BATCH_SIZE)
    scored = scoring_batches(tokens, prepared.inputs.pad, policy, prepared.full_length)
    right = {}
    with progress(f"scoring {labelled.name}", len(prepared.artifacts)) as bar:
        for name, one in prepared.artifacts.items():
            [found] = score(name, one.path, [scored], prepared.options.threads)
            right[name] = found.logits.argmax(axis=1) == np.asarray(labelled.labels)
            bar.advance()
    timed = spread(tokens, texts)
    seconds = seconds_of_texts(prepared, timed, launches)
    single = [name for name in seconds if not find_variant(name).stages and not find_variant(name).another_model]
    fastest = min((name for name in single if name != REFERENCE), key=lambda name: seconds[name].mean())
    rows = [_row(prepared, name, seconds, right, timed, fastest, np.random.default_rng(seed)) for name in seconds]
    return {"set": labelled.name, "texts": len(tokens), "timed": len(timed), "fastest_single": fastest, "rows": rows}


def _row(
    prepared: Prepared,
    name: str,
    seconds: dict[str, Seconds],
    right: dict[str, npt.NDArray[np.bool_]],
    timed: Sequence[Ids],
    fastest: str,
    random: np.random.Generator,
) -> dict[str, Any]:
    own, variant = seconds[name], find_variant(name)
    lost, won = (int((right[REFERENCE] & ~right[name]).sum()), int((right[name] & ~right[REFERENCE]).sum()))
    row = {
        "variant": name,
        "accuracy": float(right[name].mean()),
        "change": (won - lost) / len(right[name]),
        "change_interval": [-one for one in reversed(paired_interval(lost, won, len(right[name])))],
        "mean_ms": 1e3 * float(own.mean()),
        "percentiles_ms": [1e3 * float(one) for one in np.percentile(np.median(own, axis=0), _PERCENTILES)],
        "over_eager": ratio_of_means(own, seconds[REFERENCE], random),
        "over_fastest": ratio_of_means(own, seconds[fastest], random),
    }
    if not variant.stages:
        return row
    batches = [padded_batch([ids], prepared.inputs.pad) for ids in timed]
    with Worker(f"stages of {name}", prepared.options.threads) as worker:
        stages = np.asarray(
            worker.call(_stages, name, prepared.artifacts[name].path, prepared.options.threads, batches)
        )
    last = stages == len(variant.stages)
    shares = [float((stages == one).mean()) for one in range(len(variant.stages) + 1)]
    whole = seconds.get(variant.base or "")
    worst = ratio_of_means(whole[:, last], own[:, last], random) if whole is not None and last.any() else None
    return {**row, "answered_by_stage": shares, "worst_case_over_last_stage": worst}


def _stages(name: str, artifact: Path, threads: int, batches: Sequence[Batch]) -> list[int]:
    return stage_of_each(find_variant(name), artifact, threads, batches)


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    prepared = prepare(options)
    if not prepared.sets:
        raise UserError("--external: expected labelled files, whose texts are timed; pass one")
    sets = [_of_set(prepared, one, parsed.texts, parsed.launches, parsed.seed) for one in prepared.sets]
    notes = {name: list(prepared.variants[name].notes) for name in prepared.artifacts if find_variant(name).stages}
    figures = {
        "checkpoint": prepared.checkpoint.name,
        "threads": options.threads,
        "launches": parsed.launches,
        "seed": parsed.seed,
        "notes": notes,
        "sets": sets,
    }
    return Answer(f"cascades-{prepared.checkpoint.name.replace(':', '-')}", figures, shown(sets))


def shown(sets: Sequence[dict[str, Any]]) -> str:
    """The printed tables, one for each set."""
    return "\n\n".join(_shown(one) for one in sets)


def _shown(found: dict[str, Any]) -> str:
    rows = [
        (
            row["variant"],
            f"{row['accuracy']:.3f}",
            f"{row['change']:+.3f} ({row['change_interval'][0]:+.3f} to {row['change_interval'][1]:+.3f})",
            f"{row['mean_ms']:.2f}",
            " / ".join(f"{one:.2f}" for one in row["percentiles_ms"]),
            _times(row["over_eager"]),
            _times(row["over_fastest"]),
            " / ".join(f"{one:.0%}" for one in row.get("answered_by_stage", [])),
            _times(row.get("worst_case_over_last_stage")),
        )
        for row in found["rows"]
    ]
    heads = [
        "variant",
        "accuracy",
        "change (95 %)",
        "mean ms",
        "p50 / p95 / p99",
        "over eager",
        "over fastest",
        "stages",
        "worst case",
    ]
    timed = f"{found['timed']} of {found['texts']} texts timed, each alone at its own length"
    notes = [
        f"{found['set']}: {timed}; fastest single variant: {found['fastest_single']}",
        "worst case: texts that every stage computes, times the last stage alone",
    ]
    return render_rows(heads, rows, notes)


def _times(found: Sequence[float] | None) -> str:
    return "" if found is None else f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on the command line."""
    flags = (
        *(
            "--checkpoint",
            "--external",
            "--unlabelled",
            "--train",
            "--max-other-classes",
            "--label-column",
            "--text-columns",
        ),
        *("--drop-bad-rows", "--variants", "--threads", "--work-dir"),
    )
    parser = study_parser(__doc__, flags)
    parser.add_argument("--texts", metavar="N", type=int, default=300, help="texts of each set that are timed")
    parser.add_argument("--launches", metavar="N", type=int, default=3)
    parser.add_argument("--seed", metavar="N", type=int, default=29)
    return run_alone("cascades", parser, arguments, _answer)


if __name__ == "__main__":
    sys.exit(main())
