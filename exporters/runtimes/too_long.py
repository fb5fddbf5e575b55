"""Texts that are longer than a model takes: refused by the predictor, where its runtime would answer with something else.

OpenVINO with one thread swallows the error, and gives the logits of the text before, to the next text as well (2026.4.1); what
AOTInductor compiled reads beside the table of positions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exporters.variant import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from exporters.variant import Float32Array, Int64Array, Predictor


def refusing_too_long(predict: Predictor, artifact: Path) -> Predictor:
    """``predict``, but a ValueError for batches of more tokens than the manifest of ``artifact`` says, if it says any."""
    manifest = artifact / MANIFEST
    most = json.loads(manifest.read_text(encoding="utf-8")).get("max_length") if manifest.is_file() else None
    if most is None:
        return predict

    def refusing(input_ids: Int64Array, attention_mask: Int64Array) -> Float32Array:
        if input_ids.shape[1] > most:
            raise ValueError(
                f"found a batch of {input_ids.shape[1]} tokens, expected at most {most}; cut the texts there"
            )
        return predict(input_ids, attention_mask)

    return refusing
