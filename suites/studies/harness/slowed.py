"""A variant: ONNX Runtime slowed by a given share, which a duel must find."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from ....exporters.runtimes.onnx_session import load_session
from ....exporters.variants import onnx_fp32

if TYPE_CHECKING:
    from pathlib import Path

    from ....exporters.variant import Float32Array, Int64Array, Predictor

SHARE_FILE = "slowed"  # in the artifact's folder: the share by which its predictor is slowed, "0.03"


def _load(artifact: Path, threads: int) -> Predictor:
    """The artifact's predictor with a busy wait after each call, because sleeping would use no CPU time."""
    predict, share = load_session(artifact, threads), float((artifact / SHARE_FILE).read_text(encoding="ascii"))

    def slowed(input_ids: Int64Array, attention_mask: Int64Array) -> Float32Array:
        start = time.perf_counter_ns()
        logits = predict(input_ids, attention_mask)
        now = time.perf_counter_ns()
        end = now + share * (now - start)
        while time.perf_counter_ns() < end:
            pass
        return logits

    return slowed


VARIANT = dataclasses.replace(onnx_fp32.VARIANT, load=_load)
