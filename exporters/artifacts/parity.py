"""Parity: a variant's logits compared with those of the reference on the same batches, before anything is timed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ParityError
from ..head import SINGLE_LABEL
from ..variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..head import Head
    from ..labels import Task
    from ..variant import Float32Array, Variant

_AGREE: dict[Task, str] = {
    "single-label": "labels agree on {} of {} texts",
    "multi-label": "labels have a micro F1 of {} against its own on {} texts",
    "score": "scores explain {} of the variance over {} texts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Differences of a variant from the reference."""

    max_abs_diff: float  # of logits
    agreement: float  # share of texts with the reference's label, as ``Head.agreement``
    examples: int


def compare_logits(
    variant: Variant,
    reference: Sequence[Float32Array],
    candidate: Sequence[Float32Array],
    head: Head = SINGLE_LABEL,
) -> Parity:
    """Compare logits, one array ``(batch, num_labels)`` per batch; raise ParityError.

    Checked in this order: shapes, finite values, and logits or, for a variant without ``logits_atol``, labels.
    """
    strange = next((one for one in candidate if not isinstance(one, np.ndarray)), None)
    if strange is not None or any(one is None for one in candidate):
        raise ParityError(
            f"its predictor returns {type(strange).__name__}, expected an array of logits (texts, labels)"
        )
    shapes = [(r.shape, c.shape) for r, c in zip(reference, candidate, strict=True) if r.shape != c.shape]
    if shapes:
        expected, found = shapes[0]
        raise ParityError(f"logits have shape {found}, {REFERENCE} has {expected}")
    expected_logits, found_logits = np.concatenate(reference), np.concatenate(candidate)
    if not np.isfinite(found_logits).all():
        raise ParityError(f"logits are not finite in {_bad_rows(found_logits)} of {len(found_logits)} texts")
    parity = Parity(
        max_abs_diff=float(np.abs(expected_logits - found_logits).max()),
        agreement=head.agreement(expected_logits, found_logits),
        examples=len(expected_logits),
    )
    failures = list(_failures(variant, parity, head))
    if failures:
        raise ParityError(f"not the same model as {REFERENCE}: {'; '.join(failures)}")
    return parity


def _bad_rows(logits: Float32Array) -> int:
    return int((~np.isfinite(logits)).any(axis=1).sum())


def _failures(variant: Variant, parity: Parity, head: Head) -> list[str]:
    failures = []
    if variant.logits_atol is not None and parity.max_abs_diff > variant.logits_atol:
        failures.append(
            f"logits differ by up to {parity.max_abs_diff:.2e}, at most {variant.logits_atol:.0e} is allowed"
        )
    elif variant.logits_atol is None and parity.agreement < variant.min_agreement:
        failures.append(
            f"{_AGREE[head.task].format(f'{parity.agreement:.3f}', parity.examples)}, at least {variant.min_agreement:.3f} is asked"
        )
    return failures
