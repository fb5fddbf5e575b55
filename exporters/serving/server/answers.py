"""Predictions from logits, as Text Embeddings Inference gives them: all labels, the most likely first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


class Head:
    """What the outputs of an artifact mean, by its manifest."""

    def __init__(self, artifact: Path) -> None:
        manifest = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
        self.task: str = manifest.get("task", "single-label")
        self.labels: list[str] = manifest["labels"]
        self._sigmoid = self.task == "multi-label" or manifest.get("sigmoid", False)
        self.info = {
            "model_id": manifest["variant"],
            "task": self.task,
            "labels": self.labels,
            "thresholds": manifest.get("thresholds")
            or ([0.5] * len(self.labels) if self.task == "multi-label" else []),
        }

    def predictions(self, logits: npt.NDArray[np.float32], *, raw: bool) -> list[dict[str, Any]]:
        """Score and label of each output ``(outputs,)``: a probability, or of ``raw`` ones and of a score the output itself."""
        scores = logits.astype(np.float64)
        if not raw and self._sigmoid:
            scores = np.exp(-np.logaddexp(0, -scores))
        elif not raw and self.task == "single-label":
            scores = np.exp(scores - np.logaddexp.reduce(scores))
        return [
            {"score": float(scores[place]), "label": self.labels[place]} for place in np.argsort(-scores, kind="stable")
        ]
