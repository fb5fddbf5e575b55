"""The file beside a saved run that keeps every example's logits by row hash; never a text."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench.saved.whole_file import whole_file
from exporters.errors import RunFileError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from bench.saved.store import Run
    from bench.scoring import Scores
    from bench.texts.data import LabelledSet

    Right: TypeAlias = dict[tuple[str, str], npt.NDArray[np.bool_]]  # by set and variant, in the set's order


_NO_PREDICTIONS = (OSError, ValueError, KeyError, TypeError, NotImplementedError)  # cut, of Git LFS, of another tool
_SAME = 1e-9  # by which two ways of computing an accuracy may differ


def write_predictions(path: Path, sets: Sequence[LabelledSet], scores: Mapping[tuple[str, str], Scores]) -> None:
    """Write one Parquet row per set, text and variant: row hash, true label, logits by class."""
    import pandas as pd

    by_name = {one.name: one for one in sets}
    frames = []
    for (set_name, variant), made in scores.items():
        labelled = by_name[set_name]
        columns = {"set": set_name, "row": labelled.row_hashes, "label": labelled.labels, "variant": variant}
        logits = {f"logit_{i}": made.logits[:, i] for i in range(made.logits.shape[1])}
        frames.append(pd.DataFrame({**columns, **logits}))
    frame = pd.concat(frames).astype({"set": "category", "variant": "category", "row": "category"})
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        frame.to_parquet(stream, index=False, compression="zstd")


def read_right(run: Run) -> Right:
    """Whether each example was called right, by set and variant, in the order of row hashes; empty where none were kept.

    Raises RunFileError for a file that cannot be read, or that does not give the run's own accuracy.
    """
    if not run.predictions or not (file := run.path.parent / run.predictions).is_file():
        return {}
    import pandas as pd

    try:
        frame = pd.read_parquet(file).astype({"row": str, "label": int}).sort_values("row", kind="stable")
        logits = frame[[f"logit_{index}" for index in range(len(run.checkpoint.labels))]].to_numpy(dtype=np.float32)
        frame["right"] = logits.argmax(axis=1) == frame["label"].to_numpy()
        groups = frame.groupby(["set", "variant"], observed=True)["right"]
    except _NO_PREDICTIONS as error:
        raise RunFileError(
            f"{file}: holds no predictions ({first_line(error)}); restore it, or remove it to compare without accuracy"
        ) from error
    right = {(str(name), str(variant)): np.asarray(part, dtype=np.bool_) for (name, variant), part in groups}
    for place, accuracy in _accuracies(run).items():
        if place in right and abs(right[place].mean() - accuracy) > _SAME:
            raise RunFileError(
                f"{file}: an accuracy of {right[place].mean():.4f} for {' of '.join(reversed(place))}, and {run.path.name} "
                f"says {accuracy:.4f}; restore either file"
            )
    return right


def _accuracies(run: Run) -> dict[tuple[str, str], float]:
    """What the run itself says of each set and variant."""
    measured = (one for one in run.measurements if one.metric == "accuracy" and len(one.values))
    return {(one.data or "", one.variant): fmean(one.values) for one in measured}
