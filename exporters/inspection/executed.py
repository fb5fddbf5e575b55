"""The precision in which a variant really computes: that of the matrix products that its runtime executed.

The variant is loaded by its own ``load``, which knows its settings, under a trace of its runtime.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from typing import TYPE_CHECKING

from ..artifacts.catalogue import find_variant
from ..errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

    from ..variant import Batch, Variant


def trace_module(variant: Variant) -> str:
    """The module that sees what the runtime of a variant executes."""
    return variant.trace or f"deploybench.exporters.inspection.trace_{variant.runtime}"


def executed_precision(name: str, artifact: Path, threads: int, batch: Batch) -> dict[str, dict[str, float]]:
    """Multiply-adds of one forward pass by precision: ``{"weights": {"int8": 3.4e10}, "attention": {"fp32": 1.2e9}}``.

    Weights: products with a constant of the model, which a precision is chosen for. Attention: scores and values, products of
    two activations; counted separately, since they grow with the square of the length (a ninth of all at ALBERT-base's 512
    tokens) and most int8 variants rightly leave them in fp32.

    To be called in a process of its own: it changes the runtime's settings. Raises ExportError for a runtime without a trace,
    or if no product was seen.
    """
    variant = find_variant(name)
    if variant.stages:
        raise ExportError("it runs its stages, each in the formats of that variant's own row")
    trace = trace_module(variant)
    if importlib.util.find_spec(trace) is None:
        raise ExportError(
            f"there is no trace of the runtime {variant.runtime!r}; write {trace}, or name one in Variant.trace"
        )
    products = importlib.import_module(trace).products(lambda: variant.load(artifact, threads), batch)
    counts: dict[str, Counter[str]] = {"weights": Counter(), "attention": Counter()}
    for product in products:
        counts[product.kind][product.precision] += product.multiply_adds
    if not counts["weights"]:
        raise ExportError(f"no matrix product was seen in {variant.runtime}")
    return {kind: dict(by_precision) for kind, by_precision in counts.items()}
