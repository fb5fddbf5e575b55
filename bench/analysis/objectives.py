"""What ``export --best`` and ``recommend`` optimise, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...exporters.errors import UserError
from ..runs.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...exporters.labels import Task

MAX_DROP = 0.01  # default of FLAG, the share of accuracy that a variant may lose, and of SCORE_FLAG
FLAG = "--max-accuracy-drop"
SCORE_FLAG = "--max-score-drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A metric that decides, and what has to be measured for it."""

    name: str  # on the command line
    metric: str  # key of METRICS, which says whether lower or higher is better
    suites: tuple[str, ...]  # that ``export --best`` runs; accuracy is measured for every objective
    gain: str  # how a ratio to the reference is worded: "2.00 times as fast as torch-eager"

    @property
    def lower_is_better(self) -> bool:
        """Direction of the metric."""
        return METRICS[self.metric].better == "lower"


_RECORDS = (
    Objective(name="latency", metric="latency", suites=("test_latency.py",), gain="as fast as"),
    Objective(name="throughput", metric="throughput", suites=("test_latency.py",), gain="the throughput of"),
    Objective(name="memory", metric="peak_memory", suites=("test_memory.py",), gain="as small as"),
    Objective(name="size", metric="artifact_size", suites=("test_load.py",), gain="as small as"),
)
OBJECTIVES = {one.name: one for one in _RECORDS}


def max_drop(task: Task, accuracy: float | None, score: float | None) -> float:
    """The limit for models of ``task``; raises UserError for one that is of another task."""
    own, other = (score, accuracy) if task == "score" else (accuracy, score)
    if other is not None:
        flags = (FLAG, SCORE_FLAG) if task == "score" else (SCORE_FLAG, FLAG)
        raise UserError(f"{flags[0]}: the model's task is {task}, whose limit is {flags[1]}; name that one")
    return MAX_DROP if own is None else own


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that a metric may be."""

    flag: str  # "--max-size-mb"
    metric: str  # key of METRICS
    most: float  # in the metric's SI unit


LIMITS = {  # by flag: metric, SI units in one unit of the flag, help
    "--max-p95-ms": ("latency_p95", 1e-3, "95th percentile of the latency of the smallest batch, in ms"),
    "--max-memory-mb": ("peak_memory", 1e6, "peak of the heap after loading and during batches, by memray"),
    "--max-size-mb": ("artifact_size", 1e6, "size on disk"),
}


def limits(given: Mapping[str, float | None]) -> tuple[Limit, ...]:
    """From numbers in the units of the flags, by name: ``{"max_p95_ms": 100}``; None is no limit."""
    named = {flag: given.get(flag[2:].replace("-", "_")) for flag in LIMITS}
    found = ((flag, number, *LIMITS[flag][:2]) for flag, number in named.items() if number is not None)
    return tuple(Limit(flag=flag, metric=metric, most=number * unit) for flag, number, metric, unit in found)


AT_RATE, MAX_P99 = "--at-rate", "--max-p99-ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """What a variant's server has to keep: how many requests it answers, and how fast."""

    rate: float  # a second, of one text each
    p99: float  # seconds, within which 99 % of them are to be answered


def service_level_of(rate: float | None, p99_ms: float | None) -> ServiceLevel | None:
    """From the numbers of both flags; None without them. Raises UserError for one alone."""
    if rate is None and p99_ms is None:
        return None
    if rate is None or p99_ms is None:
        given, missing = (MAX_P99, AT_RATE) if rate is None else (AT_RATE, MAX_P99)
        raise UserError(f"{given}: was given without {missing}; pass both, such as {AT_RATE} 50 {MAX_P99} 100")
    return ServiceLevel(rate=rate, p99=p99_ms / 1e3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the variant to take is chosen by."""

    objective: str = "latency"  # key of OBJECTIVES
    max_drop: float = MAX_DROP
    on_each_set: bool = False  # the accuracy limit holds on each labelled set, not on all texts together
    limits: tuple[Limit, ...] = ()
    service_level: ServiceLevel | None = None  # that its server has to keep
    allow_other_model: bool = False  # a variant that was trained anew may be taken as well
    runtime: str = ""  # the only one that a variant may need; empty: any
