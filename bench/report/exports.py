"""What an export gave, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.cells import CAUTION
from bench.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.saved.store import VariantInfo
    from exporters.artifact import Artifact


def render_exports(variants: Mapping[str, VariantInfo], artifacts: Mapping[str, Artifact]) -> str:
    """One line per variant: its size, how near it is to the reference and where it lies, or why it failed."""
    width = max(map(len, variants))
    return "\n".join(f"{name:<{width}}  {_line(info, artifacts.get(name))}" for name, info in variants.items())


def _line(info: VariantInfo, artifact: Artifact | None) -> str:
    if artifact is None:
        return f"failed: {info.failed}"
    parity = info.parity
    near = f"labels agree on {parity['agreement']:.1%} of {parity['examples']:.0f}, logits within {parity['max_abs_diff']:.1e}"
    caution = f"; {CAUTION} {info.executed_problem}" if info.executed_problem else ""
    return f"{format_bytes(artifact.size)}, {near}{caution}: {artifact.path}"
