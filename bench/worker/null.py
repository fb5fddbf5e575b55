"""A variant that does nothing: its time is that of the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...exporters.variant import ExportJob, Float32Array, Int64Array, Predictor, Variant

if TYPE_CHECKING:
    from pathlib import Path

_LOGITS: Float32Array = np.zeros((1, 2), dtype=np.float32)


def _export(_: ExportJob) -> None:
    """Nothing to write."""


def _load(_artifact: Path, _threads: int) -> Predictor:
    def predict(*_batch: Int64Array) -> Float32Array:
        return _LOGITS

    return predict


VARIANT = Variant(runtime="none", precision="fp32", packages=(), imports=(), export=_export, load=_load)
