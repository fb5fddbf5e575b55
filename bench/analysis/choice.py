"""Which variant to take: the best one by an objective, of those that keep the accuracy; from a saved run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.analysis.figures import figures
from bench.analysis.precision import cautions
from bench.analysis.retention import count_pairs
from bench.runs.metrics import METRICS
from bench.statistics import paired_interval
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from bench.runs.measurement import Figure
    from bench.runs.predictions import Right
    from bench.runs.store import Run

_SPARED = 1  # labels: one may hang by a thread in fp32 as well
Objective = Literal["latency", "throughput", "memory", "size"]
_METRICS: dict[Objective, str] = {
    "latency": "latency",
    "throughput": "throughput",
    "memory": "peak_memory",
    "size": "artifact_size",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """What a variant loses of the reference's accuracy."""

    on: str  # the labelled set where it loses most; "" for labels that differ from the reference's at parity's texts
    share: float  # 0.01: one text in a hundred
    least: float  # ends of the 95 % interval, by the texts that changed sides; ``share`` itself at parity
    most: float
    texts: int  # that is a share of


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One variant, in or out."""

    variant: str
    figure: Figure | None  # of the objective
    drop: Drop | None
    out: str = ""  # why it cannot be taken; empty where it can
    cautions: tuple[str, ...] = ()  # what people should know who take it


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Every variant, those that can be taken first, best first; the first one is taken."""

    objective: Objective
    max_drop: float
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        """The one to take."""
        return self.candidates[0]

    @property
    def alike(self) -> tuple[Candidate, ...]:
        """Those whose interval overlaps the best one's: which of them is better this run cannot tell."""
        best = self.best.figure
        return tuple(one for one in self.candidates[1:] if not one.out and _overlap(best, one.figure))


def choose(run: Run, right: Right, objective: Objective, max_drop: float) -> Choice | None:
    """Rank the variants of ``run``, whose examples are called as ``right`` says; None where not even one can be taken."""
    ranked = rank_candidates(run, right, objective, max_drop)
    return None if ranked[0].out else Choice(objective=objective, max_drop=max_drop, candidates=ranked)


def rank_candidates(run: Run, right: Right, objective: Objective, max_drop: float) -> tuple[Candidate, ...]:
    """Every variant of ``run``, those that can be taken first, best first.

    A variant is out whose accuracy drops by more than ``max_drop`` on any set, as measured; what the interval leaves open
    is in its ``Drop``. Of a run without labelled sets, or with random weights, the drop is the share of labels that differ
    from the reference's on the texts of the parity test; there one label may differ, for they are few.
    """
    every = [one for one in figures(run) if one.metric == _METRICS[objective] and one.value is not None]
    candidates = [_candidate(run, name, deciding_figure(every, name), right, max_drop) for name in run.plan.variants]
    sign = 1 if METRICS[_METRICS[objective]].better == "lower" else -1

    def rank(one: Candidate) -> tuple[bool, float]:
        value = one.figure.value if one.figure and one.figure.value is not None else np.inf * sign
        return bool(one.out), sign * value

    return tuple(sorted(candidates, key=rank))


def deciding_figure(every: Iterable[Figure], variant: str) -> Figure | None:
    """The figure of a metric that decides: of latency that of the smallest batch, of all others the largest."""
    own = [one for one in every if one.variant == variant]
    if any(one.metric.startswith("latency") for one in own):
        return min(own, key=lambda one: one.workload.batch_size if one.workload else 0)
    return max(own, key=lambda one: one.value or 0.0, default=None)


def _candidate(run: Run, name: str, figure: Figure | None, right: Right, max_drop: float) -> Candidate:
    info = run.variants[name]
    drop = None if info.failed else _drop(run, name, right)
    if info.failed:
        out = f"failed: {info.failed}"
    elif figure is None:
        out = "was not measured"
    elif info.executed_problem:
        out = info.executed_problem
    elif drop is None:
        out = "its accuracy was not measured"
    elif drop.share > max_drop and (drop.on or round(drop.share * drop.texts) > _SPARED):
        out = "loses more accuracy than was allowed"
    else:
        out = ""
    return Candidate(variant=name, figure=figure, drop=drop, out=out, cautions=cautions(info))


def _drop(run: Run, name: str, right: Right) -> Drop | None:
    drops = drops_of(run, name, right)
    return max(drops, key=lambda one: one.share) if drops else None


def drops_of(run: Run, name: str, right: Right) -> list[Drop]:
    """What a variant loses on every labelled set, or at parity where the run has none; empty where that is not known."""
    if not run.sets or run.checkpoint.random_weights:
        parity = run.variants[name].parity
        if not parity:
            return []
        share = 1 - parity["agreement"]
        return [Drop(on="", share=share, least=share, most=share, texts=int(parity["examples"]))]
    drops = []
    for labelled in run.sets:
        before, after = right.get((labelled.name, REFERENCE)), right.get((labelled.name, name))
        if before is None or after is None:
            return []
        drops.append(_paired_drop(labelled.name, before, after, same=name == REFERENCE))
    return drops


def _paired_drop(on: str, before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_], *, same: bool) -> Drop:
    pairs, texts = count_pairs(before, after), len(before)
    low, high = (0.0, 0.0) if same else paired_interval(int(pairs.lost), int(pairs.won), texts)
    return Drop(on=on, share=(pairs.lost - pairs.won) / texts, least=-high, most=-low, texts=texts)


def _overlap(one: Figure | None, other: Figure | None) -> bool:
    if one is None or other is None or None in (one.low, one.high, other.low, other.high):
        return False
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is not None
    return one.low <= other.high and other.low <= one.high
