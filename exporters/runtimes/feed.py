"""Inputs of a model by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checkpoints.tokenization import Pad, padded_batch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..variant import Int64Array

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""Names of the arrays of a batch, as transformers has them."""


def feed(names: Collection[str], *batch: Int64Array) -> dict[str, Int64Array]:
    """A batch by input name, for a model whose inputs are called ``names``."""
    given = dict(zip(INPUTS, batch, strict=False))
    if "token_type_ids" in names and "token_type_ids" not in given:  # a text is one segment
        given["token_type_ids"] = np.zeros_like(batch[0])
    return {name: array for name, array in given.items() if name in names}


def text_feed(names: Collection[str], ids: Sequence[int]) -> dict[str, Int64Array]:
    """One text as a batch of one."""
    return feed(names, *padded_batch([ids], Pad(0)))
