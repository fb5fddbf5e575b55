"""Every variant scores the whole labelled set; the logits of every example are kept beside the run."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bench.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.workload import ScoringBatches
    from exporters.variant import Float32Array


_BATCHES_PER_REQUEST = 16  # a worker's silence is limited by the request, not by the size of the set


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What one variant made of one labelled set."""

    logits: Float32Array  # (rows, num_labels), in the set's order
    seconds: tuple[float, ...]  # of each batch

    def as_json(self) -> dict[str, Any]:
        """All of it, to the last bit, as what ``json`` can write."""
        text = base64.b64encode(self.logits.astype("<f4").tobytes()).decode("ascii")
        return {"logits": text, "shape": self.logits.shape, "seconds": self.seconds}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """What ``as_json`` gave."""
        logits = np.frombuffer(base64.b64decode(saved["logits"]), dtype="<f4").reshape(saved["shape"])
        return cls(logits=logits.astype(np.float32), seconds=tuple(saved["seconds"]))


def score(variant: str, artifact: Path, batches: Sequence[ScoringBatches], threads: int) -> list[Scores]:
    """Score several sets with one loaded variant, one Scores per set."""
    with Worker(f"{variant}, scoring", threads) as worker:
        worker.start(variant, artifact, threads)
        return [_score_set(worker, one) for one in batches]


def _score_set(worker: Worker, batches: ScoringBatches) -> Scores:
    worker.predict(batches.batches[:1])  # the first call of a runtime compiles, packs and allocates
    cuts = range(0, len(batches.batches), _BATCHES_PER_REQUEST)
    answers = [answer for cut in cuts for answer in worker.predict(batches.batches[cut : cut + _BATCHES_PER_REQUEST])]
    stacked = np.concatenate([logits for logits, _ in answers])
    logits = np.empty_like(stacked)
    logits[list(batches.order)] = stacked
    return Scores(logits=logits, seconds=tuple(seconds for _, seconds in answers))
