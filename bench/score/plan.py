"""Search for the fastest plan: padding policy, batch size, and processes × threads.

Successive halving: all plans are timed briefly, the better half of them for twice as long, and so on. Source: Jamieson
and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...exporters.errors import UserError
from ..measure.workload import PADDINGS, Policy
from ..units import counted, format_instances

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...exporters.variant import Batch
    from ..console import Bar
    from ..measure.workload import Sample
    from .pipeline import Pipeline

_SIZES = {"max_length": (1, 8), "longest": (1, 8, 32), "bucketed": (1, 2, 4, 8, 16, 32, 64)}
_FIRST_TRIAL_S = 0.25  # seconds per plan, doubled in each round
_FINALISTS = 3
_LONGEST_BATCH_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A way to classify many texts."""

    policy: Policy
    instances: int  # concurrent processes
    threads: int  # per process

    @property
    def total_threads(self) -> int:
        """Of all processes."""
        return self.instances * self.threads

    @property
    def short(self) -> str:
        """As ``--plan`` takes it."""
        return f"{self.policy.padding}/{self.policy.batch_size}/{self.instances}x{self.threads}"

    def __str__(self) -> str:
        texts = counted(self.policy.batch_size, "text")
        return f"{self.policy.padding} batches of {texts}, {format_instances(self.instances, self.threads)}"


DEFAULT_POLICY = Policy(padding="bucketed", batch_size=8)  # close to the fastest everywhere


def default_plan(threads: int) -> Plan:
    """The plan of a scoring for which none is searched."""
    return Plan(policy=DEFAULT_POLICY, instances=1, threads=threads)


def read_plan(text: str) -> Plan:
    """``bucketed/8/1x2``: padding, batch size, processes and threads of each; raises UserError for anything else."""
    found = re.fullmatch(rf"({'|'.join(PADDINGS)})/([1-9]\d*)/([1-9]\d*)x([1-9]\d*)", text, re.ASCII)
    if found is None:
        raise UserError(
            f"--plan: found {text!r}, expected padding/batch size/processes x threads, such as {PADDINGS[-1]}/8/1x2 "
            f"(padding: {', '.join(PADDINGS)})"
        )
    policy = Policy(padding=found[1], batch_size=int(found[2]))  # type: ignore[arg-type] # one of PADDINGS
    return Plan(policy=policy, instances=int(found[3]), threads=int(found[4]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The measured speed of a plan."""

    plan: Plan
    rate: float  # texts, or windows of them, per second, from padding to logits


def instance_counts(threads: int) -> list[int]:
    """Numbers of processes among which ``threads`` can be divided evenly.

    >>> instance_counts(1), instance_counts(2), instance_counts(6)
    ([1], [1, 2], [1, 2, 3, 6])
    """
    return [count for count in range(1, threads + 1) if threads % count == 0]


def every_plan(threads: int) -> list[Plan]:
    """All plans that are tried."""
    return [
        Plan(policy=Policy(padding=padding, batch_size=size), instances=count, threads=threads // count)
        for count in instance_counts(threads)
        for padding in PADDINGS
        for size in _SIZES[padding]
    ]


def find_plan(pipelines: Mapping[int, Pipeline], threads: int, sample: Sample, bar: Bar) -> list[Trial]:
    """Time all plans on ``pipelines`` (by number of instances); fastest first, those of later rounds before others."""
    pace = seconds_per_token(pipelines[1], sample)
    every = sorted(every_plan(threads), key=lambda plan: _longest_batch_s(plan, sample, pace))
    plans = [plan for plan in every if _longest_batch_s(plan, sample, pace) <= _LONGEST_BATCH_S] or every[:1]
    ranked: list[Trial] = []
    seconds = _FIRST_TRIAL_S
    while plans:
        bar.extend(len(plans))
        trials = []
        for plan in plans:
            trials.append(try_plan(pipelines[plan.instances], plan, sample, seconds, pace))
            bar.advance()
        trials.sort(key=lambda trial: -trial.rate)
        kept = trials[: max(_FINALISTS, len(trials) // 2)] if len(trials) > _FINALISTS else []
        ranked = [*trials[len(kept) :], *ranked]
        plans, seconds = [trial.plan for trial in kept], 2 * seconds
    return ranked


def seconds_per_token(pipeline: Pipeline, sample: Sample) -> float:
    """Approximate seconds per computed token, from one batch of texts of median length."""
    made = sample.cut(DEFAULT_POLICY)
    middle = made.batches[len(made.batches) // 2 :][:1]
    pipeline.run(middle)  # warm-up: the first call compiles, packs and allocates
    start = time.perf_counter()
    pipeline.run(middle)
    return (time.perf_counter() - start) / middle[0][0].size


def _longest_batch_s(plan: Plan, sample: Sample, pace: float) -> float:
    longest = sample.max_length if plan.policy.padding == "max_length" else max(map(len, sample.tokens))
    return plan.policy.batch_size * longest * pace


def try_plan(pipeline: Pipeline, plan: Plan, sample: Sample, seconds: float, pace: float) -> Trial:
    """Time evenly chosen batches for about ``seconds``, and extrapolate to all batches by their tokens.

    All processes get the same number of batches: in a large file they are idle only at the very end.
    """
    start = time.perf_counter()
    made = sample.cut(plan.policy)
    cutting = time.perf_counter() - start
    rounds = max(1, round(len(made.batches) * seconds / (made.computed_tokens * pace * plan.instances)))
    chosen = _evenly(made.batches, rounds * plan.instances)
    pipeline.run(chosen)  # warm-up: new shapes are compiled once, and recur
    start = time.perf_counter()
    pipeline.run(chosen)
    running = time.perf_counter() - start
    whole = cutting + running * made.computed_tokens / sum(input_ids.size for input_ids, *_ in chosen)
    return Trial(plan=plan, rate=len(sample.tokens) / whole)


def _evenly(batches: Sequence[Batch], count: int) -> list[Batch]:
    """At most ``count`` batches, from the middles of as many equal parts: bucketed batches are sorted by length."""
    chosen = min(count, len(batches))
    return [batches[(2 * index + 1) * len(batches) // (2 * chosen)] for index in range(chosen)]
