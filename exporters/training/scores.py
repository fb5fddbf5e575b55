"""What a model under training is judged by on its validation set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def validation_scores(prediction: Any) -> dict[str, float]:
    """Accuracy and F1 of transformers' EvalPrediction, of logits ``(texts, classes)`` and classes ``(texts,)``."""
    found = np.asarray(prediction.predictions).argmax(axis=1)
    labels = np.asarray(prediction.label_ids)
    return {"accuracy": float((found == labels).mean()), "f1": weighted_f1(labels, found)}


def weighted_f1(labels: npt.NDArray[np.int64], found: npt.NDArray[np.int64]) -> float:
    """F1 of each class, averaged by its texts; 0 for a class that is never found rightly."""
    total = 0.0
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        right = int(((labels == label) & (found == label)).sum())
        total += float(count) * 2 * right / (float(count) + int((found == label).sum()))
    return total / len(labels)
