"""Ways to read texts that are longer than a model takes, on the same texts: how good the answers are, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ...exporters.checkpoints.long_texts import CUTS, cut, pooled, windows_of
from ...exporters.head import same
from ...exporters.metrics import multi_hot
from ..runs.metrics import WAYS
from .labelled_set import score
from .workload import Policy, scoring_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ...exporters.checkpoints.long_texts import Pool, Whole, Windows
    from ...exporters.checkpoints.tokenization import Ids, Pad
    from ...exporters.head import Head
    from ...exporters.labels import Label
    from ...exporters.variant import Float32Array

    Inputs: TypeAlias = dict[str, list[Ids]]  # of one text, by way of WAYS

BATCH_SIZE = 8  # texts or windows, of similar length


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way on all texts."""

    quality: tuple[float, ...]  # as of ``quality``
    tokens: tuple[int, ...]  # of each text, computed, without padding
    seconds: float  # of all forward passes


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTexts:
    """One variant on one labelled set."""

    readings: tuple[Reading, ...]  # in the order of WAYS


def inputs_of(text: Whole, length: int, windows: Windows) -> Inputs:
    """What a model reads of a text: at most ``length`` tokens of it, or its windows."""
    return {**{which: [cut(text, length, which)] for which in CUTS}, "windows": windows_of(text, windows)}


def distinct(texts: Iterable[Inputs]) -> dict[tuple[int, ...], Ids]:
    """Every input once: a text that is cut nowhere is the same in all ways."""
    return {tuple(ids): ids for text in texts for inputs in text.values() for ids in inputs}


def measure_long_texts(  # noqa: PLR0913 - what is measured, by name
    variant: str,
    artifact: Path,
    texts: Sequence[Inputs],
    labels: Sequence[Label],
    *,
    head: Head,
    pool: Pool,
    pad: Pad,
    threads: int,
) -> LongTexts:
    """Compute every distinct input once, and judge each way by its own; raises WorkerError."""
    inputs = distinct(texts)
    batches = scoring_batches([*inputs.values()], pad, Policy(padding="bucketed", batch_size=BATCH_SIZE), 0)
    [made] = score(variant, artifact, [batches], threads)
    each = [
        np.full(len(batch[0]), seconds / len(batch[0]))
        for batch, seconds in zip(batches.batches, made.seconds, strict=True)
    ]
    seconds, places = batches.in_text_order(each), {key: place for place, key in enumerate(inputs)}

    def reading(way: str) -> Reading:
        rows = [places[tuple(ids)] for text in texts for ids in text[way]]
        logits = pooled(made.logits[rows], [len(text[way]) for text in texts], pool)
        return Reading(
            quality=quality(head, logits, labels),
            tokens=tuple(sum(map(len, text[way])) for text in texts),
            seconds=float(seconds[rows].sum()),
        )

    return LongTexts(readings=tuple(map(reading, WAYS)))


def quality(head: Head, logits: Float32Array, labels: Sequence[Label]) -> tuple[float, ...]:
    """Of each text 1.0 or 0.0: whether it has its class, or exactly its labels.

    Of scores Spearman's correlation; none where all labels or all scores are equal.
    """
    answers = head.answers(logits)
    if head.task == "score":
        from scipy.stats import spearmanr

        expected = np.asarray(labels, dtype=np.float64)
        return (float(spearmanr(answers, expected).statistic),) if np.ptp(answers) and np.ptp(expected) else ()
    truth = np.asarray(labels) if head.task == "single-label" else multi_hot(labels, len(head.labels))
    return tuple(same(answers, truth).astype(float).tolist())
