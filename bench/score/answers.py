"""What a model's logits say of each text, by its task: as labels, as columns of an output, and counted over a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from ...exporters.head import Head
    from ...exporters.labels import Label
    from ...exporters.variant import Float32Array
    from .pipeline import Answered


def labels_of(head: Head, logits: Float32Array) -> list[Label]:
    """The class index, the sorted indices of the labels or the score of each text; ``logits``: (texts, outputs)."""
    answers = head.answers(logits)
    if head.task == "multi-label":
        return [tuple(np.flatnonzero(row).tolist()) for row in answers]
    found: list[Label] = answers.tolist()
    return found


def answer_kinds(head: Head) -> dict[str, Any]:
    """Columns of an output beside the logits, with their Arrow types."""
    import pyarrow as pa

    if head.task == "multi-label":
        return {"labels": pa.list_(pa.string())}
    return {"score": pa.float32()} if head.task == "score" else {"label": pa.string(), "probability": pa.float32()}


def answer_values(head: Head, answered: Answered) -> tuple[Any, ...]:
    """The cells of these columns, by text."""
    if head.task == "multi-label":
        given = ([head.labels[index] for index in one] for one in map(np.flatnonzero, head.answers(answered.logits)))
        return (np.fromiter(given, dtype=object, count=len(answered.logits)),)
    if head.task == "score":
        return (head.answers(answered.logits),)
    return np.asarray(head.labels, dtype=object)[answered.classes], answered.chances


@dataclass(slots=True, kw_only=True)
class Tally:
    """Answers of all texts of a file, added up part by part."""

    counts: Counter[str] = field(default_factory=Counter)  # texts by class, or by label
    without_label: int = 0  # texts
    scores: int = 0
    total: float = 0.0  # of the scores
    lowest: float = float("inf")
    highest: float = float("-inf")

    def add(self, table: pa.Table) -> None:
        """Add a part of the output; rows without an answer do not count."""
        if "score" in table.column_names:
            self._add_scores([score for score in table["score"].to_pylist() if score is not None])
            return
        if "labels" in table.column_names:
            some = [labels for labels in table["labels"].to_pylist() if labels is not None]
            self.counts.update(name for labels in some for name in labels)
            self.without_label += sum(not labels for labels in some)
            return
        self.counts.update(label for label in table["label"].to_pylist() if label is not None)

    def _add_scores(self, some: list[float]) -> None:
        self.scores += len(some)
        self.total += sum(some)
        self.lowest, self.highest = min([self.lowest, *some]), max([self.highest, *some])
