"""Whether the open-loop client measures what it should: on a queue whose latencies are known.

    python -m deploybench.suites.studies.serving.driver --seconds 90

Poisson arrivals at a server whose every answer takes as long (M/D/1) have a latency distribution in closed form (Erlang 1909; see
Tijms, "A first course in stochastic models", 2003, section 9.2). A million drawn arrivals are held against it. Measured percentiles
are held against the queue computed for the very arrivals that were sent, so that no chance is left between the two; at the lower
rate, since the way of a request through two processes takes half a millisecond and is part of no formula. Requests are on time at
both rates.
"""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ....bench.measure.server.arrivals import arrivals
from ....bench.measure.server.client import send
from ....bench.pipeline.arguments import positive_number
from ..study import Answer, render_rows, run_study, study_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ....bench.measure.server.client import Answers

_NAME = "driver"
_RATES = (40.0, 200.0)  # a second; percentiles are judged at the first
_LOADS = (0.6, 0.8)  # share of the time that the server works
_SHARES = (0.5, 0.95, 0.99)
_MOST = 0.05  # by which a percentile may differ
_DRAWN = 1_000_000  # arrivals that are held against the formula
_LAG_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """One percentile of the latency."""

    rate: float
    load: float
    share: float
    formula: float  # seconds
    drawn: float  # seconds, of a million arrivals
    computed: float  # seconds, of the arrivals that were sent
    measured: float  # seconds


def md1_share(seconds: float, rate: float, service: float) -> float:
    """Share of requests that are answered within ``seconds``, waiting and service together, in an M/D/1 queue.

    >>> round(md1_share(0.004, 200, 0.004), 10)  # those that find the server free
    0.2
    """
    waited = seconds - service
    if waited < 0:
        return 0.0
    terms = []
    for count in range(int(waited / service + 1e-9) + 1):
        left = rate * (count * service - waited)
        terms.append(math.exp(-left) * left**count / math.factorial(count))
    return (1 - rate * service) * math.fsum(terms)


def md1_quantile(share: float, rate: float, service: float) -> float:
    """Seconds within which ``share`` of the requests are answered in an M/D/1 queue, to a microsecond."""
    low, high = 0.0, service
    while md1_share(high, rate, service) < share:
        high *= 2
    while high - low > 1e-6:  # noqa: PLR2004 - a microsecond
        middle = (low + high) / 2
        low, high = (middle, high) if md1_share(middle, rate, service) < share else (low, middle)
    return high


def queue_latency(times: npt.NDArray[np.float64], service: float) -> npt.NDArray[np.float64]:
    """Latency of each request in a queue with one server, first in first out (Lindley's recursion)."""
    free, found = 0.0, np.empty_like(times)
    for number, at in enumerate(times):
        free = max(free, at) + service
        found[number] = free - at
    return found


def answer(seconds: float, seed: int) -> Answer:
    """Send requests for ``seconds`` at each rate and load."""
    random, found, lags = np.random.default_rng(seed), [], {}
    for rate, load in product(_RATES, _LOADS):
        service = load / rate
        drawn = queue_latency(arrivals(rate, _DRAWN, random), service)
        times = arrivals(rate, round(rate * seconds), random)
        answers = _measured(times, service)
        computed = queue_latency(times, service)
        found += [
            Percentile(
                rate=rate,
                load=load,
                share=share,
                formula=md1_quantile(share, rate, service),
                drawn=float(np.quantile(drawn, share)),
                computed=float(np.quantile(computed, share)),
                measured=float(np.quantile(answers.latency, share)),
            )
            for share in _SHARES
        ]
        lags[f"{rate:g} a second, load {load:.0%}"] = float(np.quantile(answers.lag, 0.99))
    judged = [one for one in found if one.rate == _RATES[0]]
    failed = [
        f"load {one.load}, p{one.share * 100:g}" for one in judged if abs(one.measured / one.computed - 1) > _MOST
    ]
    failed += [f"drawn p{one.share * 100:g}" for one in found if abs(one.drawn / one.formula - 1) > _MOST]
    failed += [f"{name}: sent {lag * 1e3:.2f} ms late" for name, lag in lags.items() if lag > _LAG_S]
    figures = {
        "seconds": seconds,
        "seed": seed,
        "percentiles": [asdict(one) for one in found],
        "lag_p99": lags,
        "failed": failed,
    }
    return Answer(_NAME, figures, _shown(found, lags))


def _measured(times: npt.NDArray[np.float64], service: float) -> Answers:
    command = [sys.executable, "-m", "deploybench.suites.studies.serving.simulated", str(service)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        port = int(server.stdout.readline())
        answers = send(port, [b"{}"] * len(times), times)
        server.kill()
    return answers


def _shown(found: Sequence[Percentile], lags: dict[str, float]) -> str:
    rows = [
        (
            f"{one.rate:g}",
            f"{one.load:.0%}",
            f"p{one.share * 100:g}",
            f"{one.formula * 1e3:.2f}",
            f"{one.drawn / one.formula - 1:+.1%}",
            f"{one.computed * 1e3:.2f}",
            f"{one.measured * 1e3:.2f}",
            f"{one.measured / one.computed - 1:+.1%}",
        )
        for one in found
    ]
    return render_rows(
        ["rate", "load", "latency", "M/D/1 ms", "drawn", "same arrivals ms", "measured ms", "difference"],
        rows,
        [f"p99 of how late requests were sent, {name}: {lag * 1e3:.2f} ms" for name, lag in lags.items()],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on the command line."""
    parser = study_parser(__doc__)
    parser.add_argument("--seconds", type=positive_number("--seconds"), default=90.0)
    parser.add_argument("--seed", type=int, default=28)
    parsed = parser.parse_args(arguments)
    return run_study(_NAME, lambda: answer(parsed.seconds, parsed.seed))


if __name__ == "__main__":
    sys.exit(main())
