"""Predictors that refuse texts beyond the model's limit, for runtimes that return wrong logits instead of an error.

OpenVINO with one thread ignores the error and returns the logits of an earlier text, also for the next text (2026.4.1); a model
compiled by AOTInductor reads beyond its position embeddings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..variant import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from ..variant import Float32Array, Int64Array, Predictor


def refusing_too_long(predict: Predictor, artifact: Path) -> Predictor:
    """``predict``, raising ValueError for batches beyond ``max_length`` in the manifest of ``artifact``, if it has one."""
    manifest = artifact / MANIFEST
    most = json.loads(manifest.read_text(encoding="utf-8")).get("max_length") if manifest.is_file() else None
    if most is None:
        return predict

    def refusing(*batch: Int64Array) -> Float32Array:
        if batch[0].shape[1] > most:
            raise ValueError(
                f"found a batch of {batch[0].shape[1]} tokens, expected at most {most}; cut the texts there"
            )
        return predict(*batch)

    return refusing
