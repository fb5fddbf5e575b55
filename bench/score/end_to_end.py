"""Padding policies, end to end: a sample of a labelled set by each policy, from text to class."""

from __future__ import annotations

from dataclasses import dataclass
from operator import eq
from typing import TYPE_CHECKING

from ..measure.workload import PADDINGS, Policy, spread
from .answers import labels_of
from .models import Models

if TYPE_CHECKING:
    from ..pipeline.prepare import Prepared
    from ..texts.data import LabelledSet

TEXTS = 64
BATCH_SIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRun:
    """One policy on the texts."""

    seconds: dict[str, float]  # by stage
    read_tokens: int
    computed_tokens: int  # with padding
    texts: int
    right: tuple[bool, ...]  # of each text, whether it has exactly its labels; empty for scores


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToEnd:
    """One variant on one labelled set."""

    policies: tuple[PolicyRun, ...]  # in the order of PADDINGS


def measure_end_to_end(variant: str, prepared: Prepared, labelled: LabelledSet) -> EndToEnd:
    """Measure all policies in one process, in turn; raises WorkerError if it dies."""
    texts, labels = spread(labelled.texts, TEXTS), spread(labelled.labels, TEXTS)
    runs, head = [], prepared.checkpoint.head
    with Models(prepared, variant).opened(1) as opened:
        for padding in PADDINGS:
            policy = Policy(padding=padding, batch_size=BATCH_SIZE)
            # Warm-up: new shapes are compiled once, and recur in a large file.
            opened.pipeline.answer(texts[:BATCH_SIZE] if padding == "max_length" else texts, policy)
            answered = opened.pipeline.answer(texts, policy)
            runs.append(
                PolicyRun(
                    seconds=answered.seconds,
                    read_tokens=answered.read_tokens,
                    computed_tokens=answered.computed_tokens,
                    texts=len(texts),
                    right=tuple(map(eq, labels_of(head, answered.logits), labels)) if head.task != "score" else (),
                )
            )
    return EndToEnd(policies=tuple(runs))
