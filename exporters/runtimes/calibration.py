"""Training texts as a static quantiser is fed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from exporters.variant import Int64Array


def calibration_feed(ids: Sequence[int], names: Collection[str]) -> dict[str, Int64Array]:
    """One text as a batch of one, for those of a model's inputs that are among ``names``."""
    input_ids = np.asarray([ids], dtype=np.int64)
    feed = {
        "input_ids": input_ids,
        "attention_mask": np.ones_like(input_ids),
        "token_type_ids": np.zeros_like(input_ids),
    }
    return {name: array for name, array in feed.items() if name in names}
