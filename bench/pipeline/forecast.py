"""What a run is going to do, and about how long it takes: a line at its start, and the parts of its bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..units import counted, format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .options import Options

_TRAINING_S = 15.0  # of the demonstration
_LEAST_S, _PER_MB_S = 2.0, 0.1  # to export and check a variant, by the size of the checkpoint's weights
_USUAL_MB = 100.0  # of a checkpoint that is not read yet
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
# Of the time budget; a quick run of a small model ends before it.
_SHARES = {"accuracy": 0.3, "latency": 0.4, "memory": 0.2, "load": 0.01, "invariance": 0.04, "throughput": 0.05}


def export_part(options: Options) -> str:
    """The name of the part in which a model is exported."""
    return f"export {options.model}".strip()


def expected_parts(models: Sequence[Options]) -> Mapping[str, float]:
    """Expected seconds by part, of a run that exports every variant of every model."""
    exports = {export_part(options): _exports_s(options) for options in models}
    return {**exports, **{name: share * models[0].time_budget for name, share in _SHARES.items()}}


def plan_line(models: Sequence[Options]) -> str:
    """One line: what the run does, and how long."""
    exports = format_duration(round(sum(map(_exports_s, models)), -1))
    training = "" if models[0].checkpoint else "train, "
    most = format_duration(models[0].time_budget).removesuffix(" 00 s")
    return f"plan: {training}export and check {counted_variants(models)} (about {exports}), measure ({most})"


def counted_variants(models: Sequence[Options]) -> str:
    """How many are exported: ``12 variants``, ``10–12 variants of 3 models``."""
    fewest, most = min(len(one.variants) for one in models), max(len(one.variants) for one in models)
    return f"{fewest}–" * (fewest < most) + counted(most, "variant") + f" of {len(models)} models" * (len(models) > 1)


def _exports_s(options: Options) -> float:
    exports = len(options.variants) * (_LEAST_S + _PER_MB_S * _weights_mb(options.checkpoint))
    return exports if options.checkpoint else _TRAINING_S + exports


def _weights_mb(checkpoint: str | None) -> float:
    if checkpoint is None:
        return 0.0
    folder = Path(checkpoint)
    sizes = [file.stat().st_size for pattern in _WEIGHTS for file in folder.glob(pattern)] if folder.is_dir() else []
    return sum(sizes) / 1e6 if sizes else _USUAL_MB
