"""Scores of a trained model on labelled sets, by the metrics of its task, and overlap of a set with the training texts."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..checkpoints.tokenization import TypedIds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from ..checkpoints.tokenization import Ids
    from ..head import Head
    from ..labels import Label, Task
    from ..texts import Text

_EVAL_BATCH_SIZE = 64  # texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of every evaluation set, by name of the set."""

    accuracy: dict[str, float] = field(default_factory=dict)
    recall: dict[str, dict[str, float]] = field(default_factory=dict)  # then by name of the label
    f1: dict[str, float] = field(default_factory=dict)
    scores: dict[str, dict[str, float | None]] = field(
        default_factory=dict
    )  # other tasks: then by metric; None: undefined
    answers: dict[str, dict[str, list[int]]] = field(default_factory=dict)  # labels, found, tokens: one of each a text

    @property
    def figures(self) -> dict[str, Any]:
        """Fields of a TrainingReport."""
        return {"accuracy": self.accuracy, "recall": self.recall, "f1": self.f1, "scores": self.scores}

    def add(self, name: str, label_names: Sequence[str], labels: Sequence[int], found: Sequence[int]) -> None:
        """Score the set ``name`` by its class indices, true and predicted."""
        right = Counter(label for label, prediction in zip(labels, found, strict=True) if label == prediction)
        counts = Counter(labels)
        self.accuracy[name] = right.total() / len(labels)
        self.recall[name] = {label_names[label]: right[label] / counts[label] for label in sorted(counts)}
        self.f1[name] = weighted_f1(labels, found)

    def add_outputs(self, name: str, head: Head, labels: Sequence[Label], logits: npt.NDArray[np.float32]) -> None:
        """Score the set ``name`` by the answers of ``head``, which gives several labels or a score, to ``logits``."""
        found = other_scores(head.task, true_answers(head.task, labels, len(head.labels)), head.answers(logits))
        self.scores[name] = {metric: None if math.isnan(value) else value for metric, value in found.items()}


def model_inputs(ids: Ids) -> dict[str, list[int]]:
    """The inputs of one text, as a transformers tokenizer gives them."""
    return {"input_ids": [*ids], **({"token_type_ids": [*ids.types]} if isinstance(ids, TypedIds) else {})}


def predict_labels(
    model: Any, tokenizer: Any, input_ids: Sequence[Ids], batch_size: int = _EVAL_BATCH_SIZE
) -> list[int]:
    """Class index for each list of token ids."""
    found: list[int] = predict_logits(model, tokenizer, input_ids, batch_size).argmax(axis=1).tolist()
    return found


def predict_logits(
    model: Any, tokenizer: Any, input_ids: Sequence[Ids], batch_size: int = _EVAL_BATCH_SIZE
) -> npt.NDArray[np.float32]:
    """Logits ``(texts, outputs)``; texts of similar length share a batch, so that there is little padding."""
    import numpy as np
    import torch

    model.eval()
    order = sorted(range(len(input_ids)), key=lambda index: len(input_ids[index]))
    found = np.empty((len(input_ids), model.config.num_labels), dtype=np.float32)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batch = tokenizer.pad([model_inputs(input_ids[index]) for index in chosen], return_tensors="pt")
        with torch.inference_mode():
            found[chosen] = model(**batch.to(model.device)).logits.float().cpu().numpy()
    return found


def validation_scores(task: Task, prediction: Any) -> dict[str, float]:
    """Scores of transformers' EvalPrediction: logits ``(texts, outputs)`` and targets; labels are given above 0.5.

    An undefined correlation is 0: a model that gives every text the same score has learnt no order.
    """
    from ..head import Head

    logits, labels = prediction.predictions, prediction.label_ids
    if task == "single-label":
        found = logits.argmax(axis=1)
        return {"accuracy": float((found == labels).mean()), "f1": weighted_f1(labels, found)}
    outputs = logits.reshape(len(logits), -1)
    head = Head(task=task, labels=("",) * outputs.shape[1])
    true = labels.reshape(-1) if task == "score" else labels
    return {
        metric: 0.0 if math.isnan(value) else value
        for metric, value in other_scores(task, true, head.answers(outputs)).items()
    }


def true_answers(task: Task, labels: Sequence[Any], count: int) -> npt.NDArray[Any]:
    """Labels of all texts as ``Head.answers`` gives them, of ``count`` outputs."""
    import numpy as np

    from ..metrics import multi_hot

    return multi_hot(labels, count) if task == "multi-label" else np.asarray(labels)


def other_scores(task: Task, true: npt.NDArray[Any], found: npt.NDArray[Any]) -> dict[str, float]:
    """Metrics of a task other than one class per text, the one that decides first; a correlation may be NaN."""
    from .. import metrics

    if task == "multi-label":
        return {
            "macro_f1": metrics.macro_f1(true, found),
            "micro_f1": metrics.micro_f1(true, found),
            "subset_accuracy": metrics.subset_accuracy(true, found),
        }
    return {
        "spearman": metrics.spearman(true, found),
        "pearson": metrics.pearson(true, found),
        "mae": metrics.mean_absolute_error(true, found),
    }


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
