"""The way of a text: tokenise, pad, run, classify; by one variant, and the seconds of each stage."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis.probability_calibration import probabilities
from bench.measure.workload import scoring_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from bench.measure.workload import Batch, Policy
    from bench.worker.client import Worker
    from exporters.checkpoints.tokenization import Pad, Tokeniser
    from exporters.variant import Float32Array

STAGES = ("tokenise", "pad", "run", "classify")
_BATCHES_PER_REQUEST = 4  # at most; where there are few, less, so that every process has some and all end together


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of some texts, in their order."""

    logits: Float32Array  # (texts, num_labels)
    classes: npt.NDArray[np.int64]  # (texts,)
    chances: npt.NDArray[np.float64]  # of those classes, (texts,)
    tokens: npt.NDArray[np.int32]  # of the whole texts, (texts,)
    read_tokens: int  # of all texts, as far as the model reads them
    computed_tokens: int  # with padding
    seconds: dict[str, float]  # by stage


class Pipeline:
    """Loaded ``workers`` of one variant, and what their batches are made with."""

    def __init__(self, tokeniser: Tokeniser, workers: Sequence[Worker], pad: Pad, max_length: int) -> None:
        self._tokeniser = tokeniser
        self._workers = workers
        self._pad = pad
        self._max_length = max_length

    def answer(self, texts: Sequence[str], policy: Policy, advance: Callable[[int], None] | None = None) -> Answered:
        """Classify ``texts``; ``advance`` is told of every few that are done. Raises WorkerError when a process dies."""
        clock = [time.perf_counter()]
        ids, whole = self._tokeniser(texts)
        clock.append(time.perf_counter())
        made = scoring_batches(ids, self._pad, policy, self._max_length)
        clock.append(time.perf_counter())
        stacked = np.concatenate(self.run(made.batches, advance))
        clock.append(time.perf_counter())
        logits = np.empty_like(stacked)
        logits[list(made.order)] = stacked
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
        """Logits of each batch; whichever worker is free takes the next ones."""
        answers: dict[int, Float32Array] = {}
        size = max(1, min(_BATCHES_PER_REQUEST, len(batches) // (_BATCHES_PER_REQUEST * len(self._workers))))
        starts = iter(range(0, len(batches), size))  # hands each out once, to whichever thread asks

        def work(worker: Worker) -> None:
            for start in starts:
                try:
                    found = worker.predict(batches[start : start + size])
                except BaseException:
                    list(starts)  # the others have nothing more to do
                    raise
                answers.update(enumerate((logits for logits, _ in found), start))
                if advance:
                    advance(sum(len(logits) for logits, _ in found))

        with ThreadPoolExecutor(len(self._workers)) as pool:
            list(pool.map(work, self._workers))
        return [answers[index] for index in range(len(batches))]
