"""Scores labelled sets with a variant: logits of every example, and seconds of every batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runs.predictions import Scores
from ..worker.client import Worker, spares_an_import

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .workload import ScoringBatches

_BATCHES_PER_REQUEST = 16  # the timeout of a worker is per request: it must not depend on the size of the set


def score(variant: str, artifact: Path, batches: Sequence[ScoringBatches], threads: int) -> list[Scores]:
    """Score several sets with one loaded variant; one Scores per set. Raises WorkerError."""
    with Worker(f"{variant}, scoring", threads, forked=spares_an_import(variant)) as worker:
        worker.start(variant, artifact, threads)
        return [_score_set(worker, one) for one in batches]


def _score_set(worker: Worker, batches: ScoringBatches) -> Scores:
    worker.predict(batches.batches[:1])  # the first call of a runtime compiles, packs and allocates
    before = worker.ask("answered")
    cuts = range(0, len(batches.batches), _BATCHES_PER_REQUEST)
    answers = [answer for cut in cuts for answer in worker.predict(batches.batches[cut : cut + _BATCHES_PER_REQUEST])]
    logits = batches.in_text_order([logits for logits, _ in answers])
    answered = tuple(after - earlier for earlier, after in zip(before, worker.ask("answered"), strict=True))
    return Scores(logits=logits, seconds=tuple(seconds for _, seconds in answers), answered=answered)
