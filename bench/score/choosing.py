"""Chooses the plan that scores a file: the fastest one within the memory limit."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from ...exporters.errors import UserError
from ..console import progress, say
from ..measure.workload import Sample, full_batch
from ..units import format_bytes, format_duration
from .plan import DEFAULT_POLICY, Plan, default_plan, find_plan, instance_counts, seconds_per_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .models import Models
    from .rows import Scan

_WORTH_A_SEARCH_S = 60.0  # with the default plan: a search takes about a minute itself


def choose_plan(models: Models, found: Scan, max_memory: float | None) -> Plan:
    """Search for a plan if the file is large enough; raises UserError if no plan stays within ``max_memory`` bytes."""
    default = default_plan(models.threads)
    sample = Sample(tokens=models.reader(found.sample).ids, pad=models.pad, max_length=models.full_length)
    with models.opened(1) as opened:
        computed = sample.cut(DEFAULT_POLICY).computed_tokens * found.rows / len(found.sample)
        expected = computed * seconds_per_token(opened.pipeline, sample)
    plans = [default]
    if expected < _WORTH_A_SEARCH_S:
        say(f"plan: {default}; no search for a faster one, since this takes about {format_duration(expected)}")
    else:
        plans = _ranked(models, sample, len(found.sample))
    if max_memory is None:
        return plans[0]
    smaller = [
        Plan(policy=replace(DEFAULT_POLICY, batch_size=size), instances=1, threads=models.threads) for size in (4, 2, 1)
    ]
    return _within([*plans, *smaller], models, sample, max_memory)


def _ranked(models: Models, sample: Sample, texts: int) -> list[Plan]:
    """All plans, fastest first; prints the first ones. ``texts``: of which the sample is the inputs."""
    per_input = texts / len(sample.tokens)  # below 1 where texts are read by several windows
    with ExitStack() as stack, progress("looking for the fastest plan", 0) as bar:
        counts = instance_counts(models.threads)
        pipelines = {count: stack.enter_context(models.opened(count)).pipeline for count in counts}
        trials = find_plan(pipelines, models.threads, sample, bar)
    best, *others = trials
    say(f"plan: {best.plan}: {best.rate * per_input:.1f} texts/s, the fastest of {len(trials)}")
    for other in others[:2]:
        say(f"  {other.plan}: {other.rate * per_input:.1f} texts/s")
    return [trial.plan for trial in trials]


def _within(plans: Sequence[Plan], models: Models, sample: Sample, max_memory: float) -> Plan:
    """The first plan, freshly loaded, whose peak memory is within the limit.

    It runs a batch of texts of full length and then the sample, whose many shapes fill more of a runtime's arenas.
    """
    import pyarrow.parquet  # noqa: F401 - writes the output later: its memory in this process counts

    least = float("inf")
    for plan in plans:
        with models.opened(plan.instances) as opened:
            batch = full_batch(sample.tokens, plan.policy.batch_size, models.length)
            for worker in opened.workers:
                worker.predict([batch])
            opened.pipeline.run(sample.cut(plan.policy).batches)
            peak = opened.peak()
        if peak <= max_memory:
            say(f"memory: at most {format_bytes(peak)} resident by {plan}")
            return plan
        least = min(least, peak)
    raise UserError(
        f"--max-memory-mb: {format_bytes(max_memory)} asked, the smallest plan of {models.artifact.variant} takes "
        f"{format_bytes(least)}; allow more, or take a smaller variant"
    )
