"""Batch invariance: whether a text's logits depend on the other texts of its batch and on padding.

fp32 differs in the last digits between shapes; int8 that scales its activations by the whole batch differs by far more.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...exporters.checkpoints.tokenization import padded_batch
from ...exporters.errors import WorkerError
from ...exporters.head import SINGLE_LABEL
from ..runs.metrics import ARRANGEMENTS
from ..worker.client import Worker, spares_an_import
from .workload import full_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...exporters.head import Head
    from ...exporters.variant import Batch, Float32Array
    from .workload import Sample

TEXTS = 32
BATCH_SIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariance:
    """How predictions differ from those of each text alone; one value for each of ARRANGEMENTS."""

    flips: tuple[
        float, ...
    ]  # share of texts that get another class or other labels; of scores, of pairs in another order
    changes: tuple[float, ...]  # largest change of a logit
    seconds: tuple[float, ...]  # that each text alone took


def measure_invariance(
    variant: str, artifact: Path, sample: Sample, threads: int, head: Head = SINGLE_LABEL
) -> Invariance:
    """Predict the texts of ``sample`` alone and in every arrangement; raises WorkerError when the process dies."""
    alone = [padded_batch([text], sample.pad) for text in sample.tokens]
    with Worker(f"{variant}, batch invariance", threads, forked=spares_an_import(variant)) as worker:
        worker.start(variant, artifact, threads)
        answers = worker.predict(alone)
        expected = np.concatenate([logits for logits, _ in answers])
        arranged = (arrange(sample, arrangement) for arrangement in ARRANGEMENTS)
        found = [_in_order(worker.predict(batches), order) for batches, order in arranged]
    if not all(np.isfinite(one).all() for one in (expected, *found)):
        raise WorkerError(f"{variant}: logits are not finite")
    return Invariance(
        flips=tuple(head.changed(expected, one) for one in found),
        changes=tuple(float(np.abs(one - expected).max()) for one in found),
        seconds=tuple(seconds for _, seconds in answers),
    )


def arrange(sample: Sample, arrangement: str) -> tuple[list[Batch], list[list[int]]]:
    """Batches, and for each the indices of the texts in its first rows; a further row is the long neighbour."""
    numbers = list(range(len(sample.tokens)))
    if arrangement == "shuffled":
        random.Random(1).shuffle(numbers)  # noqa: S311 - no secret
    beside = BATCH_SIZE - (arrangement == "long_neighbour")
    order = [numbers[start : start + beside] for start in range(0, len(numbers), beside)]
    batches = []
    for chosen in order:
        texts = [sample.tokens[number] for number in chosen]
        if arrangement == "long_neighbour":
            texts.append(full_text(sample.tokens, sample.max_length))
        batches.append(padded_batch(texts, sample.pad, sample.max_length if arrangement == "padded" else 0))
    return batches, order


def _in_order(answers: Sequence[tuple[Float32Array, float]], order: Sequence[Sequence[int]]) -> Float32Array:
    stacked = np.concatenate([logits[: len(chosen)] for (logits, _), chosen in zip(answers, order, strict=True)])
    logits = np.empty_like(stacked)
    logits[[number for chosen in order for number in chosen]] = stacked
    return logits
