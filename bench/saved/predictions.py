"""The file beside a saved run that keeps every example's logits by row hash; never a text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from exporters.errors import RunFileError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from bench.saved.store import Run
    from bench.scoring import Scores
    from bench.texts.data import LabelledSet

    Right: TypeAlias = dict[tuple[str, str], npt.NDArray[np.bool_]]  # by set and variant, in the set's order


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
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as stream:
            frame.to_parquet(stream, index=False, compression="zstd")
            stream.flush()
            os.fsync(stream.fileno())
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


def read_right(run: Run) -> Right:
    """Whether each example was called right, by set and variant; empty where no predictions were kept."""
    if not run.predictions or not (file := run.path.parent / run.predictions).is_file():
        return {}
    import pandas as pd

    try:
        frame = pd.read_parquet(file)
        logits = frame[[f"logit_{index}" for index in range(len(run.checkpoint.labels))]].to_numpy()
        frame["right"] = logits.argmax(axis=1) == frame["label"].to_numpy()
        groups = frame.groupby(["set", "variant"], observed=True)["right"]
    except (OSError, ValueError, KeyError) as error:  # cut, a pointer of Git LFS, or of another tool
        raise RunFileError(
            f"{file}: holds no predictions ({first_line(error)}); restore it, or remove it to compare without accuracy"
        ) from error
    return {(str(name), str(variant)): np.asarray(part, dtype=np.bool_) for (name, variant), part in groups}
