"""Scores of a trained model: predicted labels, accuracy, recall, F1, and overlap of a set with the training texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..checkpoints.tokenization import TypedIds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..checkpoints.tokenization import Ids
    from ..texts import Text

_EVAL_BATCH_SIZE = 64  # texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of every evaluation set, by name of the set."""

    accuracy: dict[str, float] = field(default_factory=dict)
    recall: dict[str, dict[str, float]] = field(default_factory=dict)  # then by name of the label
    f1: dict[str, float] = field(default_factory=dict)
    answers: dict[str, dict[str, list[int]]] = field(default_factory=dict)  # labels, found, tokens: one of each a text

    @property
    def figures(self) -> dict[str, Any]:
        """Fields of a TrainingReport."""
        return {"accuracy": self.accuracy, "recall": self.recall, "f1": self.f1}

    def add(self, name: str, label_names: Sequence[str], labels: Sequence[int], found: Sequence[int]) -> None:
        """Score the set ``name`` by its class indices, true and predicted."""
        right = Counter(label for label, prediction in zip(labels, found, strict=True) if label == prediction)
        counts = Counter(labels)
        self.accuracy[name] = right.total() / len(labels)
        self.recall[name] = {label_names[label]: right[label] / counts[label] for label in sorted(counts)}
        self.f1[name] = weighted_f1(labels, found)


def model_inputs(ids: Ids) -> dict[str, list[int]]:
    """The inputs of one text, as a transformers tokenizer gives them."""
    return {"input_ids": [*ids], **({"token_type_ids": [*ids.types]} if isinstance(ids, TypedIds) else {})}


def predict_labels(
    model: Any, tokenizer: Any, input_ids: Sequence[Ids], batch_size: int = _EVAL_BATCH_SIZE
) -> list[int]:
    """Class index for each list of token ids; texts of similar length share a batch, so that there is little padding."""
    import torch

    model.eval()
    order = sorted(range(len(input_ids)), key=lambda index: len(input_ids[index]))
    found = [0] * len(input_ids)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batch = tokenizer.pad([model_inputs(input_ids[index]) for index in chosen], return_tensors="pt")
        with torch.inference_mode():
            logits = model(**batch.to(model.device)).logits
        for index, label in zip(chosen, logits.argmax(-1).tolist(), strict=True):
            found[index] = label
    return found


def validation_scores(prediction: Any) -> dict[str, float]:
    """Accuracy and F1 of transformers' EvalPrediction: logits ``(texts, classes)`` and classes ``(texts,)``."""
    found, labels = prediction.predictions.argmax(axis=1), prediction.label_ids
    return {"accuracy": float((found == labels).mean()), "f1": weighted_f1(labels, found)}


def weighted_f1(labels: Sequence[int], found: Sequence[int]) -> float:
    """F1 of each class, averaged with its texts as weights; 0 for a class that is never predicted correctly."""
    import numpy as np

    true, given, total = np.asarray(labels), np.asarray(found), 0.0
    for label, count in zip(*np.unique(true, return_counts=True), strict=True):
        right = int(((true == label) & (given == label)).sum())
        total += float(count) * 2 * right / (float(count) + int((given == label).sum()))
    return total / len(true)


def overlapping_texts(trained: Sequence[Text], scored: Mapping[str, Sequence[Text]]) -> dict[str, int]:
    """For each set, how many of its texts are also training texts, letter by letter: its accuracy is too high by those."""
    known = set(trained)
    return {name: sum(text in known for text in texts) for name, texts in scored.items()}
