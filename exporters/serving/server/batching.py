"""Texts that wait, and the instances of the model that compute them in batches of like length."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from .refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from .counts import Counts
    from .texts import Texts, Tokens

    Logits: TypeAlias = npt.NDArray[np.float32]
    Predict: TypeAlias = Callable[[dict[str, npt.NDArray[np.int64]]], Logits]

_MOST_PADDING = 0.25  # of the tokens of a batch: a batch computes more than its texts need
_NICE = 15  # of the threads that compute: requests are still read, and refused, where they take all cores
_MUCH = 0.4  # of the longest wait: below, a moment in which the event loop is late refuses nothing
_STANDING = 0.25  # of the longest wait: the most once requests have waited without pause for longer than a burst lasts
_BURST_S = 0.5
_SEEN = 256  # waiting texts among which those of like length are looked for
_UNUSUAL = 2.0  # times the mean: a batch that took longer counts as so long, unless another one did of late
_OF_LATE = 32  # batches
_WEIGHT = 0.1  # of the newest batch in the mean time of a token, and more of the first ones


class Waiting:
    """A text that waits for its logits."""

    def __init__(self, tokens: Tokens, future: asyncio.Future[Logits]) -> None:
        self.tokens, self.future = tokens, future
        self.since = time.perf_counter()
        self.waited = 0.0  # seconds until its batch began
        self.computed = 0.0  # seconds of its batch


class Batcher:
    """The queue of an event loop, and threads that each hold an instance of the model.

    A free instance takes what waits, and never waits for more. The oldest text goes first.
    """

    def __init__(self, texts: Texts, counts: Counts, *, most: int, max_queue: int, max_wait_s: float) -> None:
        self._texts, self._counts = texts, counts
        self._most = most if texts.batched else 1
        self._max_queue, self._max_wait = max_queue, max_wait_s
        self._queue: deque[Waiting] = deque()
        self._tokens = 0  # that wait or are computed
        self._token = _MovingMean()  # seconds of a token in one instance
        self._text = _MovingMean()  # seconds of a text, likewise
        self._calm = time.perf_counter()  # when a request last came that did not have to wait
        self._changed = threading.Condition()
        self._open = True
        self._threads: list[threading.Thread] = []

    def start(self, load: Callable[[], Predict], instances: int) -> None:
        """Load every instance in a thread of its own; raises what ``load`` raises."""
        failed: list[Exception] = []
        one_at_a_time = threading.Lock()  # transformers cannot load two models at once
        loaded = threading.Barrier(instances + 1)

        def instance() -> None:
            try:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # and threads that the runtime starts
                with one_at_a_time:
                    predict = load()
                first = self._texts.tokens([("a",) * (1 + self._texts.pairs)])
                predict(self._texts.inputs(first))  # compiles and packs
            except Exception as error:  # noqa: BLE001 - it is raised where the server starts
                failed.append(error)
            loaded.wait()
            if not failed:
                self._compute(predict)

        self._threads = [threading.Thread(target=instance, daemon=True) for _ in range(instances)]
        for thread in self._threads:
            thread.start()
        loaded.wait()
        if failed:
            raise failed[0]

    def stop(self) -> None:
        """Compute what still waits, and end the threads."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def submit(self, tokens: Sequence[Tokens]) -> list[Waiting]:
        """Texts of one request, whose futures get logits ``(outputs,)``; raises Refused (429) where they would wait too long."""
        loop = asyncio.get_running_loop()
        with self._changed:
            wait = self._tokens * self._token.mean / len(self._threads)
            if len(self._queue) + len(tokens) > self._max_queue or (self._queue and wait > self._allowed()):
                raise Refused(429, "the server is overloaded", "Overloaded", retry_after=max(1, round(wait)))
            made = [Waiting(one, loop.create_future()) for one in tokens]
            self._queue.extend(made)
            self._tokens += sum(map(len, tokens))
            self._changed.notify(len(made))
        return made

    def leave(self, waiting: Iterable[Waiting]) -> None:
        """Take texts out of the queue whose client is gone; those of a running batch are computed."""
        with self._changed:
            for one in waiting:
                one.future.cancel()
                if one in self._queue:
                    self._queue.remove(one)
                    self._tokens -= len(one.tokens)

    def is_overloaded(self, requests: int, elsewhere: float) -> bool:
        """Whether one more than so many running ``requests`` would wait too long, as far as can be said before it is read.

        ``elsewhere``: seconds that it would wait for anything but an instance.
        """
        if requests < len(self._threads):
            self._calm = time.perf_counter()
        computed, allowed = (requests - len(self._threads)) * self._text.mean / len(self._threads), self._allowed()
        return computed > _MUCH * allowed and computed + elsewhere > allowed

    def _allowed(self) -> float:
        """Seconds that a request may wait: all of the longest wait in a burst, little of it in a queue that does not empty.

        Such a queue helps nobody: it stays as long as it may be (Nichols and Jacobson, "Controlling Queue Delay", 2012).
        """
        standing = time.perf_counter() - self._calm > _BURST_S
        return self._max_wait * (_STANDING if standing else 1.0)

    @property
    def queued(self) -> int:
        """Texts that wait."""
        return len(self._queue)

    def _compute(self, predict: Predict) -> None:
        while batch := self._next():
            start = time.perf_counter()
            try:
                inputs = self._texts.inputs([one.tokens for one in batch])
                result: Logits | Exception = predict(inputs)
                self._counts.batch(len(batch), inputs["input_ids"].size)
            except Exception as error:  # noqa: BLE001 - a runtime's; the requests get it, and the server goes on
                result = error
            took = time.perf_counter() - start
            for one in batch:
                one.waited, one.computed = start - one.since, took
            self._done(batch, took)
            loop = batch[0].future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, batch, result)

    def _next(self) -> list[Waiting]:
        """The next batch; empty once the server stops and nothing waits."""
        with self._changed:
            while not self._queue:
                if not self._open:
                    return []
                self._changed.wait()
            batch = chosen([*islice(self._queue, _SEEN)], self._most)
            taken = {id(one) for one in batch}
            self._queue = deque(one for one in self._queue if id(one) not in taken)
            return batch

    def _done(self, batch: Sequence[Waiting], took: float) -> None:
        tokens = sum(len(one.tokens) for one in batch)
        with self._changed:
            self._tokens -= tokens
            self._token.add(took / tokens)
            self._text.add(took / len(batch))


