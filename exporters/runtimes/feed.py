"""Inputs of a model that ONNX Runtime or OpenVINO runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from deploybench.exporters.variant import Int64Array


def feed(names: Collection[str], input_ids: Int64Array, attention_mask: Int64Array) -> dict[str, Int64Array]:
    """A batch by input name, for a model whose inputs are called ``names``."""
    given = {"input_ids": input_ids, "attention_mask": attention_mask}
    if "token_type_ids" in names:  # a text is one segment
        given["token_type_ids"] = np.zeros_like(input_ids)
    return {name: array for name, array in given.items() if name in names}


def text_feed(names: Collection[str], ids: Sequence[int]) -> dict[str, Int64Array]:
    """One text as a batch of one."""
    input_ids = np.asarray([ids], dtype=np.int64)
    return feed(names, input_ids, np.ones_like(input_ids))
