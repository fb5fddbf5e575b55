"""The report of ``deploybench export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.precision import cautions
from bench.units import CAUTION, format_bytes, format_percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.runs.store import VariantInfo
    from exporters.artifacts.artifact import Artifact


def render_exports(variants: Mapping[str, VariantInfo], artifacts: Mapping[str, Artifact]) -> str:
    """One line per variant: size, parity with the reference and folder, or why it failed; then cautions."""
    width = max(map(len, variants))
    lines = [f"{name:<{width}}  {_line(info, artifacts.get(name))}" for name, info in variants.items()]
    lines += [f"{CAUTION} {name}: {caution}" for name, info in variants.items() for caution in cautions(info)]
    return "\n".join(lines)


def _line(info: VariantInfo, artifact: Artifact | None) -> str:
    if artifact is None:
        return f"failed: {info.failed}"
    parity = info.parity
    agreement, examples = format_percent(parity["agreement"]), int(parity["examples"])
    near = f"labels agree on {agreement} of {examples}, logits within {parity['max_abs_diff']:.1e}"
    return f"{format_bytes(artifact.size)}, {near}: {artifact.path}"
