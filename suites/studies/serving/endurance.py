"""Whether a server lasts: at 80 % of its highest rate, at three times that rate, and after it.

    python -m deploybench.suites.studies.serving.endurance --variant onnx-int8-dynamic --minutes 10

In a burst the server lets a request wait for 1.5 times the limit (``--max-wait-ms``), under lasting overload for a quarter of that.
Looked at are errors and memory at 80 %; statuses and the latency of what is accepted under overload; and how long after it
requests are again answered within the limit.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.console import progress
from ....bench.measure.server.arrivals import arrivals
from ....bench.measure.server.capacity import find_capacity
from ....bench.measure.server.client import OK, Answers, bodies_of, send
from ....bench.measure.server.highest_rate import BATCHED, PATIENT_MS, trial_seconds
from ....bench.measure.server.running import RunningServer, Setup
from ....bench.pipeline.arguments import positive_number
from ....bench.pipeline.prepare import prepare
from ....exporters.errors import UserError
from ..study import Answer, render_rows, run_alone, study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ....bench.pipeline.options import Options

_SHARE = 0.8
_PATIENCE = 1.5  # of the limit: what a burst may wait
_OVERLOAD = 3
_OVERLOAD_S = 30.0
_AFTER_S = 15.0
_WATCH_S = 5.0  # between looks at the memory
_REFUSED = 429
_GROWTH = 0.05  # of memory, from the second to the last tenth of the time
_RECOVERY_S = 5.0


def _sent(
    server: RunningServer, bodies: Sequence[bytes], rate: float, seconds: float, random: np.random.Generator
) -> Answers:
    count = round(rate * seconds)
    chosen = [bodies[index] for index in random.integers(len(bodies), size=count)]
    return send(server.port, chosen, arrivals(rate, count, random))


def _watched(server: RunningServer, sent: Any) -> tuple[Answers, list[int]]:
    """What ``sent()`` gives, and the resident bytes of the server meanwhile."""
    ended, memory = threading.Event(), [server.memory]

    def watch() -> None:
        while not ended.wait(_WATCH_S):
            memory.append(server.memory)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        return sent(), memory
    finally:
        ended.set()
        watching.join()


def recovery_s(answers: Answers, limit_s: float) -> float:
    """Seconds until every later request was answered within the limit; 0 where all were."""
    late = np.flatnonzero(answers.latency > limit_s)
    return float(answers.intended[late[-1]]) if len(late) else 0.0


def growth_of(memory: Sequence[int]) -> float:
    """Growth of the memory from the second tenth of the time to the last, as a share."""
    tenth = max(1, len(memory) // 10)
    early, late = np.median(memory[tenth : 2 * tenth + 1]), np.median(memory[-tenth:])
    return float(late / early - 1)


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    prepared = prepare(options)
    if parsed.variant not in prepared.artifacts or not prepared.sets:
        raise UserError(f"--variant: {parsed.variant} has no artifact here, or there is no labelled set; pass both")
    limit_s, random = parsed.limit_ms / 1000, np.random.default_rng(parsed.seed)
    bodies, artifact = bodies_of(prepared.sets[0].texts), prepared.artifacts[parsed.variant].path
    threads = options.threads // parsed.instances
    setup = Setup(instances=parsed.instances, threads=threads, max_batch=parsed.max_batch)
    with progress("endurance", 4) as bar:
        with RunningServer(artifact, setup, PATIENT_MS) as patient:  # the other would refuse the flood of the search
            highest = find_capacity(patient, bodies, limit_s, random, trial_seconds).rate
        bar.advance()
        with RunningServer(artifact, setup, round(_PATIENCE * parsed.limit_ms)) as server:
            steady, memory = _watched(
                server, lambda: _sent(server, bodies, _SHARE * highest, 60 * parsed.minutes, random)
            )
            bar.advance()
            flooded = _sent(server, bodies, _OVERLOAD * highest, _OVERLOAD_S, random)
            bar.advance()
            after = _sent(server, bodies, _SHARE * highest, _AFTER_S, random)
    accepted = flooded.latency[flooded.status == OK]
    figures: dict[str, Any] = {
        "checkpoint": prepared.checkpoint.name,
        "set": prepared.sets[0].name,
        "variant": parsed.variant,
        "limit_ms": parsed.limit_ms,
        "setup": asdict(setup),
        "highest_rate": highest,
        "steady": {
            "minutes": parsed.minutes,
            "requests": len(steady.status),
            "not_200": int((steady.status != OK).sum()),
            "seconds_with_such": len(np.unique(steady.intended[steady.status != OK].astype(int))),
            "p99_ms": 1000 * float(np.quantile(steady.latency, 0.99, method="inverted_cdf")),
            "memory_mb": [round(one / 1e6, 1) for one in memory],
            "growth": growth_of(memory),
        },
        "overload": {
            "requests": len(flooded.status),
            "statuses": {str(one): int((flooded.status == one).sum()) for one in np.unique(flooded.status)},
            "accepted_p99_ms": 1000 * float(np.quantile(accepted, 0.99)) if len(accepted) else None,
        },
        "recovery_s": recovery_s(after, limit_s),
    }
    figures["failed"] = [*_failed(figures)]
    return Answer(f"endurance-{prepared.checkpoint.name}", figures, _shown(figures))


def _failed(figures: dict[str, Any]) -> list[str]:
    steady, overload, limit = figures["steady"], figures["overload"], figures["limit_ms"]
    checks = {
        f"{steady['not_200']} requests at 80 % got no answer": steady["not_200"] == 0,
        f"memory grew by {steady['growth']:.1%}": steady["growth"] <= _GROWTH,
        f"statuses under overload: {overload['statuses']}": set(overload["statuses"]) <= {str(OK), str(_REFUSED)},
        "p99 of what was accepted under overload": (overload["accepted_p99_ms"] or 0) <= 2 * limit,
        f"recovery took {figures['recovery_s']:.1f} s": figures["recovery_s"] <= _RECOVERY_S,
    }
    return [name for name, held in checks.items() if not held]


def _shown(figures: dict[str, Any]) -> str:
    steady, overload = figures["steady"], figures["overload"]
    statuses = ", ".join(f"{count:,} x {status}" for status, count in overload["statuses"].items())
    rows = [
        ("highest rate, requests/s", f"{figures['highest_rate']:.0f}"),
        (f"{steady['minutes']:g} min at 80 %: requests", f"{steady['requests']:,}"),
        ("  without an answer", f"{steady['not_200']}"),
        ("  p99, ms", f"{steady['p99_ms']:.0f}"),
        ("  memory at the end against the second tenth", f"{steady['growth']:+.1%}"),
        ("30 s at 3 times the rate", statuses),
        ("  p99 of what was accepted, ms", f"{overload['accepted_p99_ms'] or 0:.0f}"),
        ("  s until all are within the limit again", f"{figures['recovery_s']:.1f}"),
    ]
    return render_rows([figures["variant"], ""], rows, figures["failed"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code, 1 where something did not hold."""
    flags = ("--checkpoint", "--external", "--drop-bad-rows", "--variants", "--threads", "--work-dir")
    parser = study_parser(__doc__, flags)
    parser.add_argument("--variant", metavar="NAME", default="onnx-int8-dynamic")
    parser.add_argument("--instances", metavar="N", type=int, default=1)
    parser.add_argument("--max-batch", metavar="N", type=int, default=BATCHED, help="1: no dynamic batching")
    parser.add_argument("--limit-ms", metavar="MS", type=positive_number("--limit-ms"), default=100.0)
    parser.add_argument("--minutes", metavar="N", type=positive_number("--minutes"), default=10.0)
    parser.add_argument("--seed", metavar="N", type=int, default=28)
    return run_alone("endurance", parser, arguments, _answer)


if __name__ == "__main__":
    sys.exit(main())
