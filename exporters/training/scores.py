"""What a model under training is judged by on its validation set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def validation_scores(prediction: Any) -> dict[str, float]:
    """Accuracy and F1 of transformers' EvalPrediction, of logits ``(texts, classes)`` and classes ``(texts,)``."""
    found, labels = prediction.predictions.argmax(axis=1), prediction.label_ids
    return {"accuracy": float((found == labels).mean()), "f1": weighted_f1(labels, found)}


def weighted_f1(labels: Sequence[int], found: Sequence[int]) -> float:
    """F1 of each class, averaged by its texts; 0 for a class that is never found rightly."""
    import numpy as np

    true, given, total = np.asarray(labels), np.asarray(found), 0.0
    for label, count in zip(*np.unique(true, return_counts=True), strict=True):
        right = int(((true == label) & (given == label)).sum())
        total += float(count) * 2 * right / (float(count) + int((given == label).sum()))
    return total / len(true)
