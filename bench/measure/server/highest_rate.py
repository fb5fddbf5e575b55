"""The highest rate of requests that a variant's server answers with p99 within a limit, in several processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .capacity import Trial, find_capacity, flood
from .running import RunningServer, Setup

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BATCHED = 8  # largest number of texts of a dynamic batch
LAUNCHES = 3
_REQUESTS = 400  # of a trial, within
_SECONDS = 2.0, 10.0
_AROUND = 0.6, 1.4  # of the first launch's rate: where the others look
PATIENT_MS = 30_000  # a request may wait that long, so that too much shows as latency, not as refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class HighestRate:
    """What was found, and every trial of it."""

    instances: int
    threads: int  # of each
    max_batch: int  # texts that are computed together
    rates: tuple[float, ...]  # requests a second, of each launch; 0: not even single requests are fast enough
    trials: tuple[Trial, ...]  # by rate
    launches: tuple[int, ...]  # of each trial


def setups(threads: int) -> list[Setup]:
    """One instance of the model with all threads, and one for each thread, each with dynamic batching and without."""
    shapes = dict.fromkeys([(1, threads), (threads, 1)])
    return [Setup(instances=n, threads=t, max_batch=most) for n, t in shapes for most in (1, BATCHED)]


def trial_seconds(rate: float) -> float:
    """How long a trial at ``rate`` requests a second takes."""
    return float(np.clip(_REQUESTS / max(rate, 1e-9), *_SECONDS))


def measure_highest_rate(
    artifact: Path, bodies: Sequence[bytes], threads: int, limit_s: float, seed: int
) -> HighestRate:
    """By the setup that answers the most of a flood of requests; raises WorkerError where a server does not start."""
    random = np.random.default_rng(seed)
    floods = {}
    for setup in setups(threads):
        with RunningServer(artifact, setup, PATIENT_MS) as server:
            floods[setup] = flood(server, bodies, random)
    best = max(floods, key=lambda setup: floods[setup])
    rates: list[float] = []
    trials: list[tuple[int, Trial]] = []
    for launch in range(LAUNCHES):
        with RunningServer(artifact, best, PATIENT_MS) as server:
            around = [share * rates[0] for share in _AROUND] if rates and rates[0] else (0.0, floods[best])
            found = find_capacity(server, bodies, limit_s, random, trial_seconds, (around[0], around[1]))
        rates.append(found.rate)
        trials += [(launch, trial) for trial in found.trials]
    trials.sort(key=lambda one: one[1].rate)
    return HighestRate(
        instances=best.instances,
        threads=best.threads,
        max_batch=best.max_batch,
        rates=tuple(rates),
        trials=tuple(trial for _, trial in trials),
        launches=tuple(launch for launch, _ in trials),
    )
