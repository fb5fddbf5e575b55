"""What cascades gain on a set's own texts, against the fastest single variant and against torch-eager.

    python -m deploybench.suites.studies.cascades.gains --checkpoint DIR --external a --variants linear-tokens+onnx-fp32,onnx-fp32

Texts are timed one at a time at their own lengths, each by every variant in turn, once a launch: how long a cascade takes depends
on the text. Intervals are over launches and texts. Worst case: the same texts, each computed by every stage. Accuracy is that of
the texts that a run scores: as many as its time budget allows.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.console import progress
from ....bench.measure.labelled_set import score
from ....bench.measure.latency import LatencyRun
from ....bench.measure.schedule import Schedule, TimedArtifact
from ....bench.measure.workload import Policy, scoring_batches, spread
from ....bench.pipeline.arguments import whole_number
from ....bench.pipeline.options import SCORING_BATCH_SIZE
from ....bench.pipeline.prepare import prepare
from ....bench.runs.measurement import Workload
from ....bench.statistics import LEVEL, paired_interval, ratios_of_means
from ....bench.worker.client import Worker
from ....exporters.artifacts.catalogue import find_variant
from ....exporters.cascades.cascade import every_stage
from ....exporters.cascades.names import is_cascade, stages_of, worst_case
from ....exporters.checkpoints.tokenization import padded_batch, tokenise
from ....exporters.errors import UserError
from ....exporters.variant import REFERENCE
from ..study import Answer, render_rows, run_alone, study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ....bench.pipeline.options import Options
    from ....bench.pipeline.prepare import Prepared
    from ....bench.texts.data import LabelledSet
    from ....exporters.checkpoints.tokenization import Ids
    from ....exporters.variant import Batch

    Seconds = npt.NDArray[np.float64]  # (launches, texts)

_PERCENTILES = (50, 95, 99)


def times_faster(seconds: Mapping[str, Seconds], than: str) -> dict[str, list[float]]:
    """How many times the mean of ``than`` is that of each row on the same texts in the same launches, and its 95 % interval."""
    others = [name for name in seconds if name != than]
    found = ratios_of_means([(seconds[name], seconds[than]) for name in others], others)
    return {than: [1.0] * 3, **{name: [*one.interval(LEVEL)] for name, one in zip(others, found, strict=True)}}


def seconds_of_texts(prepared: Prepared, tokens: Sequence[Ids], launches: int) -> dict[str, Seconds]:
    """Seconds of each text by each variant, and by the worst case of each cascade, ``(launches, texts)``, interleaved."""
    batches = [padded_batch([ids], prepared.inputs.pad) for ids in tokens]
    longest, threads = max(map(len, tokens)), prepared.options.threads
    workload = Workload(batch_size=1, sequence_length=longest, padding="bucketed", threads=threads)
    rows = [TimedArtifact(name=name, artifact=one.path) for name, one in prepared.artifacts.items()]
    with ExitStack() as scratch:
        for name, one in prepared.artifacts.items():
            if is_cascade(name):
                worst = scratch.enter_context(every_stage(one.path))
                rows.append(TimedArtifact(name=worst_case(name), variant=name, artifact=worst))
        run = LatencyRun(rows, Schedule(launches=launches, blocks=1, rounds=1, warm_up_s=0.0, seed=29), threads)
        with progress("timing", run.steps({workload: batches})) as bar:
            measured = run.measure({workload: batches}, bar.advance)
    return {one.variant: np.reshape(one.values, (launches, len(batches))) for one in measured if one.values}


def _of_set(prepared: Prepared, labelled: LabelledSet, texts: int, launches: int) -> dict[str, Any]:
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
    single = [name for name in seconds if not is_cascade(name) and not find_variant(name).another_model]
    fastest = min((name for name in single if name != REFERENCE), key=lambda name: seconds[name].mean())
    over = {"over_eager": times_faster(seconds, REFERENCE), "over_fastest": times_faster(seconds, fastest)}
    rows = [
        {
            **_row(name, seconds[name], right),
            **{key: found[name] for key, found in over.items()},
            **_of_cascade(prepared, name, seconds, timed),
        }
        for name in prepared.artifacts
        if name in seconds
    ]
    return {"set": labelled.name, "texts": len(tokens), "timed": len(timed), "fastest_single": fastest, "rows": rows}


def _row(name: str, own: Seconds, right: dict[str, npt.NDArray[np.bool_]]) -> dict[str, Any]:
    lost, won = (int((right[REFERENCE] & ~right[name]).sum()), int((right[name] & ~right[REFERENCE]).sum()))
    return {
        "variant": name,
        "accuracy": float(right[name].mean()),
        "change": (won - lost) / len(right[name]),
        "change_interval": [*paired_interval(lost, won, len(right[name]))],
        "mean_ms": 1e3 * float(own.mean()),
        "percentiles_ms": [1e3 * float(one) for one in np.percentile(np.median(own, axis=0), _PERCENTILES)],
    }


def _of_cascade(prepared: Prepared, name: str, seconds: Mapping[str, Seconds], timed: Sequence[Ids]) -> dict[str, Any]:
    """Shares of the timed texts by stage, and how many times the last stage's mean that of the worst case is."""
    if not is_cascade(name):
        return {}
    batches = [padded_batch([ids], prepared.inputs.pad) for ids in timed]
    with Worker(f"stages of {name}", prepared.options.threads) as worker:
        stages = np.asarray(
            worker.call(_stages, name, prepared.artifacts[name].path, prepared.options.threads, batches)
        )
    names = [stage.name for stage in stages_of(name)]
    shares = [float((stages == one).mean()) for one in range(len(names))]
    last, worst = seconds.get(names[-1]), seconds.get(worst_case(name))
    over = None
    if last is not None and worst is not None:
        over = [*ratios_of_means([(last, worst)])[0].interval(LEVEL)]
    return {"answered_by_stage": shares, "worst_case_over_last_stage": over}


