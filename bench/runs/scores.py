"""What one variant made of one labelled set."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from exporters.variant import Float32Array


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
