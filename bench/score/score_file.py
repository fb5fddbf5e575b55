"""Labels a file of any size with one variant; the file is read twice and never held in memory."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ...exporters.errors import DataError
from ...exporters.files import sha256_file
from ..console import progress, say
from ..measure.workload import Policy
from ..texts.pairs import PairColumns, caution_joined
from ..units import format_bytes
from .answers import Tally, answer_kinds, answer_values
from .choosing import choose_plan
from .models import Models
from .parts import Parts
from .pipeline import STAGES
from .plan import Plan
from .rows import chunks, stream_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from ...exporters.checkpoints.long_texts import Windows
    from ...exporters.head import Head
    from ..pipeline.prepare import Prepared
    from ..texts.text_rows import TextRow
    from .pipeline import Answered, Pipeline
    from .rows import Scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to score, and with which variant."""

    prepared: Prepared
    variant: str
    source: Path
    found: Scan  # of the source
    output: Path
    max_memory: float | None = None  # resident bytes of all processes; None: no limit


@dataclass(slots=True, kw_only=True)
class Scoring:
    """The result; figures are of this call, except ``rows``, ``dropped`` and ``tally``, which are of the whole file."""

    rows: int  # of the file
    dropped: tuple[str, ...]  # "2 rows without text"; their output is empty
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
    """Score every row of ``job.source`` into ``job.output``; raises UserError for a user mistake."""
    caution_joined(job.source, job.found.columns, job.prepared.checkpoint.labels)
    windows = job.prepared.options.windows
    models, identity = Models(job.prepared, job.variant, windows), _identity(job)
    parts = Parts(job.output, identity)
    number, taken, kept = parts.found()
    if kept is None:
        plan = choose_plan(models, job.found, job.max_memory)
        parts.begin(asdict(plan))
    else:
        plan = Plan(**{**kept, "policy": Policy(**kept["policy"])})
        say(f"reused: {taken} rows scored before, and the plan: {plan}")
    done = Scoring(
        rows=job.found.rows,
        dropped=job.found.dropped,
        plan=plan,
        length=None if windows else job.prepared.scoring_length,
        windows=windows,
        taken=taken,
    )
    with models.opened(plan.instances) as opened:
        number, rows = _score_rows(job, opened.pipeline, parts, number, done)
        done.peak = opened.peak()
    if rows != job.found.rows or sha256_file(job.source) != identity["source"]:
        raise DataError(
            f"{job.source}: was changed while it was scored, expected the same rows to the end; score it again"
        )
    done.tally = parts.join(number)
    if job.max_memory is not None and done.peak > job.max_memory:
        say(
            f"--max-memory-mb: {format_bytes(done.peak)} were taken, more than the {format_bytes(job.max_memory)} asked: texts "
            "that come late may take more than the sample did; ask for less to have a smaller plan"
        )
    return done


def _score_rows(job: Job, pipeline: Pipeline, parts: Parts, number: int, done: Scoring) -> tuple[int, int]:
    """Score the rows after those of the first ``number`` parts; number of parts and rows then."""
    head, rows = job.prepared.checkpoint.head, done.taken
    by_windows = done.windows is not None
    with progress("scoring", done.rows - done.taken) as bar:
        begun = clock = time.perf_counter()
        for chunk in chunks(islice(stream_rows(job.source, job.prepared.options.text_columns), done.taken, None)):
            done.seconds["read"] += time.perf_counter() - clock
            texts = [row.text for row in chunk if row.cause is None]
            answered = pipeline.answer(texts, done.plan.policy, bar.advance) if texts else None
            clock = time.perf_counter()
            parts.write(number, _table(chunk, answered, head, by_windows=by_windows))
            number, rows = number + 1, rows + len(chunk)
            done.add(answered)
            bar.advance(len(chunk) - len(texts))
            done.seconds["write"] += time.perf_counter() - clock
            clock = time.perf_counter()
        done.elapsed = time.perf_counter() - begun
    return number, rows


def _identity(job: Job) -> dict[str, Any]:
    """Everything that decides the answers, except the plan, which is saved with the parts."""
    options = job.prepared.options
    return {
        "source": sha256_file(job.source),
        "text_columns": list(options.text_columns),
        "pairs": isinstance(options.text_columns, PairColumns),
        "windows": options.windows and asdict(options.windows),
        "drop_bad_rows": options.drop_bad_rows,
        "variant": job.variant,
        "artifact": job.prepared.artifacts[job.variant].fingerprint,
        "threads": options.threads,
        "memory_limit": job.max_memory,
    }


def _table(chunk: Sequence[TextRow], answered: Answered | None, head: Head, *, by_windows: bool) -> pa.Table:
    """A row for each of ``chunk``: row number, answer, logits, tokens; all but the number are empty without text.

    And the number of windows, where texts are read by them.
    """
    import pyarrow as pa

    row_numbers = pa.array([row.number for row in chunk], type=pa.int64())
    kinds = {**answer_kinds(head), **_logits(head.labels, pa.float32()), "tokens": pa.int32()}
    if by_windows:
        kinds["windows"] = pa.int32()
    if answered is None:
        return pa.table({"row": row_numbers, **{name: pa.nulls(len(chunk), kind) for name, kind in kinds.items()}})
    windows = [answered.windows] if by_windows else []
    values = (*answer_values(head, answered), *answered.logits.T, answered.tokens, *windows)
    empty = np.asarray([row.cause is not None for row in chunk])
    place = np.where(empty, 0, np.cumsum(~empty) - 1)
    columns = zip(kinds.items(), values, strict=True)
    filled = {name: pa.array(found[place], type=kind, mask=empty) for (name, kind), found in columns}
    return pa.table({"row": row_numbers, **filled})


def _logits(labels: Sequence[str], kind: Any) -> dict[str, Any]:
    return {f"logit_{index}": kind for index in range(len(labels))}