class _MovingMean:
    """Of what was seen of late; a single unusual value, such as of a machine that stood still, moves it little."""

    def __init__(self) -> None:
        self.mean = 0.0  # before the first value
        self._count = 0
        self._late: deque[float] = deque(maxlen=_OF_LATE)

    def add(self, seen: float) -> None:
        """One more value."""
        self._count += 1
        counts = min(seen, max(_UNUSUAL * self.mean, *self._late)) if self._late else seen
        self.mean += max(_WEIGHT, 1 / self._count) * (counts - self.mean)
        self._late.append(seen)


def chosen(waiting: Sequence[Waiting], most: int) -> list[Waiting]:
    """The oldest text, and at most ``most`` - 1 others that are nearest to it in length and need little padding."""
    first, *others = waiting
    batch, real, longest = [first], len(first.tokens), len(first.tokens)
    for one in sorted(others, key=lambda one: abs(len(one.tokens) - len(first.tokens))):
        length = max(longest, len(one.tokens))
        padded = length * (len(batch) + 1)
        if len(batch) == most or padded * (1 - _MOST_PADDING) > real + len(one.tokens):
            break
        batch.append(one)
        real, longest = real + len(one.tokens), length
    return batch


def _deliver(batch: Sequence[Waiting], result: Logits | Exception) -> None:
    """Give each text its logits, or why there are none; runs in the event loop."""
    for row, one in enumerate(batch):
        if one.future.done():  # its client is gone
            continue
        if isinstance(result, Exception):
            one.future.set_exception(Refused(500, f"the model failed ({type(result).__name__})", "Backend"))
        else:
            one.future.set_result(result[row])
