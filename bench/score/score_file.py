"""Labels files of any size with one variant; they are read twice and never held in memory."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from ...exporters.errors import DataError
from ..console import progress, say
from ..measure.workload import Policy, full_batch
from ..pipeline.execution import executed
from ..texts.pairs import caution_single
from ..units import format_bytes
from ..worker.client import Worker
from .answers import Tally
from .choosing import choose_plan
from .columns import Columns
from .engines.one_machine import on_this_machine
from .models import Models
from .parts import Parts
from .pipeline import STAGES
from .plan import Plan
from .record import Record, what_answers, what_is_asked, with_plan, with_record
from .rows import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ...exporters.checkpoints.long_texts import Windows
    from ..pipeline.prepare import Prepared
    from .engines.engine import Cluster, Engine
    from .pipeline import Answered
    from .rows import Scan
    from .shard import Shard
    from .source import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to score, and with which variant."""

    prepared: Prepared
    variant: str
    source: Source
    found: Scan  # of the source
    output: Path
    max_memory: float | None = None  # resident bytes of all processes; None: no limit
    plan: Plan | None = None  # None: the fastest that is found
    shard: Shard | None = None  # None: all rows
    cluster: Cluster | None = None  # None: this machine answers


@dataclass(slots=True, kw_only=True)
class Scoring:
    """The result; figures are of this call, except ``rows``, ``dropped`` and ``tally``, which are of all rows asked for."""

    rows: int  # of the source, or of its shard
    dropped: tuple[str, ...]  # "2 rows without text"; their output is empty
    shard: Shard | None = None
    tally: Tally = field(default_factory=Tally)
    plan: Plan
    length: int | None  # tokens at which texts are cut; None: not cut
    windows: Windows | None = None  # by which texts are read instead
    taken: int  # rows reused from an interrupted scoring
    peak: int = 0  # resident bytes: sum of the peaks of all processes
    elapsed: float = 0.0  # seconds from the first row to the last
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("read", *STAGES, "write"), 0.0))
    texts: int = 0
    cut: int = 0  # texts that were cut
    read_windows: int = 0
    read_tokens: int = 0
    computed_tokens: int = 0  # with padding
    nodes: bool = (
        False  # whether stages ran on several processes of a cluster, whose seconds add up to more than passed
    )

    def add(self, answered: Answered | None) -> None:
        """Add the figures of a chunk."""
        if answered is None:
            return
        self.texts += len(answered.classes)
        self.cut += 0 if self.length is None else int((answered.tokens > self.length).sum())
        self.read_windows += int(answered.windows.sum())
        self.read_tokens += answered.read_tokens
        self.computed_tokens += answered.computed_tokens
        for stage, seconds in answered.seconds.items():
            self.seconds[stage] += seconds


def score_file(job: Job) -> Scoring:
    """Score every row of ``job.source``, or of its shard, into ``job.output``; raises UserError for a user mistake."""
    prepared, stretch = job.prepared, job.found.stretch(job.shard)
    caution_single(job.source.path, job.found.columns, prepared.checkpoint.labels)
    windows = prepared.options.windows
    models, digest = Models(prepared, job.variant, windows), job.source.sha256()
    asked = what_is_asked(prepared.options, job.variant, job.found.columns, digest)
    answers = what_answers(job.variant, models.artifact.fingerprint)
    parts = Parts(job.output, {**asked, **answers, **_plan_asked(job)})
    number, taken, kept = parts.found()
    if kept is None:
        plan = job.plan or choose_plan(models, job.found, job.max_memory)
        parts.begin(asdict(plan))
    else:
        plan = Plan(**{**kept, "policy": Policy(**kept["policy"])})
        say(f"reused: {taken} rows scored before, and the plan: {plan}")
    done = Scoring(
        rows=stretch.rows,
        dropped=stretch.dropped,
        shard=job.shard,
        plan=plan,
        length=None if windows else prepared.scoring_length,
        windows=windows,
        taken=taken,
        nodes=job.cluster is not None,
    )
    columns = Columns(job.source, prepared.checkpoint.head, by_windows=windows is not None)
    with _engine(job, models, plan) as engine:
        number, rows = _score_rows(job, stretch.first, engine, parts, number, columns, done)
        done.peak, others = engine.peak(), engine.answered_by()
    if rows != stretch.rows or job.source.sha256() != digest:
        raise DataError(
            f"{job.source.path}: was changed while it was scored, expected the same rows to the end; score it again"
        )
    answered_by = tuple(with_plan(one, plan) for one in (answers, *others))
    record = Record(asked=asked, answered_by=answered_by, shard=_shard(job, models, plan))
    done.tally = parts.join(number, with_record(columns.schema, record))
    if job.max_memory is not None and done.peak > job.max_memory:
        say(
            f"--max-memory-mb: {format_bytes(done.peak)} were taken, more than the {format_bytes(job.max_memory)} asked: texts "
            "that come late may take more than the sample did; ask for less to have a smaller plan"
        )
    return done


def _engine(job: Job, models: Models, plan: Plan) -> AbstractContextManager[Engine]:
    """What answers: this machine or a cluster."""
    if job.cluster is None:
        return on_this_machine(models, plan)
    from .engines.ray_cluster import on_ray

    return on_ray(models, plan, job.cluster)


def _score_rows(  # noqa: PLR0913, PLR0917 - where it begins, what answers, and where answers go
    job: Job, first: int, engine: Engine, parts: Parts, number: int, columns: Columns, done: Scoring
) -> tuple[int, int]:
    """Score the rows after those of the first ``number`` parts; number of parts and rows then."""
    rows, left = done.taken, done.rows - done.taken
    numbered = enumerate(chunks(islice(job.source.rows(job.found.columns, first + done.taken), left)), number)
    with progress("scoring", left) as bar:
        begun = time.perf_counter()
        for chunk in engine.answer(_timed(numbered, done.seconds), bar.advance):
            clock = time.perf_counter()
            parts.write(chunk.number, columns.table(chunk.rows, chunk.answered))
            number, rows = number + 1, rows + len(chunk.rows)
            done.add(chunk.answered)
            done.seconds["write"] += time.perf_counter() - clock
        done.elapsed = time.perf_counter() - begun
    return number, rows


def _timed(items: Iterator[T], seconds: dict[str, float]) -> Iterator[T]:
    """``items``, with the time that they take counted as reading."""
    while True:
        clock = time.perf_counter()
        item = next(items, None)
        seconds["read"] += time.perf_counter() - clock
        if item is None:
            return
        yield item


def _plan_asked(job: Job) -> dict[str, Any]:
    """What decides the plan that is found, and the rows."""
    return {
        "threads": job.prepared.options.threads,
        "memory_limit": job.max_memory,
        "plan_asked": job.plan and asdict(job.plan),
        "shard": job.shard and str(job.shard),
    }


def _shard(job: Job, models: Models, plan: Plan) -> dict[str, Any]:
    """What the record says of a shard, with the number formats that this machine executes."""
    if job.shard is None:
        return {}
    stretch = job.found.stretch(job.shard)
    text = full_batch(job.prepared.tokens, 1, models.length)
    with Worker(f"{job.variant}, watched", plan.threads, forked=True) as worker:
        ran = executed(worker, models.artifact, text, plan.threads)
    return {**asdict(job.shard), "first": stretch.first + 1, "rows": stretch.rows, "executed": ran.get("executed", {})}
