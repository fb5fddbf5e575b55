"""Measure two sides in one run, launch by launch and block by block, and judge them by paired ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ....exporters.artifacts.catalogue import find_variant
from ....exporters.checkpoints.tokenization import reads_pairs, tokenise
from ....exporters.errors import UserError, WorkerError
from ...analysis.precision import differing_precisions
from ...console import progress, stage
from ...measure.latency import LatencyRun
from ...measure.memory.peaks import measure_peaks
from ...measure.schedule import Schedule, TimedArtifact
from ...measure.workload import full_batch
from ...pipeline.execution import how_it_runs
from ...runs.measurement import Measurement, Row, Workload, launch_ratios
from ...runs.metrics import METRICS, metrics_of
from ...runs.store import VariantInfo
from ...statistics import DUEL_LEVEL, paired_ratios
from ...texts.demonstration import corpus
from ...worker.client import Worker
from ..changes import Comparison
from ..judging import FAIR, Terms, judge_rows, rows_of
from ..thresholds import Thresholds
from .notes import differing_packages, duel_notes, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...measure import schedule as timing
    from ...pipeline.options import Options
    from .side import Side

DEFAULT_LENGTH = 128
DEFAULT_THRESHOLD = 0.005  # of latency: smaller changes have no practical effect
_MARKS = ("A: ", "B: ")  # put before variant names, to tell the rows of both sides apart
_SHORTEST = 3  # tokens: first, last, and one of text
_LAUNCHES, _BLOCKS, _BLOCK_S = 6, 30, 0.01  # launches go in pairs, the second in reverse
_WARM_UP_S = 0.0  # one call: both sides are then equally warm
_TEXTS = 64  # of the bundled corpus, from which batches are made


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Workloads and stopping rule of a paired run."""

    workloads: tuple[Workload, ...]
    target_width: float  # relative width of 99 % intervals of ratios at which no launches are added
    budget_s: float  # s of timing
    memory: bool = True

    @property
    def largest(self) -> Workload:
        """The workload with the most tokens."""
        return max(self.workloads, key=lambda one: one.batch_size * one.sequence_length)


def workloads(sides: Sequence[Side], options: Options) -> tuple[Workload, ...]:
    """Each batch size at each length; raises UserError for a length that a side does not support."""
    limits = {side.name: side.max_length for side in sides if side.max_length is not None}
    lengths = options.sequence_lengths or (min(DEFAULT_LENGTH, *limits.values()) if limits else DEFAULT_LENGTH,)
    if min(lengths) < _SHORTEST:
        raise UserError(f"--sequence-lengths: {min(lengths)} tokens asked, a text takes at least {_SHORTEST}")
    for name, limit in limits.items():
        if max(lengths) > limit:
            raise UserError(f"--sequence-lengths: {max(lengths)} tokens asked, {name} takes at most {limit}")
    return tuple(
        Workload(batch_size=size, sequence_length=length, padding="full", threads=options.threads)
        for length in lengths
        for size in options.batch_sizes
    )


def duel(base: Side, contender: Side, setting: Setting) -> Comparison:
    """Measure both sides and judge each row; times are paired by launch, with 99 % intervals."""
    pair = base, contender
    sides = dict(zip(_MARKS, pair, strict=True))
    timed = [one for mark, side in sides.items() for one in _timed(mark, side, setting)]
    schedule = Schedule(
        launches=_LAUNCHES,
        blocks=_BLOCKS,
        rounds=1,
        block_s=_BLOCK_S,
        warm_up_s=_WARM_UP_S,
        target_width=setting.target_width,
        budget_s=setting.budget_s,
        unsure=_unsure,
    )
    threads = setting.workloads[0].threads
    run = LatencyRun(timed, schedule, threads)
    with stage("timing both sides in turn"), progress("duel", run.steps(timed[0].feed or {})) as bar:
        measured = [*run.measure(timed[0].feed or {}, bar.advance, bar.extend), *run.cold_starts()]
    measured += _never_loaded(measured)
    with_memory = setting.memory and all(side.environment is None or side.environment.has_memray for side in pair)
    with stage("memory and what executes"):
        for mark, side in sides.items():
            measured += _sizes(mark, side)
            measured += _memory(mark, side, setting) if with_memory else []
        infos = {mark: _how_they_run(mark, side, setting) for mark, side in sides.items()}
    before, after = (rows_of(_of_side(mark, measured)) for mark in _MARKS)
    names = names_of(pair)
    return Comparison(
        base=names[0],
        contender=names[1],
        differences=differing_packages(pair),
        notes=tuple(duel_notes(pair, measured, infos, _BLOCKS, threads)),
        changes=judge_rows((before, after), _THRESHOLDS, _terms(*infos.values()), interleaved=True),
    )


