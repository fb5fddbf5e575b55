"""What a saved run kept of every example: which of them each variant got right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bench.comparison.changes import Right
    from bench.store import Run


def read_right(run: Run) -> Right:
    """Whether each example was right, by set and variant, in the set's order; empty where no predictions were kept."""
    if not run.predictions or not (file := run.path.with_name(run.predictions)).is_file():
        return {}
    import pandas as pd

    frame = pd.read_parquet(file)
    logits = frame[[f"logit_{index}" for index in range(len(run.checkpoint.labels))]].to_numpy()
    frame["right"] = logits.argmax(axis=1) == frame["label"].to_numpy()
    groups = frame.groupby(["set", "variant"], observed=True)["right"]
    return {(str(name), str(variant)): np.asarray(part, dtype=np.bool_) for (name, variant), part in groups}
