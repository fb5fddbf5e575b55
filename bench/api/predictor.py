"""An artifact that labels texts, loaded in a child process."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Self

import pandas as pd

from ...exporters.checkpoints.tokenization import Pad
from ...exporters.head import sigmoid
from ...exporters.serving.served import read_served
from ..analysis.probability_calibration import probabilities
from ..machine.cpu import available_cores
from ..measure.workload import Policy
from ..score.answers import answer_values
from ..score.pipeline import Pipeline
from ..score.reading import CutReader
from ..worker.client import Worker
from .arguments import path_of
from .flags import parsed
from .texts import texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...exporters.head import Head
    from ..score.pipeline import Answered
    from .run import File

_BATCH_SIZE = 8  # texts of similar length


class Predictor:
    """The artifact in a folder, with a budget of threads; a context manager that ends its process.

    It is pickled as folder and threads, and loads again when it is first called in another process.
    """

    def __init__(self, folder: File, threads: int | None = None) -> None:
        self.folder = path_of("folder", folder).resolve()
        self.threads = parsed({"threads": threads}, ("--threads",)).threads or available_cores()
        self._served = read_served(self.folder)
        self._worker: Worker | None = None
        self._one_at_a_time = threading.Lock()

    @property
    def variant(self) -> str:
        """Name of the variant."""
        return self._served.artifact.variant

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes or labels, by index; of a score the name of the one output."""
        return self._served.head.labels

    def __call__(self, texts: Sequence[str | tuple[str, str]]) -> pd.DataFrame:
        """One row for each text: ``label``, its ``probability``, and ``probability_0``, ``probability_1``, … of each class.

        Of a multi-label model, ``labels``, a list, and the probability of each label; of a model with one score, ``score``.
        A model of pairs reads tuples of two texts. A column of a frame keeps its index. Raises DataError for what is no text and
        for a text without tokens, and WorkerError where the process died; the next call starts another.
        """
        found = texts_of(texts, pairs=self._served.pairs)
        index = texts.index if isinstance(texts, pd.Series) else None
        if not found:
            return pd.DataFrame(columns=_columns(self._served.head), index=index)
        pad, size = (self._served.pad, _BATCH_SIZE) if self._served.pad else (Pad(0), 1)
        with self._one_at_a_time:
            pipeline = Pipeline(CutReader(self._served.tokeniser), [self.open()], pad, 0)
            answered = pipeline.answer(found, Policy(padding="bucketed", batch_size=size))
        return _frame(self._served.head, answered, index)

    def open(self) -> Worker:
        """The process with the loaded artifact: started unless it still runs, and is a child of this process, not of its parent."""
        if self._worker is None or not self._worker.alive:
            worker = Worker(f"{self.variant} of {self.folder}", self.threads)
            weakref.finalize(self, worker.close)
            worker.start(self.variant, self.folder, self.threads)
            self._worker = worker
        return self._worker

    def close(self) -> None:
        """End its process; the next call starts another."""
        if self._worker is not None:
            self._worker.close()
        self._worker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Predictor], tuple[Path, int]]:
        return type(self), (self.folder, self.threads)

    def __repr__(self) -> str:
        return f"<Predictor {self.variant} of {str(self.folder)!r}, {self.threads} threads>"


def _columns(head: Head) -> list[str]:
    """Of the frame of a task."""
    if head.task == "score":
        return ["score"]
    each = [f"probability_{index}" for index in range(len(head.labels))]
    return ["labels", *each] if head.task == "multi-label" else ["label", "probability", *each]


def _frame(head: Head, answered: Answered, index: pd.Index | None) -> pd.DataFrame:
    """One row for each text."""
    columns = answer_values(head, answered)
    if head.task != "score":
        each = sigmoid(answered.logits) if head.task == "multi-label" else probabilities(answered.logits)
        columns = (*columns, *each.T)
    return pd.DataFrame(dict(zip(_columns(head), columns, strict=True)), index=index)


def load(folder: File, threads: int | None = None) -> Predictor:
    """Load an artifact, such as one of ``Recommendation.copy_to``, into a child process; ``threads``: None is every core.

    Raises UserError for a folder that is no whole artifact, and WorkerError where it cannot be loaded.
    """
    predictor = Predictor(folder, threads)
    predictor.open()
    return predictor
