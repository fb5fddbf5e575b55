"""A variant: ONNX Runtime with its default session options (all graph optimisers) and our thread budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from unittest import mock

from ...exporters.runtimes import onnx_session
from ...exporters.variants import onnx_fp32

if TYPE_CHECKING:
    from pathlib import Path

    from ...exporters.variant import Predictor


def load(artifact: Path, threads: int) -> Predictor:
    """As our own, with every optimiser enabled."""
    with mock.patch.object(onnx_session, "NOT_USED", []):
        return onnx_session.load_session(artifact, threads)


VARIANT = replace(onnx_fp32.VARIANT, load=load)
