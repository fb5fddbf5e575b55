"""The highest rate of requests at which a server's slowest answers are fast enough, by bisection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .arrivals import arrivals
from .client import OK, Answers, send

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from .running import RunningServer

QUANTILE = 0.99
_BLOCKS = 20  # of a trial, in time: answers that follow each other share a queue
_RESAMPLES = 1000
_STEPS = 6  # of the bisection: 1/64 of the first interval
_FLOOD_S = 2.0
NO_ANSWER_S = (
    60.0  # stands for the latency of a request that got no 200, or was not sent because the trial was given up
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Requests at one rate."""

    rate: float  # requests a second, on average
    requests: int
    p50: float  # seconds, from the intended time; at most NO_ANSWER_S
    p95: float
    p99: float
    p99_low: float  # of its 95 % interval
    p99_high: float
    goodput: float  # requests a second that were answered within the limit
    refused: float  # share that got no 200
    cpu_s: float  # of the server, for 1,000 requests
    lag: float  # seconds: 99th percentile of how late requests were sent
    stopped: bool  # whether it was given up, since p99 could no longer be within the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The result of a search: the highest rate with p99 within the limit, and its bounds by the intervals of p99."""

    rate: float  # 0: not even single requests are fast enough
    low: float  # highest rate whose p99 is certain to be within the limit
    high: float | None  # lowest rate whose p99 is certain to be beyond it; None: there was none
    trials: tuple[Trial, ...]


def find_capacity(  # noqa: PLR0913, PLR0917 - all that a search is
    server: RunningServer,
    bodies: Sequence[bytes],
    limit_s: float,
    random: np.random.Generator,
    seconds: Callable[[float], float],
    between: tuple[float, float] | None = None,
) -> Capacity:
    """Bisect ``between`` two rates, or 0 and what the server answers of a flood; ``seconds(rate)`` is how long a trial takes.

    Bodies are drawn from ``bodies``, single texts.
    """
    low, high = between or (0.0, flood(server, bodies, random))
    trials: list[Trial] = []
    for _ in range(_STEPS):
        rate = (low + high) / 2
        trials.append(run_trial(server, bodies, rate, seconds(rate), limit_s, random))
        if trials[-1].p99 <= limit_s:
            low = rate
        else:
            high = rate
    certain = [one.rate for one in trials if one.p99_high <= limit_s]
    beyond = [one.rate for one in trials if one.p99_low > limit_s]
    return Capacity(rate=low, low=max(certain, default=0.0), high=min(beyond, default=None), trials=tuple(trials))


def flood(server: RunningServer, bodies: Sequence[bytes], random: np.random.Generator) -> float:
    """Requests a second that the server answers when many wait: no higher rate can last."""
    count, rate = 16, 0.0
    for _ in range(3):
        chosen = [bodies[index] for index in random.integers(len(bodies), size=count)]
        answers = send(server.port, chosen, np.zeros(count))
        done = answers.ended[answers.status == OK]
        rate = len(done) / float(done.max()) if len(done) else 0.0
        count = int(np.clip(rate * _FLOOD_S / 2, 16, 800))
    return rate


def run_trial(  # noqa: PLR0913, PLR0917 - all that a trial is
    server: RunningServer,
    bodies: Sequence[bytes],
    rate: float,
    seconds: float,
    limit_s: float,
    random: np.random.Generator,
) -> Trial:
    """Send requests for about ``seconds``; gives up once so many are late that p99 is beyond the limit."""
    count = max(100, round(rate * seconds))
    chosen = [bodies[index] for index in random.integers(len(bodies), size=count)]
    before = server.cpu_seconds
    most_over = 2 * (1 - QUANTILE) * count
    answers = send(server.port, chosen, arrivals(rate, count, random), limit_s=limit_s, most_over=most_over)
    return summed(answers, rate, limit_s, server.cpu_seconds - before, random)


def summed(answers: Answers, rate: float, limit_s: float, cpu_s: float, random: np.random.Generator) -> Trial:
    """The figures of a trial; of one that was given up, p99 is NO_ANSWER_S."""
    latency = np.minimum(answers.latency, NO_ANSWER_S)
    p50, p95, p99 = (_quantile(latency, share) for share in (0.5, 0.95, QUANTILE))
    low, high = _interval(latency, random)
    if answers.stopped:
        p99 = low = high = NO_ANSWER_S
    span = max(float(answers.intended[-1]), 1e-9)
    return Trial(
        rate=rate,
        requests=len(latency),
        p50=p50,
        p95=p95,
        p99=p99,
        p99_low=low,
        p99_high=high,
        goodput=float((latency <= limit_s).sum() / span),
        refused=float((answers.status != OK).mean()),
        cpu_s=1000 * cpu_s / len(latency),
        lag=_quantile(answers.lag, QUANTILE),
        stopped=answers.stopped,
    )


def _interval(latency: npt.NDArray[np.float64], random: np.random.Generator) -> tuple[float, float]:
    """95 % interval of p99, by a bootstrap over blocks of requests that follow each other."""
    blocks = np.array_split(latency, min(_BLOCKS, len(latency)))
    drawn = random.integers(len(blocks), size=(_RESAMPLES, len(blocks)))
    found = [_quantile(np.concatenate([blocks[index] for index in row]), QUANTILE) for row in drawn]
    return _quantile(np.array(found), 0.025), _quantile(np.array(found), 0.975)


def _quantile(values: npt.NDArray[np.float64], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    return float(np.quantile(values, share, method="inverted_cdf"))
