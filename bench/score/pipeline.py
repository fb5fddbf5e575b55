"""Classifies texts with one variant in four stages (tokenise, pad, run, classify), with the seconds of each."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.probability_calibration import probabilities
from ..measure.workload import scoring_batches
from .cascading import run_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ...exporters.checkpoints.tokenization import Pad
    from ...exporters.texts import Text
    from ...exporters.variant import Batch, Float32Array
    from ..measure.workload import Policy
    from ..worker.client import Worker
    from .reading import Reader

STAGES = ("tokenise", "pad", "run", "classify")
_BATCHES_PER_REQUEST = 4  # at most; fewer for small inputs, so that all processes have work until the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answers for some texts, in their order."""

    logits: Float32Array  # (texts, num_labels)
    classes: npt.NDArray[np.int64]  # (texts,)
    chances: npt.NDArray[np.float64]  # probability of those classes, (texts,)
    tokens: npt.NDArray[np.int32]  # before truncation, (texts,)
    windows: npt.NDArray[np.int32]  # by which each text was read, (texts,); all 1 where texts are cut
    read_tokens: int  # of all texts, after truncation; of windows, which overlap, each counts
    computed_tokens: int  # with padding
    seconds: dict[str, float]  # by stage


class Pipeline:
    """Loaded ``workers`` of one variant, with the reader and padding of their batches.

    ``thresholds``: of a cascade's stages.
    """

    def __init__(
        self,
        reader: Reader,
        workers: Sequence[Worker],
        pad: Pad,
        max_length: int,
        thresholds: Sequence[float] = (),
    ) -> None:
        self._reader = reader
        self._workers = workers
        self._pad = pad
        self._max_length = max_length
        self._thresholds = thresholds

    def answer(self, texts: Sequence[Text], policy: Policy, advance: Callable[[int], None] | None = None) -> Answered:
        """Classify ``texts``; ``advance`` gets the number of texts done at a time. Raises WorkerError if a process dies."""
        clock = [time.perf_counter()]
        read = self._reader(texts)
        clock.append(time.perf_counter())
        made = scoring_batches(read.ids, self._pad, policy, self._max_length)
        clock.append(time.perf_counter())
        rows = self.run(made.batches, advance and in_texts(advance, len(texts), len(read.ids)))
        clock.append(time.perf_counter())
        logits = self._reader.of_texts(made.in_text_order(rows), read.windows)
        classes, chances = logits.argmax(axis=1), probabilities(logits)
        clock.append(time.perf_counter())
        return Answered(
            logits=logits,
            classes=classes,
            chances=chances[np.arange(len(classes)), classes],
            tokens=np.asarray(read.lengths, dtype=np.int32),
            windows=np.asarray(read.windows, dtype=np.int32),
            read_tokens=sum(map(len, read.ids)),
            computed_tokens=made.computed_tokens,
            seconds=dict(zip(STAGES, np.diff(clock).tolist(), strict=True)),
        )

    def run(self, batches: Sequence[Batch], advance: Callable[[int], None] | None = None) -> list[Float32Array]:
        """Logits of each batch."""
        if not self._thresholds:
            return self._run(batches, advance=advance)
        return run_stages(batches, self._thresholds, self._run, self._pad, advance or (lambda _: None))

    def _run(
        self, batches: Sequence[Batch], stage: int | None = None, advance: Callable[[int], None] | None = None
    ) -> list[Float32Array]:
        """Logits of each batch; a free worker takes the next batches."""
        answers: dict[int, Float32Array] = {}
        size = max(1, min(_BATCHES_PER_REQUEST, len(batches) // (_BATCHES_PER_REQUEST * len(self._workers))))
        starts = iter(range(0, len(batches), size))  # shared by the threads

        def work(worker: Worker) -> None:
            for start in starts:
                try:
                    found = worker.predict(batches[start : start + size], stage)
                except BaseException:
                    list(starts)  # stops the other threads
                    raise
                answers.update(enumerate((logits for logits, _ in found), start))
                if advance:
                    advance(sum(len(logits) for logits, _ in found))

        with ThreadPoolExecutor(len(self._workers)) as pool:
            list(pool.map(work, self._workers))
        return [answers[index] for index in range(len(batches))]


def in_texts(advance: Callable[[int], None], texts: int, inputs: int) -> Callable[[int], None]:
    """``advance``, which gets a number of texts, for one of ``inputs`` that are done."""
    done = 0

    def inputs_done(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        advance(done * texts // inputs - before * texts // inputs)

    return inputs_done
