"""Which variant to take: the best by an objective of those that are within every limit by their 95 % intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from bench.analysis.figures import figures
from bench.analysis.objectives import MAX_DROP, OBJECTIVES
from bench.analysis.precision import cautions
from bench.analysis.retention import count_pairs
from bench.runs.measurement import Figure, batch_shape
from bench.runs.predictions import read_right
from bench.runs.store import once_a_run
from bench.statistics import paired_interval
from bench.units import format_bytes
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from bench.runs.predictions import Right
    from bench.runs.store import Run

Standing: TypeAlias = Literal["in", "undecided", "out"]
_ORDER: tuple[Standing, ...] = ("in", "undecided", "out")
_COSTS = ("latency", "peak_memory", "artifact_size")  # of the Pareto front, beside the accuracy that is lost
_TIES = 1  # labels that may differ at parity: two logits that are almost equal may change places in fp32, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that a metric may be."""

    flag: str  # "--max-size-mb"
    metric: str  # key of METRICS
    most: float  # in the metric's SI unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Accuracy that a variant loses, against the reference."""

    on: str  # labelled set; "" for the share of labels that differ on the texts of the parity test
    share: float  # 0.01: one text in a hundred
    least: float  # ends of the 95 % interval, by the texts that changed sides; ``share`` itself at parity
    most: float
    texts: int  # that it is a share of


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a variant stands with one limit."""

    standing: Standing
    flag: str
    why: str = ""  # one line; empty where it is within the limit
    figure: Figure | None = None  # None: of accuracy, or not measured
    drop: Drop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One variant with all its limits."""

    variant: str
    standing: Standing  # the worst of its findings
    why: str  # one line; empty where it is within every limit
    figure: Figure | None  # of the objective
    drop: Drop | None  # on the set where it loses most; None: unknown
    findings: tuple[Finding, ...]  # empty where it cannot be taken whatever the limits
    pareto_front: bool  # no other variant is as good in accuracy and every cost, and better in one of them
    cautions: tuple[str, ...]  # what a person who takes it should know


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Every variant: those within the limits first, then the undecided ones, each best first."""

    objective: str  # key of OBJECTIVES
    max_drop: float
    limits: tuple[Limit, ...]
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate | None:
        """The variant to take; None where none is certain to be within every limit."""
        first = self.candidates[0]
        return first if first.standing == "in" else None

    @property
    def as_good(self) -> tuple[Candidate, ...]:
        """Those within the limits whose interval overlaps the best one's: the run cannot tell which is better."""
        within = [one for one in self.candidates if one.standing == "in"]
        return tuple(one for one in within[1:] if _overlap(within[0].figure, one.figure))

    @property
    def possibly_better(self) -> tuple[Candidate, ...]:
        """Undecided variants that would come before the best one if they were within the limits."""
        ahead = _rank(self.best.figure, self.objective) if self.best else math.inf
        undecided = [one for one in self.candidates if one.standing == "undecided"]
        return tuple(one for one in undecided if self.best is None or _rank(one.figure, self.objective) < ahead)


@once_a_run
def default_selection(run: Run) -> Selection:
    """By latency, with the default limit of accuracy alone."""
    return select(run, read_right(run), "latency", MAX_DROP)


def select(run: Run, right: Right, objective: str, max_drop: float, limits: Sequence[Limit] = ()) -> Selection:
    """Judge every variant of ``run`` by ``limits`` and by the accuracy that it may lose, and rank them by ``objective``.

    The 95 % interval decides where there is one: a variant whose interval contains a limit is undecided, and is not taken.
    Of a run without labelled sets, or with random weights, the labels at the texts of the parity test stand for the accuracy.
    """
    every = [one for one in figures(run) if one.value is not None]
    drops = {name: [] if run.variants[name].failed else _drops(run, name, right) for name in run.plan.variants}
    blocked = {name: _blocked(run, name, every, objective, drops[name]) for name in run.plan.variants}
    costs = {name: _costs(every, name, drops[name]) for name, reason in blocked.items() if not reason}

    def candidate(name: str) -> Candidate:
        findings: tuple[Finding, ...] = ()
        if not blocked[name]:
            by_drop = [_by_drop(drop, max_drop) for drop in drops[name]]
            findings = (*by_drop, *(_by_limit(every, name, limit) for limit in limits))
        found = {one.standing for one in findings}
        return Candidate(
            variant=name,
            standing="out" if blocked[name] or "out" in found else "undecided" if "undecided" in found else "in",
            why=blocked[name] or "; ".join(one.why for one in findings if one.why),
            figure=deciding_figure(every, name, OBJECTIVES[objective].metric),
            drop=max(drops[name], key=lambda one: one.share, default=None),
            findings=findings,
            pareto_front=name in costs and not any(_dominates(other, costs[name]) for other in costs.values()),
            cautions=cautions(run.variants[name]),
        )

    candidates = map(candidate, run.plan.variants)
    return Selection(
        objective=objective,
        max_drop=max_drop,
        limits=tuple(limits),
        candidates=tuple(
            sorted(candidates, key=lambda one: (_ORDER.index(one.standing), _rank(one.figure, objective)))
        ),
    )


