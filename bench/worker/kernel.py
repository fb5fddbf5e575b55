"""A fixed numeric kernel, which depends on NumPy alone: timed beside the rows of a run, it shows how fast the machine was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...exporters.variant import ExportJob, Float32Array, Int64Array, Predictor, Variant

if TYPE_CHECKING:
    from pathlib import Path

_ROWS, _WIDTH = 128, 768  # of a product; as many operations as a linear layer of ALBERT-base at 128 tokens


def _export(_: ExportJob) -> None:
    """Nothing to write."""


def _load(_artifact: Path, _threads: int) -> Predictor:
    """Threads are those of the environment."""
    left = np.ones((_ROWS, _WIDTH), dtype=np.float32)
    right = np.ones((_WIDTH, _WIDTH), dtype=np.float32)
    product = np.empty((_ROWS, _WIDTH), dtype=np.float32)

    def predict(*_batch: Int64Array) -> Float32Array:
        np.matmul(left, right, out=product)
        return product[:1, :2]

    return predict


VARIANT = Variant(runtime="none", precision="fp32", packages=(), imports=(), export=_export, load=_load)
