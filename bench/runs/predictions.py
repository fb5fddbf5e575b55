"""What each variant predicted for every example: kept beside a saved run by row hash, never with a text."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import numpy as np

from ...exporters.errors import RunFileError, first_line
from ...exporters.files import whole_file
from ...exporters.head import SINGLE_LABEL, same
from ...exporters.metrics import multi_hot
from .store import once_a_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ...exporters.head import Head
    from ...exporters.labels import Label
    from ...exporters.variant import Float32Array
    from .store import Run

    Judged: TypeAlias = "npt.NDArray[np.bool_] | Answers"  # Answers: of several labels and of scores
    Right: TypeAlias = dict[tuple[str, str], Judged]  # by set and variant, in the set's order


_NO_PREDICTIONS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    NotImplementedError,
)  # truncated, a Git LFS pointer, another tool
UNLABELLED = "texts without labels"  # in place of the name of a set
NO_LABEL = -1  # in place of the class of a text without a label
_SAME = 1e-9  # rounding between two ways of computing an accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One variant's predictions on one labelled set."""

    logits: Float32Array  # (rows, num_labels), in the set's order
    seconds: tuple[float, ...]  # of each batch
    answered: tuple[int, ...] = ()  # of a cascade: texts by stage

    def as_json(self) -> dict[str, Any]:
        """JSON-able, exact to the last bit."""
        text = base64.b64encode(self.logits.astype("<f4").tobytes()).decode("ascii")
        return {"logits": text, "shape": self.logits.shape, "seconds": self.seconds, "answered": self.answered}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """Inverse of ``as_json``."""
        logits = np.frombuffer(base64.b64decode(saved["logits"]), dtype="<f4").reshape(saved["shape"])
        return cls(
            logits=logits.astype(np.float32),
            seconds=tuple(saved["seconds"]),
            answered=tuple(saved.get("answered", ())),
        )


class Texts(Protocol):
    """A labelled set, or texts without labels."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def row_hashes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def labels(self) -> tuple[Label, ...]: ...  # noqa: D102
    @property
    def queries(self) -> tuple[str, ...]: ...  # noqa: D102


def write_predictions(
    path: Path,
    sets: Sequence[Texts],
    scores: Mapping[tuple[str, str], Scores],
    tokens: Mapping[str, Sequence[int]],
    head: Head = SINGLE_LABEL,
) -> None:
    """Write one Parquet row per set, text and variant: row hash, true label, tokens of the untruncated text, logits by output.

    ``tokens``: number of tokens of each text, by set. Scores of texts that answer a query have its hash as well.
    """
    import pandas as pd

    by_name = {one.name: one for one in sets}
    frames = []
    for (set_name, variant), made in scores.items():
        labelled = by_name[set_name]
        columns = {
            "set": set_name,
            "row": labelled.row_hashes,
            **_label_columns(labelled.labels, head),
            **({"query": list(labelled.queries) or ""} if head.task == "score" else {}),
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
    """Every variant's logits on one labelled set; examples are in the order of their row hashes."""

    rows: npt.NDArray[np.str_]  # hashes of the texts, (examples,)
    labels: npt.NDArray[
        Any
    ]  # as ``Head.answers``: class, NO_LABEL for texts without labels; 0 and 1; or number, then NaN
    tokens: npt.NDArray[np.int32] | None  # of the untruncated text, (examples,); None: saved before lengths were kept
    logits: dict[str, npt.NDArray[np.float32]]  # by variant, (examples, outputs)
    head: Head = SINGLE_LABEL
    queries: npt.NDArray[np.str_] | None = None  # of scores, (examples,): hash of the query; None: examples answer none

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which examples have a label, ``(examples,)``."""
        if self.head.task == "multi-label":
            known: npt.NDArray[np.bool_] = (self.labels != NO_LABEL).all(axis=1)
            return known
        return ~np.isnan(self.labels) if self.head.task == "score" else self.labels != NO_LABEL

    def answers(self, variant: str) -> npt.NDArray[Any]:
        """What a variant says of each example, as ``Head.answers``."""
        return self.head.answers(self.logits[variant])

    def right(self, variant: str) -> npt.NDArray[np.bool_]:
        """Whether the variant gives each example its class, or exactly its labels, ``(examples,)``; none of scores."""
        return same(self.answers(variant), self.labels)

    def where(self, chosen: npt.NDArray[Any]) -> Answers:
        """The examples that ``chosen`` indexes, without their lengths."""
        return replace(
            self,
            rows=self.rows[chosen],
            labels=self.labels[chosen],
            tokens=None,
            logits={name: of_variant[chosen] for name, of_variant in self.logits.items()},
            queries=None if self.queries is None else self.queries[chosen],
        )


@once_a_run
def missing_predictions(run: Run) -> str:
    """Why no answers are known of a run whose file names some: their file was not kept beside it; empty where there is none."""
    lost = run.predictions and not (run.path.parent / run.predictions).is_file()
    return f"{run.predictions} is not beside {run.path.name}" if lost else ""


def read_answers(run: Run) -> dict[str, Answers]:
    """Every example's logits, by labelled set; empty if none were saved. Raises RunFileError as ``read_scored`` does."""
    return {name: one for name, one in read_scored(run).items() if one.known.any()}


