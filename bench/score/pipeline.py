"""Classifies texts with one variant in four stages (tokenise, pad, run, classify), with the seconds of each."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.probability_calibration import probabilities
from ..measure.workload import scoring_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ...exporters.checkpoints.tokenization import Pad, Tokeniser
    from ...exporters.texts import Text
    from ...exporters.variant import Batch, Float32Array
    from ..measure.workload import Policy
    from ..worker.client import Worker

STAGES = ("tokenise", "pad", "run", "classify")
_BATCHES_PER_REQUEST = 4  # at most; fewer for small inputs, so that all processes have work until the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answers for some texts, in their order."""

    logits: Float32Array  # (texts, num_labels)
    classes: npt.NDArray[np.int64]  # (texts,)
    chances: npt.NDArray[np.float64]  # probability of those classes, (texts,)
    tokens: npt.NDArray[np.int32]  # before truncation, (texts,)
    read_tokens: int  # of all texts, after truncation
    computed_tokens: int  # with padding
    seconds: dict[str, float]  # by stage


class Pipeline:
    """Loaded ``workers`` of one variant, with the tokenizer and padding of their batches."""

    def __init__(self, tokeniser: Tokeniser, workers: Sequence[Worker], pad: Pad, max_length: int) -> None:
        self._tokeniser = tokeniser
        self._workers = workers
        self._pad = pad
        self._max_length = max_length

    def answer(self, texts: Sequence[Text], policy: Policy, advance: Callable[[int], None] | None = None) -> Answered:
        """Classify ``texts``; ``advance`` gets the number of texts done at a time. Raises WorkerError if a process dies."""
        clock = [time.perf_counter()]
        ids, whole = self._tokeniser(texts)
        clock.append(time.perf_counter())
        made = scoring_batches(ids, self._pad, policy, self._max_length)
        clock.append(time.perf_counter())
        rows = self.run(made.batches, advance)
        clock.append(time.perf_counter())
        logits = made.in_text_order(rows)
        classes, chances = logits.argmax(axis=1), probabilities(logits)
        clock.append(time.perf_counter())
        return Answered(
            logits=logits,
            classes=classes,
            chances=chances[np.arange(len(classes)), classes],
            tokens=np.asarray(whole, dtype=np.int32),
            read_tokens=sum(map(len, ids)),
            computed_tokens=made.computed_tokens,
            seconds=dict(zip(STAGES, np.diff(clock).tolist(), strict=True)),
        )

    def run(self, batches: Sequence[Batch], advance: Callable[[int], None] | None = None) -> list[Float32Array]:
        """Logits of each batch; a free worker takes the next batches."""
        answers: dict[int, Float32Array] = {}
        size = max(1, min(_BATCHES_PER_REQUEST, len(batches) // (_BATCHES_PER_REQUEST * len(self._workers))))
        starts = iter(range(0, len(batches), size))  # shared by the threads

        def work(worker: Worker) -> None:
            for start in starts:
                try:
                    found = worker.predict(batches[start : start + size])
                except BaseException:
                    list(starts)  # stops the other threads
                    raise
                answers.update(enumerate((logits for logits, _ in found), start))
                if advance:
                    advance(sum(len(logits) for logits, _ in found))

        with ThreadPoolExecutor(len(self._workers)) as pool:
            list(pool.map(work, self._workers))
        return [answers[index] for index in range(len(batches))]