_THRESHOLDS = Thresholds(by_metric={**Thresholds().by_metric, "latency": DEFAULT_THRESHOLD})


def _timed(mark: str, side: Side, setting: Setting) -> Iterator[TimedArtifact]:
    tokens = tokenise(
        side.tokenizer,
        corpus.plain_texts(pairs=reads_pairs(side.tokenizer))[:_TEXTS],
        side.max_length or DEFAULT_LENGTH,
    )
    feed = {one: [full_batch(tokens, one.batch_size, one.sequence_length)] for one in setting.workloads}
    for name, artifact in side.artifacts.items():
        yield TimedArtifact(
            name=mark + name, variant=artifact.variant, artifact=artifact.path, interpreter=side.interpreter, feed=feed
        )


def _unsure(measured: Sequence[Measurement], target_width: float) -> set[timing.Row]:
    """Both sides of each row whose interval of the ratio is wider than ``target_width``."""
    found = {(one.variant, one.workload): one for one in measured if one.workload}
    pairs = []
    for (name, workload), one in found.items():
        other = found.get((_MARKS[1] + name.removeprefix(_MARKS[0]), workload))
        if name.startswith(_MARKS[0]) and other:
            pairs.append((one, other))
    names = [base.variant for base, _ in pairs]
    ratios = paired_ratios([launch_ratios(*pair) for pair in pairs], names)
    return {
        (one.variant, one.workload)
        for pair, ratio in zip(pairs, ratios, strict=True)
        if ratio.detectable(DUEL_LEVEL) > math.sqrt(1 + target_width)
        for one in pair
        if one.workload
    }


def _sizes(mark: str, side: Side) -> list[Measurement]:
    return [
        Measurement(variant=mark + name, metric="artifact_size", values=(artifact.size,))
        for name, artifact in side.artifacts.items()
    ]


def _never_loaded(measured: Sequence[Measurement]) -> list[Measurement]:
    """Failed load times of variants that failed before they were loaded; without them these rows would be missing."""
    loaded = {one.variant for one in measured if one.metric == "load_time"}
    failed = {one.variant: one.reason for one in measured if one.status == "failed" and one.variant not in loaded}
    return [Measurement(variant=name, metric="load_time", status="failed", reason=why) for name, why in failed.items()]


def _memory(mark: str, side: Side, setting: Setting) -> list[Measurement]:
    """Peak memory of each variant at the largest workload; if its worker dies, failed rows."""
    largest, found = setting.largest, []
    for one in _timed(mark, side, setting):
        measured: dict[str, Any] = {"variant": one.name, "workload": largest}
        try:
            assert one.feed is not None
            peaks = measure_peaks(one.variant, one.artifact, one.feed[largest][0], largest.threads, one.interpreter)
        except WorkerError as error:
            found += [
                Measurement(metric=metric, status="failed", reason=str(error), **measured)
                for metric in metrics_of("memory")
            ]
            continue
        found += [
            Measurement(metric=metric, values=(getattr(peaks, metric),), **measured) for metric in metrics_of("memory")
        ]
    return found


def _how_they_run(mark: str, side: Side, setting: Setting) -> dict[str, VariantInfo]:
    """Executed number format and cores of each variant at the largest workload; if its worker dies, they are unknown."""
    largest, found = setting.largest, {}
    for one in _timed(mark, side, setting):
        name = one.name.removeprefix(mark)
        variant = find_variant(one.variant)
        info = VariantInfo(runtime=variant.runtime, precision=variant.precision)
        assert one.feed is not None
        [batch] = one.feed[largest]
        try:
            with Worker(f"inspecting {one.name}", largest.threads, interpreter=one.interpreter) as worker:
                worker.start(one.variant, one.artifact, largest.threads)
                how = how_it_runs(worker, side.artifacts[name], [batch], batch, largest.threads)
            found[name] = replace(info, **how)
        except WorkerError as error:
            found[name] = replace(info, executed_unknown=str(error))
    return found


def _terms(base: Mapping[str, VariantInfo], contender: Mapping[str, VariantInfo]) -> Callable[[Row], Terms]:
    """Times of two variants of one declared number format, executed in two, are not comparable."""

    def terms(row: Row) -> Terms:
        one, other = base[row[0]], contender[row[0]]
        found = differing_precisions(one, other)
        if found is None or METRICS[row[1]].kind != "time" or one.precision != other.precision:
            return FAIR
        return Terms(unlike=f"runs {found[0]} in A, {found[1]} in B, called {one.precision}")

    return terms


def _of_side(mark: str, measured: Sequence[Measurement]) -> list[Measurement]:
    return [replace(one, variant=one.variant.removeprefix(mark)) for one in measured if one.variant.startswith(mark)]