def deciding_figure(every: Iterable[Figure], variant: str, metric: str) -> Figure | None:
    """Of several figures of a metric the one that decides: latency of the smallest batch, of any other metric the largest value."""
    own = [one for one in every if (one.variant, one.metric) == (variant, metric)]
    if metric.startswith("latency"):
        return min(own, key=lambda one: one.workload.batch_size if one.workload else 0, default=None)
    return max(own, key=lambda one: one.value or 0.0, default=None)


def _drops(run: Run, name: str, right: Right) -> list[Drop]:
    """What a variant loses on every labelled set, or at parity where the run has none; empty where that is unknown."""
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


def format_deciding(figure: Figure | None) -> str:
    """A figure with its unit and the batch that it was measured at; empty where there is no value."""
    if figure is None or figure.value is None:
        return ""
    at = f" ({batch_shape(figure.workload)})" if figure.workload else ""
    if figure.unit == "B":
        return format_bytes(figure.value) + at
    if figure.unit == "s":
        return f"{figure.value * 1e3:.3g} ms{at}"
    return f"{figure.value:.3g} texts/s{at}"


def _paired_drop(on: str, before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_], *, same: bool) -> Drop:
    pairs, texts = count_pairs(before, after), len(before)
    low, high = (0.0, 0.0) if same else paired_interval(int(pairs.lost), int(pairs.won), texts)
    return Drop(on=on, share=(pairs.lost - pairs.won) / texts, least=-high, most=-low, texts=texts)


def _blocked(run: Run, name: str, every: Sequence[Figure], objective: str, drops: Sequence[Drop]) -> str:
    """Why a variant cannot be taken whatever the limits; empty where it can."""
    info = run.variants[name]
    if info.failed:
        return f"failed: {info.failed}"
    if deciding_figure(every, name, OBJECTIVES[objective].metric) is None:
        return "was not measured"
    return info.executed_problem or ("" if drops else "its accuracy was not measured")


def _by_drop(drop: Drop, most: float) -> Finding:
    tied = not drop.on and round(drop.share * drop.texts) <= _TIES
    standing = "in" if tied else _standing(drop.least, drop.most, most)
    flag = "--max-accuracy-drop"
    where = f"{flag} on {drop.on}" if drop.on else flag
    why = {"in": "", "undecided": f"may be above {where}", "out": f"above {where}"}[standing]
    return Finding(standing=standing, flag=flag, why=why, drop=drop)


def _by_limit(every: Sequence[Figure], name: str, limit: Limit) -> Finding:
    figure = deciding_figure(every, name, limit.metric)
    if figure is None or figure.value is None:
        return Finding(standing="undecided", flag=limit.flag, why=f"{limit.flag[6:]} was not measured")
    exact = figure.low is None and figure.high is None
    low = figure.value if figure.low is None else figure.low
    high = figure.high if figure.high is not None else figure.value if exact else math.inf  # one end alone: open above
    standing = _standing(low, high, limit.most)
    verb = {"in": "", "undecided": "may be", "out": "is"}[standing]
    why = f"{format_deciding(figure)} {verb} above {limit.flag}" if verb else ""
    return Finding(standing=standing, flag=limit.flag, why=why, figure=figure)


def _standing(low: float, high: float, most: float) -> Standing:
    return "in" if high <= most else "out" if low > most else "undecided"


def _costs(every: Sequence[Figure], name: str, drops: Sequence[Drop]) -> tuple[float, ...]:
    """Accuracy lost and _COSTS, each the less the better; 0 where not measured, which is alike for all variants."""
    found = [deciding_figure(every, name, metric) for metric in _COSTS]
    costs = [figure.value if figure and figure.value is not None else 0.0 for figure in found]
    return (max((one.share for one in drops), default=0.0), *costs)


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def _rank(figure: Figure | None, objective: str) -> float:
    """The lower the better."""
    if figure is None or figure.value is None:
        return math.inf
    return figure.value if OBJECTIVES[objective].lower_is_better else -figure.value


def _overlap(one: Figure | None, other: Figure | None) -> bool:
    if one is None or other is None or one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low <= other.high and other.low <= one.high