def _stages(name: str, artifact: Path, threads: int, batches: Sequence[Batch]) -> list[int]:
    """The stage that answers each text, of batches of one."""
    predict: Any = find_variant(name).load(artifact, threads)
    found = []
    for batch in batches:
        before = predict.answered.copy()
        predict(*batch)
        found.append(int((predict.answered - before).argmax()))
    return found


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    prepared = prepare(options)
    if not prepared.sets:
        raise UserError("--external: expected labelled files, whose texts are timed; pass one")
    sets = [_of_set(prepared, one, parsed.texts, parsed.launches) for one in prepared.sets]
    notes = {name: list(prepared.variants[name].notes) for name in prepared.artifacts if find_variant(name).stages}
    left_out = {name: info.failed for name, info in prepared.variants.items() if info.failed}
    figures = {
        "checkpoint": prepared.checkpoint.name,
        "threads": options.threads,
        "launches": parsed.launches,
        "notes": notes,
        "left_out": left_out,
        "sets": sets,
    }
    return Answer(f"cascades-{prepared.checkpoint.name.replace(':', '-')}", figures, shown(sets, left_out))


def shown(sets: Sequence[dict[str, Any]], left_out: Mapping[str, str]) -> str:
    """The printed tables, one for each set; then the variants that have no row, each with the reason."""
    return "\n".join([*map(_shown, sets), *(f"left out: {name}: {reason}\n" for name, reason in left_out.items())])


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
        "worst case: the same texts, each computed by every stage, over the last stage alone",
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
    parser.add_argument(
        "--launches",
        metavar="N",
        type=whole_number("--launches", 2, 100, "a number from 2 to 100 such as 3"),
        default=3,
    )
    return run_alone("cascades", parser, arguments, _answer)


if __name__ == "__main__":
    sys.exit(main())
