"""Which variant to take within limits, which are worth a look, and why each other one is out; from a saved run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from bench.analysis.choice import Candidate, Objective, deciding_figure, drops_of, rank_candidates
from bench.analysis.figures import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.choice import Drop
    from bench.runs.measurement import Figure
    from bench.runs.predictions import Right
    from bench.runs.store import Run

Standing: TypeAlias = Literal["in", "undecided", "out"]
_COSTS = ("latency", "peak_memory", "artifact_size")  # of the Pareto front, beside the accuracy that is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that a metric may be."""

    flag: str  # "--max-size-mb"
    metric: str  # key of METRICS
    most: float  # in the metric's SI unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a variant stands with one limit."""

    standing: Standing
    flag: str
    figure: Figure | None = None  # None: of accuracy, or not measured
    drop: Drop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """One variant with all its limits."""

    variant: str
    out: str  # why it cannot be taken whatever the limits; empty where it can
    findings: tuple[Finding, ...]
    objective: Figure | None
    drop: Drop | None
    front: bool  # no other variant is as good in everything and better in something
    cautions: tuple[str, ...]

    @property
    def standing(self) -> Standing:
        """The worst of all."""
        found = {one.standing for one in self.findings} | ({"out"} if self.out else set())
        return "out" if "out" in found else "undecided" if "undecided" in found else "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """Every variant, those within the limits first, best first."""

    objective: Objective
    max_drop: float
    limits: tuple[Limit, ...]
    variants: tuple[Standings, ...]

    @property
    def best(self) -> Standings | None:
        """The one to take: the best of those that are within all limits by their intervals, too."""
        first = self.variants[0]
        return first if first.standing == "in" else None

    @property
    def hopeful(self) -> tuple[Standings, ...]:
        """Those that a better measurement could put ahead of the best."""
        rank = {one.variant: place for place, one in enumerate(self._by_objective())}
        ahead = rank[self.best.variant] if self.best else len(rank)
        return tuple(one for one in self.variants if one.standing == "undecided" and rank[one.variant] < ahead)

    def _by_objective(self) -> list[Standings]:
        return sorted(self.variants, key=lambda one: _rank(one, self.objective))


def recommend(run: Run, right: Right, objective: Objective, max_drop: float, limits: Sequence[Limit]) -> Recommendation:
    """Judge every variant of ``run`` by ``limits`` and by the accuracy it may lose.

    A limit is decided by the interval where there is one: what straddles it is undecided, and is not taken.
    """
    every = [one for one in figures(run) if one.value is not None]
    candidates = rank_candidates(run, right, objective, max_drop=1.0)  # how much is lost is judged here
    costs = {one.variant: _costs(every, one) for one in candidates if not one.out}
    found = [
        Standings(
            variant=one.variant,
            out=one.out,
            findings=() if one.out else _findings(drops_of(run, one.variant, right), max_drop, every, one, limits),
            objective=one.figure,
            drop=one.drop,
            front=one.variant in costs and not any(_dominates(other, costs[one.variant]) for other in costs.values()),
            cautions=one.cautions,
        )
        for one in candidates
    ]
    order = ("in", "undecided", "out")
    return Recommendation(
        objective=objective,
        max_drop=max_drop,
        limits=tuple(limits),
        variants=tuple(sorted(found, key=lambda one: (order.index(one.standing), _rank(one, objective)))),
    )


def _findings(
    drops: Sequence[Drop], max_drop: float, every: Sequence[Figure], one: Candidate, limits: Sequence[Limit]
) -> tuple[Finding, ...]:
    by_set = [_by_drop(drop, max_drop) for drop in drops]
    return (*by_set, *(_by_limit(every, one, limit) for limit in limits))


def _by_drop(drop: Drop, most: float) -> Finding:
    standing: Standing = "in" if drop.most <= most else "out" if drop.least > most else "undecided"
    return Finding(standing=standing, flag="--max-accuracy-drop", drop=drop)


def _by_limit(every: Sequence[Figure], one: Candidate, limit: Limit) -> Finding:
    figure = deciding_figure([found for found in every if found.metric == limit.metric], one.variant)
    if figure is None or figure.value is None:
        return Finding(standing="undecided", flag=limit.flag)
    low = figure.value if figure.low is None else figure.low
    exact = figure.low is None and figure.high is None
    high = figure.high if figure.high is not None else figure.value if exact else math.inf  # one end alone: open above
    standing: Standing = "in" if high <= limit.most else "out" if low > limit.most else "undecided"
    return Finding(standing=standing, flag=limit.flag, figure=figure)


def _costs(every: Sequence[Figure], one: Candidate) -> tuple[float, ...]:
    """What it takes, all of it the less the better; what was not measured is alike for all."""
    found = [deciding_figure([figure for figure in every if figure.metric == metric], one.variant) for metric in _COSTS]
    costs = [figure.value if figure and figure.value is not None else 0.0 for figure in found]
    return (one.drop.share if one.drop else 0.0, *costs)


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def _rank(one: Standings, objective: Objective) -> float:
    if one.objective is None or one.objective.value is None:
        return float("inf")
    return -one.objective.value if objective == "throughput" else one.objective.value
