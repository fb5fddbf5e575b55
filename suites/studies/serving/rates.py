"""The highest rate of requests that each variant's server answers with p99 within a limit, by setup.

    python -m deploybench.suites.studies.serving.rates --limit-ms 100

Requests arrive as a Poisson process, one text each, drawn from the labelled set at its own lengths, at the very server that
``recommend --copy-to DIR --server`` hands over. Setups: one instance of the model with all threads, or one for each thread; with
dynamic batching or without. A rate's interval are the highest rate whose p99 is certain to be within the limit, and the lowest one
whose p99 is certain to be beyond it.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.console import progress
from ....bench.measure.server.capacity import find_capacity
from ....bench.measure.server.client import bodies_of
from ....bench.measure.server.highest_rate import PATIENT_MS, setups, trial_seconds
from ....bench.measure.server.running import RunningServer
from ....bench.pipeline.arguments import positive_number
from ....bench.pipeline.prepare import prepare
from ....exporters.errors import UserError
from ....exporters.variant import REFERENCE
from ..study import Answer, render_rows, run_alone, study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ....bench.measure.server.capacity import Capacity
    from ....bench.measure.server.running import Setup
    from ....bench.pipeline.options import Options


def capacity_of(artifact: Path, setup: Setup, bodies: Sequence[bytes], limit_s: float, seed: int) -> Capacity:
    """Of one server, started for it."""
    with RunningServer(artifact, setup, PATIENT_MS) as server:
        return find_capacity(server, bodies, limit_s, np.random.default_rng(seed), trial_seconds)


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    prepared = prepare(options)
    if not prepared.sets:
        raise UserError("--external: expected a labelled file, whose texts are sent; pass one")
    limit_s, bodies = parsed.limit_ms / 1000, bodies_of(prepared.sets[0].texts)
    order = np.random.default_rng(parsed.seed)
    rows: list[dict[str, Any]] = []
    wanted = setups(options.threads)
    with progress("servers", len(wanted) * len(prepared.artifacts)) as bar:
        for setup in wanted:
            for variant in order.permutation([*prepared.artifacts]).tolist():
                found = capacity_of(prepared.artifacts[variant].path, setup, bodies, limit_s, parsed.seed)
                rows.append({"variant": variant, **asdict(setup), **asdict(found)})
                bar.advance()
    rows.sort(key=lambda row: [*prepared.artifacts].index(row["variant"]))
    figures = {
        "checkpoint": prepared.checkpoint.name,
        "set": prepared.sets[0].name,
        "limit_ms": parsed.limit_ms,
        "threads": options.threads,
        "seed": parsed.seed,
        "rows": rows,
    }
    name = f"rates-{prepared.checkpoint.name.replace(':', '-')}"
    return Answer(name, figures, shown(rows, parsed.limit_ms))


def shown(rows: Sequence[dict[str, Any]], limit_ms: float) -> str:
    """The printed table: a line for each variant and setup, and the best of each variant over torch-eager's best."""
    best = best_of(rows)
    eager = best.get(REFERENCE, {}).get("rate")
    cells = [
        (
            row["variant"],
            f"{row['instances']} x {row['threads']}",
            "off" if row["max_batch"] == 1 else f"up to {row['max_batch']}",
            f"{row['rate']:.0f}",
            f"{row['low']:.0f} to {row['high']:.0f}" if row["high"] is not None else f"from {row['low']:.0f}",
            f"{row['rate'] / eager:.2f}" if eager and row is best[row["variant"]] else "",
            _cpu(row["trials"]),
        )
        for row in rows
    ]
    heads = [
        "variant",
        "instances x threads",
        "batching",
        f"requests/s, p99 <= {limit_ms:g} ms",
        "95 %",
        "over eager",
        "CPU s/1,000",
    ]
    return render_rows(heads, cells, ["over eager: the best setup of each variant over torch-eager's best"])


def best_of(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The row with the highest rate of each variant."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["variant"] not in found or row["rate"] > found[row["variant"]]["rate"]:
            found[row["variant"]] = row
    return found


def _cpu(trials: Sequence[dict[str, Any]]) -> str:
    """CPU seconds for 1,000 requests in the fastest trial that was not given up."""
    kept = [one for one in trials if not one["stopped"]]
    return f"{max(kept, key=lambda one: one['rate'])['cpu_s']:.2f}" if kept else "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    flags = ("--checkpoint", "--external", "--drop-bad-rows", "--variants", "--threads", "--work-dir")
    parser = study_parser(__doc__, flags)
    parser.add_argument("--limit-ms", metavar="MS", type=positive_number("--limit-ms"), default=100.0)
    parser.add_argument("--seed", metavar="N", type=int, default=28)
    return run_alone("rates", parser, arguments, _answer)


if __name__ == "__main__":
    sys.exit(main())
