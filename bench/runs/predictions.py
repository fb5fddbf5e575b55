"""The file beside a saved run that keeps every example's logits by row hash; never a text."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench.runs.once import once_a_run
from bench.runs.whole_file import whole_file
from exporters.errors import RunFileError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from bench.runs.scores import Scores
    from bench.runs.store import Run
    from bench.texts.data import LabelledSet

    Right: TypeAlias = dict[tuple[str, str], npt.NDArray[np.bool_]]  # by set and variant, in the set's order


_NO_PREDICTIONS = (OSError, ValueError, KeyError, TypeError, NotImplementedError)  # cut, of Git LFS, of another tool
_SAME = 1e-9  # by which two ways of computing an accuracy may differ


def write_predictions(
    path: Path,
    sets: Sequence[LabelledSet],
    scores: Mapping[tuple[str, str], Scores],
    tokens: Mapping[str, Sequence[int]],
) -> None:
    """Write one Parquet row per set, text and variant: row hash, true label, tokens of the whole text, logits by class.

    ``tokens``: of each text, by set.
    """
    import pandas as pd

    by_name = {one.name: one for one in sets}
    frames = []
    for (set_name, variant), made in scores.items():
        labelled = by_name[set_name]
        columns = {
            "set": set_name,
            "row": labelled.row_hashes,
            "label": labelled.labels,
            "tokens": np.asarray(tokens[set_name], dtype=np.int32),
            "variant": variant,
        }
        logits = {f"logit_{i}": made.logits[:, i] for i in range(made.logits.shape[1])}
        frames.append(pd.DataFrame({**columns, **logits}))
    frame = pd.concat(frames).astype({"set": "category", "variant": "category", "row": "category"})
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        frame.to_parquet(stream, index=False, compression="zstd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What every variant made of one labelled set; one order of examples, that of their row hashes."""

    rows: npt.NDArray[np.str_]  # hashes of the texts, (examples,)
    labels: npt.NDArray[np.int64]  # true class, (examples,)
    tokens: npt.NDArray[np.int32] | None  # of the whole text, (examples,); None: saved before lengths were kept
    logits: dict[str, npt.NDArray[np.float32]]  # by variant, (examples, num_labels)


@once_a_run
def read_answers(run: Run) -> dict[str, Answers]:
    """Every example's logits, by labelled set; empty where none were kept.

    Raises RunFileError for a file that cannot be read, or that does not give the run's own accuracy.
    """
    if not run.predictions or not (file := run.path.parent / run.predictions).is_file():
        return {}
    import pandas as pd

    try:
        frame = pd.read_parquet(file).astype({"row": str, "label": int}).sort_values("row", kind="stable")
        columns = [f"logit_{index}" for index in range(len(run.checkpoint.labels))]
        found: dict[str, Answers] = {}
        for (name, variant), part in frame.groupby(["set", "variant"], observed=True):
            labels = part["label"].to_numpy(dtype=np.int64)
            tokens = part["tokens"].to_numpy(dtype=np.int32) if "tokens" in part else None
            rows = part["row"].to_numpy(dtype=np.str_)
            of_set = found.setdefault(str(name), Answers(rows=rows, labels=labels, tokens=tokens, logits={}))
            if len(labels) != len(of_set.labels) or (labels != of_set.labels).any():
                raise ValueError(f"{variant} answered other examples of {name}")
            of_set.logits[str(variant)] = part[columns].to_numpy(dtype=np.float32)
    except _NO_PREDICTIONS as error:
        raise RunFileError(
            f"{file}: holds no predictions ({first_line(error)}); restore it, or remove it to compare without accuracy"
        ) from error
    _check(run, file, found)
    return found


@once_a_run
def read_right(run: Run) -> Right:
    """Whether each example was called right, by set and variant; as ``read_answers`` otherwise."""
    return {
        (name, variant): logits.argmax(axis=1) == of_set.labels
        for name, of_set in read_answers(run).items()
        for variant, logits in of_set.logits.items()
    }


def _check(run: Run, file: Path, found: Mapping[str, Answers]) -> None:
    for (name, variant), accuracy in _accuracies(run).items():
        if name not in found or variant not in found[name].logits:
            continue
        counted = float((found[name].logits[variant].argmax(axis=1) == found[name].labels).mean())
        if abs(counted - accuracy) > _SAME:
            raise RunFileError(
                f"{file}: an accuracy of {counted:.4f} for {variant} of {name}, and {run.path.name} "
                f"says {accuracy:.4f}; restore either file"
            )


def _accuracies(run: Run) -> dict[tuple[str, str], float]:
    """What the run itself says of each set and variant."""
    measured = (one for one in run.measurements if one.metric == "accuracy" and len(one.values))
    return {(one.data or "", one.variant): fmean(one.values) for one in measured}
