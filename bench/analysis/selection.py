"""Which variant to take: the best by an objective of those that are within every limit by their 95 % intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...exporters.cascades.names import is_cascade
from ...exporters.variant import REFERENCE
from ..runs.measurement import Figure, batch_shape
from ..runs.metrics import WORST
from ..runs.predictions import missing_predictions, read_scored
from ..runs.store import once_a_run
from ..units import counted, format_bytes
from .accuracy_loss import Drop, Standing, accuracy_drops, judge_drop, stands
from .figures import ANOTHER_MODEL, figures
from .objectives import AT_RATE, FLAG, OBJECTIVES, SCORE_FLAG, Aim, Limit, ServiceLevel
from .other_model import OtherModel, other_models
from .precision import cautions
from .server_figures import RATE, trials_of
from .speed_ups import speed_ups

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..runs.measurement import Workload
    from ..runs.predictions import Answers
    from ..runs.store import Run, VariantInfo
    from .accuracy_loss import Verdict

_ORDER: tuple[Standing, ...] = ("in", "undecided", "out")
_OF_THE_WORST = ("latency_p95",)  # of a cascade, limits hold for texts that every stage computes
_COSTS = ("latency", "peak_memory", "artifact_size")  # of the Pareto front, beside the accuracy that is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a variant stands with one limit."""

    standing: Standing
    flag: str
    why: str = ""  # one line; empty where it is within the limit
    needed: str = (
        ""  # texts that would decide, "some 120 more labelled texts"; empty where it is decided, or not of accuracy
    )
    figure: Figure | None = None  # None: of accuracy, or not measured
    drop: Drop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One variant, or one of several models with a variant, with all its limits."""

    variant: str  # "openvino-int8"; of several models "minilm/openvino-int8"
    standing: Standing  # the worst of its findings
    why: str  # one line; empty where it is within every limit
    verdict: str  # of its accuracy, in a cell of a table: "within 0.01"; empty where that is unknown
    figure: Figure | None  # of the objective
    told_by: Figure | None  # tells it from others: the speed-up where slices were paired, else ``figure``
    drop: Drop | None  # of accuracy; on each set: where it loses most; None: unknown
    findings: tuple[Finding, ...]  # empty where it cannot be taken whatever the limits
    pareto_front: bool  # no other candidate is as good in accuracy and every cost, and better in one of them
    cautions: tuple[str, ...]  # what a person who takes it should know


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Every candidate: those within the limits first, then the undecided ones, each best first."""

    objective: str  # key of OBJECTIVES
    max_drop: float
    on_each_set: bool  # whether that limit holds on each labelled set
    limits: tuple[Limit, ...]
    candidates: tuple[Candidate, ...]
    service_level: ServiceLevel | None = None  # that its server has to keep
    unscored: int = 0  # texts of the labelled sets that the time budget left out
    reference: str = REFERENCE  # what gains and losses are against
    by_costs: bool = False  # whether costs alone decide, because accuracy was not measured
    other_models: tuple[
        OtherModel, ...
    ] = ()  # that are not taken, although they would do; empty where they may be taken

    @property
    def kind(self) -> str:
        """What a candidate is: a variant, or one of several models and its variant."""
        return "variant" if self.reference == REFERENCE else "model/variant"

    @property
    def best(self) -> Candidate | None:
        """The candidate to take; None where none is certain to be within every limit."""
        first = self.candidates[0]
        return first if first.standing == "in" else None

    @property
    def as_good(self) -> tuple[Candidate, ...]:
        """Those within the limits whose interval overlaps the best one's: the run cannot tell which is better."""
        within = [one for one in self.candidates if one.standing == "in"]
        return tuple(one for one in within[1:] if _overlap(within[0].told_by, one.told_by))

    @property
    def possibly_better(self) -> tuple[Candidate, ...]:
        """Undecided variants that would come before the best one if they were within the limits."""
        ahead = _rank(self.best.figure, self.objective) if self.best else math.inf
        undecided = [one for one in self.candidates if one.standing == "undecided"]
        return tuple(one for one in undecided if self.best is None or _rank(one.figure, self.objective) < ahead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What candidates are judged by, under their names."""

    infos: Mapping[str, VariantInfo]  # every candidate, in the order given
    figures: Sequence[Figure]  # those that have a value
    speed_ups: Mapping[tuple[str, int], Figure]  # by candidate and batch size
    base: str  # what speed-ups are over
    drops: Mapping[str, Sequence[Drop]]  # empty where the loss is unknown
    reference: str  # what accuracy is lost against
    trials: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)  # of servers, by candidate
    p99_limit: float | None = None  # seconds, within which the highest rates of servers were looked for
    by_costs: bool = False  # whether costs alone decide, because accuracy was not measured
    without_drop: Mapping[str, Finding] = field(
        default_factory=dict
    )  # of a loss that is unknown; others cannot be taken
    unscored: int = 0  # as of Selection


@once_a_run
def default_selection(run: Run) -> Selection:
    """By latency, with the default limit of accuracy alone."""
    return select(run, read_scored(run), Aim())


def select(run: Run, scored: Mapping[str, Answers], aim: Aim) -> Selection:
    """Judge every variant of ``run`` by the limits of ``aim``, its accuracy by ``scored``, and rank them by the objective."""
    known = Known(
        infos={name: run.variants[name] for name in run.plan.variants},
        figures=[one for one in figures(run) if one.value is not None],
        speed_ups=speed_ups(run),
        base=REFERENCE,
        drops=accuracy_drops(run, scored, on_each_set=aim.on_each_set),
        reference=REFERENCE,
        trials=trials_of(run),
        p99_limit=run.plan.p99_limit,
        without_drop=dict.fromkeys(_may_be_known(run), _without_drop(run)),
        unscored=sum(one.unscored for one in run.sets),
    )
    selection = judge(known, aim)
    if aim.allow_other_model:
        return selection
    return replace(selection, other_models=other_models(run, known.figures, known.drops, aim.max_drop))


def _may_be_known(run: Run) -> list[str]:
    """Variants whose loss a longer run would know; another model's is known by labels alone."""
    return [name for name in run.plan.variants if run.sets or not run.variants[name].another_model]


def _without_drop(run: Run) -> Finding:
    """What is said where no answers of the variant, or of the reference, are known."""
    lost = missing_predictions(run)
    why = lost or "its accuracy was not measured"
    needed = "" if lost else "a longer --time-budget"
    flag = SCORE_FLAG if run.checkpoint.task == "score" else FLAG
    return Finding(standing="undecided", flag=flag, why=why, needed=needed)


def judge(known: Known, aim: Aim) -> Selection:
    """Judge every candidate by the limits of ``aim`` and rank them by its objective.

    The 95 % interval decides where there is one: a candidate whose interval contains a limit is undecided, and is not taken.
    """
    every, drops = known.figures, known.drops
    blocked = {name: _blocked(known, name, aim) for name in known.infos}
    costs = {name: _costs(every, name, drops[name]) for name, reason in blocked.items() if not reason}

    def candidate(name: str) -> Candidate:
        findings: tuple[Finding, ...] = ()
        verdicts = [judge_drop(one, aim.max_drop, alone=len(drops[name]) > 1) for one in drops[name]]
        if not blocked[name]:
            by_drop = [_by_drop(*pair) for pair in zip(drops[name], verdicts, strict=True)]
            if name in known.without_drop and not by_drop and not known.by_costs:
                by_drop = [known.without_drop[name]]
            by_level = [_by_service_level(known, name, aim.service_level)] if aim.service_level else []
            findings = (*by_drop, *(_by_limit(every, name, limit) for limit in aim.limits), *by_level)
        worst = max(verdicts, default=None, key=lambda one: _ORDER.index(one.standing))
        figure = deciding_figure(every, name, OBJECTIVES[aim.objective].metric)
        standings = [one.standing for one in findings]
        return Candidate(
            variant=name,
            standing="out" if blocked[name] else max(standings, default="in", key=_ORDER.index),
            why=blocked[name] or "; ".join(one.why for one in findings if one.why),
            verdict=_words(known, name, aim, worst),
            figure=figure,
            told_by=_sharper(known, figure),
            drop=max(drops[name], key=lambda one: one.share, default=None),
            findings=findings,
            pareto_front=name in costs and not any(_dominates(other, costs[name]) for other in costs.values()),
            cautions=cautions(known.infos[name]),
        )

    def place(one: Candidate) -> tuple[int, float]:
        return _ORDER.index(one.standing), _rank(one.figure, aim.objective)

    return Selection(
        objective=aim.objective,
        max_drop=aim.max_drop,
        on_each_set=aim.on_each_set,
        limits=aim.limits,
        service_level=aim.service_level,
        candidates=tuple(sorted(map(candidate, known.infos), key=place)),
        unscored=known.unscored,
        reference=known.reference,
        by_costs=known.by_costs,
    )


def deciding_figure(every: Iterable[Figure], variant: str, metric: str) -> Figure | None:
    """Of several figures of a metric the one that decides: latency of the smallest batch, of any other metric the largest value.

    Shorter texts that were timed as well do not count.
    """
    own = [one for one in every if (one.variant, one.metric) == (variant, metric)]
    longest = max((one.workload.sequence_length for one in own if one.workload), default=0)
    own = [one for one in own if one.workload is None or one.workload.sequence_length == longest]
    if metric.startswith("latency"):
        return min(own, key=lambda one: one.workload.batch_size if one.workload else 0, default=None)
    return max(own, key=lambda one: one.value or 0.0, default=None)


def format_deciding(figure: Figure | None) -> str:
    """A figure with its unit and the batch that it was measured at; empty where there is no value."""
    if figure is None or figure.value is None:
        return ""
    at = f" ({_told_batch(figure.workload)})" if figure.workload else ""
    if figure.unit == "B":
        return format_bytes(figure.value) + at
    if figure.unit == "s":
        return f"{figure.value * 1e3:.3g} ms{at}"
    return f"{figure.value:.3g} texts/s{at}"


def _words(known: Known, name: str, aim: Aim, worst: Verdict | None) -> str:
    if name == known.reference:
        return "reference"
    if known.infos[name].another_model and not aim.allow_other_model:
        return ANOTHER_MODEL
    return worst.words if worst else ""


def _told_batch(workload: Workload) -> str:
    """``8x512``, or of a set's own texts their number: their lengths differ."""
    return batch_shape(workload) if workload.padding == "full" else counted(workload.batch_size, "text")


def _blocked(known: Known, name: str, aim: Aim) -> str:
    """Why a candidate cannot be taken whatever the limits; empty where it can."""
    info = known.infos[name]
    if info.failed:
        return f"failed: {info.failed}"
    if info.another_model and not aim.allow_other_model:
        return f"{ANOTHER_MODEL}, taken only with --allow-other-model"
    if aim.runtime not in ("", info.runtime):
        return f"runs in {info.runtime}; that server runs {aim.runtime} alone"
    if deciding_figure(known.figures, name, OBJECTIVES[aim.objective].metric) is None:
        return "was not measured"
    judged = known.by_costs or bool(known.drops[name] or name in known.without_drop)
    return info.executed_problem or ("" if judged else "its accuracy was not measured")


def _by_drop(drop: Drop, verdict: Verdict) -> Finding:
    return Finding(standing=verdict.standing, flag=drop.flag, why=verdict.why, needed=verdict.needed, drop=drop)


def _by_limit(every: Sequence[Figure], name: str, limit: Limit) -> Finding:
    metric = f"{WORST}{limit.metric}" if is_cascade(name) and limit.metric in _OF_THE_WORST else limit.metric
    figure = deciding_figure(every, name, metric)
    if figure is None or figure.value is None:
        return Finding(standing="undecided", flag=limit.flag, why=f"what {limit.flag} limits was not measured")
    exact = figure.low is None and figure.high is None
    low = figure.value if figure.low is None else figure.low
    high = figure.high if figure.high is not None else figure.value if exact else math.inf  # one end alone: open above
    standing = stands(low, high, limit.most)
    verb = {"in": "", "undecided": "may be", "out": "is"}[standing]
    case = " where every stage computes" * (metric != limit.metric)
    why = f"{format_deciding(figure)}{case} {verb} above {limit.flag}" if verb else ""
    return Finding(standing=standing, flag=limit.flag, why=why, figure=figure)


def _by_service_level(known: Known, name: str, level: ServiceLevel) -> Finding:
    """By the interval of the highest rate, where the run looked for that of the same p99.

    Else by trials: one at that rate or a higher one whose p99 is certain to be low enough, and none at that rate or a lower one
    whose p99 is certain to be too high.
    """
    trials, figure = known.trials.get(name, ()), deciding_figure(known.figures, name, RATE)
    asked = f"{level.rate:g} requests a second with p99 within {level.p99 * 1e3:g} ms"
    if figure is not None and figure.low is not None and figure.high is not None and known.p99_limit == level.p99:
        standing = stands(-figure.high, -figure.low, -level.rate)
        found = f"its server answers {figure.value:.0f} ({figure.low:.0f} to {figure.high:.0f}) within that p99"
        verb = {"in": "", "undecided": "may not answer", "out": "does not answer"}[standing]
        why = f"{verb} {asked}: {found}" if verb else ""
        return Finding(standing=standing, flag=AT_RATE, why=why, figure=figure)
    if not trials:
        why = f"its server was not measured (run --rate-at-p99-ms {level.p99 * 1e3:g})"
        return Finding(standing="undecided", flag=AT_RATE, why=why)
    keeps = any(one["request_rate"] >= level.rate and one["request_p99_high"] <= level.p99 for one in trials)
    fails = any(one["request_rate"] <= level.rate and one["request_p99_low"] > level.p99 for one in trials)
    if keeps == fails:
        return Finding(standing="undecided", flag=AT_RATE, why=f"its server may not answer {asked}")
    return Finding(
        standing="in" if keeps else "out", flag=AT_RATE, why="" if keeps else f"its server does not answer {asked}"
    )


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


def _sharper(known: Known, figure: Figure | None) -> Figure | None:
    if figure is None or figure.metric != "latency" or figure.workload is None:
        return figure
    ratio = known.speed_ups.get((figure.variant, figure.workload.batch_size), figure)
    paired = any(one.low is not None for one in known.speed_ups.values())
    if paired and figure.variant == known.base:
        return replace(ratio, low=1.0, high=1.0)
    return ratio if ratio.low is not None else figure


def _overlap(one: Figure | None, other: Figure | None) -> bool:
    if one is None or other is None or one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low <= other.high and other.low <= one.high