@once_a_run
def read_scored(run: Run) -> dict[str, Answers]:
    """As ``read_answers``, with the texts without labels.

    Raises RunFileError for a file that cannot be read, or that contradicts the accuracy in the run.
    """
    if not run.predictions or not (file := run.path.parent / run.predictions).is_file():
        return {}
    import pandas as pd

    try:
        frame = pd.read_parquet(file).astype({"row": str}).sort_values("row", kind="stable")
        head = run.checkpoint.head
        columns = [f"logit_{index}" for index in range(len(run.checkpoint.labels))]
        found: dict[str, Answers] = {}
        for (name, variant), part in frame.groupby(["set", "variant"], observed=True):
            labels = _labels_in(part, head)
            tokens = part["tokens"].to_numpy(dtype=np.int32) if "tokens" in part else None
            rows = part["row"].to_numpy(dtype=np.str_)
            queries = part["query"].to_numpy(dtype=np.str_) if "query" in part and (part["query"] != "").any() else None
            answers = Answers(rows=rows, labels=labels, tokens=tokens, logits={}, head=head, queries=queries)
            of_set = found.setdefault(str(name), answers)
            if not np.array_equal(labels, of_set.labels, equal_nan=head.task == "score"):
                raise ValueError(f"examples of {name} differ between variants, at {variant}")
            of_set.logits[str(variant)] = part[columns].to_numpy(dtype=np.float32)
    except _NO_PREDICTIONS as error:
        raise RunFileError(
            f"{file}: no predictions can be read ({first_line(error)}); restore it, or remove it to compare without accuracy"
        ) from error
    _check(run, file, found)
    return found


@once_a_run
def read_right(run: Run) -> Right:
    """Whether each example was classified correctly, by set and variant; raises RunFileError as ``read_answers`` does.

    Of several labels and of scores all answers of the set: what is compared of them is no share of right ones.
    """
    return {
        (name, variant): of_set.right(variant) if of_set.head.task == "single-label" else of_set
        for name, of_set in read_answers(run).items()
        for variant in of_set.logits
    }


def _label_columns(labels: Sequence[Label], head: Head) -> dict[str, Any]:
    """Columns of a file: ``label``, or for several labels ``label_0`` … with 0, 1, or NO_LABEL."""
    if head.task == "score":
        # Any number is a label, NO_LABEL as well: texts without one are refused.
        return {"label": np.asarray(labels, dtype=np.float64)}
    if head.task == "single-label":
        return {"label": labels}
    known = np.array([one != NO_LABEL for one in labels])
    given = np.full((len(labels), len(head.labels)), NO_LABEL, dtype=np.int8)
    given[known] = multi_hot([one for one in labels if one != NO_LABEL], len(head.labels))
    return {f"label_{index}": given[:, index] for index in range(len(head.labels))}


def _labels_in(part: Any, head: Head) -> npt.NDArray[Any]:
    if head.task == "multi-label":
        return part[[f"label_{index}" for index in range(len(head.labels))]].to_numpy(dtype=np.int8)
    return part["label"].to_numpy(dtype=np.float64 if head.task == "score" else np.int64)


def _check(run: Run, file: Path, found: Mapping[str, Answers]) -> None:
    for (name, variant), accuracy in _accuracies(run).items():
        if name not in found or variant not in found[name].logits:
            continue
        counted = float(found[name].right(variant).mean())
        if abs(counted - accuracy) > _SAME:
            raise RunFileError(
                f"{file}: accuracy of {variant} on {name} is {counted:.4f}, expected {accuracy:.4f} as in {run.path.name}; "
                "restore either file"
            )


def _accuracies(run: Run) -> dict[tuple[str, str], float]:
    """Accuracy in the run, by set and variant."""
    measured = (one for one in run.measurements if one.metric == "accuracy" and len(one.values))
    return {(one.data or "", one.variant): fmean(one.values) for one in measured}
