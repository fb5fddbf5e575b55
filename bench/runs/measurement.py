"""What one variant measured, as raw values, and the figures that tables are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Literal, TypeAlias

from ...exporters.cascades.names import is_cascade
from .metrics import METRICS

Status = Literal["ok", "failed", "not_measured"]
_NORMAL = 1.4826  # standard deviation of a normal distribution / its median absolute departure
_FEWEST_LAUNCHES = 3  # of two, the median of a text is their mean, which a single slice moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The input of a predictor, its thread budget, and the number of instances that computed at the same time.

    ``padding``: ``full`` = each row is ``sequence_length`` real tokens; ``longest`` = texts padded to the longest of their
    batch (``sequence_length`` is the truncation limit); ``max_length`` = texts padded to that limit; ``bucketed`` = as
    ``longest``, with texts of similar length in a batch.
    """

    batch_size: int
    sequence_length: int
    padding: Literal["full", "longest", "max_length", "bucketed"]
    threads: int  # of each instance
    instances: int = 1  # processes


Row: TypeAlias = tuple[str, str, Workload | None, str | None]
"""The key by which measurements of two runs are paired: variant, metric, workload with 0 threads, labelled set."""


def batch_shape(workload: Workload) -> str:
    """Batch size x sequence length, as saved runs write it: ``8x512``."""
    return f"{workload.batch_size}x{workload.sequence_length}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """All raw values of one metric, for one variant at one workload, or the reason why there are none.

    Values are in the order in which they were measured; statistics are computed from them and never stored.
    """

    variant: str  # "onnx-int8-dynamic"
    metric: str  # key of METRICS
    values: tuple[float, ...] = ()  # in METRICS[metric].unit
    workload: Workload | None = None  # None if the metric has none (artifact_size)
    status: Status = "ok"
    reason: str = ""  # one line; empty only if status is "ok"
    data: str | None = None  # name of the labelled set, if it was measured on one
    launches: tuple[int, ...] = ()  # of times: the process of each value
    blocks: tuple[int, ...] = ()  # and its block within the process
    cpu_seconds: tuple[float, ...] = ()  # CPU time of all threads of the process during each value
    beside: tuple[float, ...] = ()  # seconds of the control before and after each value, their mean; empty: without one
    stopped: Literal["", "precise", "budget", "slower"] = (
        ""  # why timing ended: the interval is narrow enough, the time
    )
    # budget is used up, or the row is slow for its model
    confusion: tuple[tuple[int, ...], ...] = ()  # metric "accuracy": counts, rows = true label, columns = predicted


def process_averages(measurement: Measurement) -> list[float]:
    """Median of each process, in the order of the launches; without launches, all values are of one process.

    Of a cascade, whose time depends on the text, the mean over the texts.
    """
    if is_cascade(measurement.variant) and measurement.blocks:
        return process_means(measurement)
    values: dict[int, list[float]] = {}
    launches = measurement.launches or (0,) * len(measurement.values)
    for launch, value in zip(launches, measurement.values, strict=True):
        values.setdefault(launch, []).append(value)
    return [median(one) for one in values.values()]


def process_means(measurement: Measurement) -> list[float]:
    """Mean over the texts of each process, in the order of the launches; a text counts once."""
    values: dict[int, list[float]] = {}
    for (launch, _), value in _block_medians(measurement).items():
        values.setdefault(launch, []).append(value)
    return [*map(fmean, values.values())]


def common_seconds(*rows: Measurement) -> list[list[list[float]]]:
    """Seconds of each row by launch and block: medians of the blocks that all rows timed in all launches that all have."""
    found = [_block_medians(one) for one in rows]
    launches = sorted(set.intersection(*({launch for launch, _ in one} for one in found)))
    blocks = sorted({block for one in found for _, block in one})
    kept = [block for block in blocks if all((launch, block) in one for one in found for launch in launches)]
    return [[[one[launch, block] for block in kept] for launch in launches] for one in found]


def per_text(measurement: Measurement) -> Measurement:
    """With one value for each text, its median over launches: quick texts were timed more often."""
    seconds: dict[int, list[float]] = {}
    for (_, block), value in _block_medians(measurement).items():
        seconds.setdefault(block, []).append(value)
    spent: dict[int, list[float]] = {}
    for (_, block), values in _by_block(measurement, measurement.cpu_seconds).items():
        spent.setdefault(block, []).extend(values)
    return replace(
        measurement,
        values=tuple(map(median, seconds.values())),
        launches=(),
        blocks=tuple(seconds),
        cpu_seconds=tuple(map(fmean, spent.values())),  # the kernel counts it in ticks, longer than some rounds
        beside=(),
    )


def launch_ratios(base: Measurement, contender: Measurement) -> list[float]:
    """Log of contender / base for each launch that timed both, from blocks in which both timed the same text.

    Where one is a cascade it is that of their means over the texts.
    """
    if is_cascade(base.variant) or is_cascade(contender.variant):
        sides = common_seconds(base, contender)
        return [math.log(fmean(after) / fmean(before)) for before, after in zip(*sides, strict=True) if before]
    return _by_text(_block_logs(base, contender))


def slice_noise(base: Measurement, contender: Measurement) -> float:
    """Standard deviation of the log of contender / base of a slice, beyond what its text and its launch explain; 0 if unknown.

    Robust: from the median of the absolute departures. Each launch takes part in the median that it departs from, which makes
    departures smaller, by half of their variance where there are two.
    """
    slices = _block_logs(base, contender)
    everywhere = set.intersection(*(set(blocks) for blocks in slices.values())) if slices else set()
    count = len(slices)
    if not everywhere or count < 2:  # noqa: PLR2004 - of one launch nothing is known
        return 0.0
    usual = {block: median(blocks[block] for blocks in slices.values()) for block in everywhere}
    departures = [[blocks[block] - usual[block] for block in everywhere] for blocks in slices.values()]
    rest = [abs(one - median(of_launch)) for of_launch in departures for one in of_launch]
    return _NORMAL * median(rest) * math.sqrt(count / (count - 1))


def _by_text(launches: dict[int, dict[int, float]]) -> list[float]:
    """A logarithm for each launch, from those of its blocks; a block has the same text in every launch.

    The mean over texts of each one's median over launches, plus the median by which the launch departs from these: texts differ
    by more than launches do, and a few slices by much more than the others (``deploybench.suites.studies.harness.estimators``).
    """
    everywhere = set.intersection(*(set(blocks) for blocks in launches.values())) if launches else set()
    if not everywhere or len(launches) < _FEWEST_LAUNCHES:
        return [median(blocks.values()) for blocks in launches.values()]
    usual = {block: median(blocks[block] for blocks in launches.values()) for block in everywhere}
    return [
        fmean(usual.values()) + median(blocks[block] - usual[block] for block in everywhere)
        for blocks in launches.values()
    ]


def _block_logs(base: Measurement, contender: Measurement) -> dict[int, dict[int, float]]:
    """Log of contender / base by launch and block, where both were timed."""
    before, after = _block_medians(base), _block_medians(contender)
    launches: dict[int, dict[int, float]] = {}
    for launch, block in sorted(before.keys() & after.keys()):
        launches.setdefault(launch, {})[block] = math.log(after[launch, block] / before[launch, block])
    return launches


def _block_medians(measurement: Measurement) -> dict[tuple[int, int], float]:
    return {place: median(one) for place, one in _by_block(measurement, measurement.values).items()}


def _by_block(measurement: Measurement, values: tuple[float, ...]) -> dict[tuple[int, int], list[float]]:
    """``values``, one for each of the measurement or none at all, by launch and block."""
    found: dict[tuple[int, int], list[float]] = {}
    single = (0,) * len(measurement.values)  # process, or block
    places = zip(measurement.launches or single, measurement.blocks or single, strict=True)
    for place, value in zip(places, values, strict=bool(values)):
        found.setdefault(place, []).append(value)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One cell of a table, and one object of the JSON: a value with its 95 % interval, or the reason why there is none."""

    variant: str
    metric: str
    value: float | None  # in ``unit``
    unit: str
    low: float | None  # 95 % interval; None without sampling error (sizes) or with too few values
    high: float | None
    n: int  # number of values, or of examples
    status: Status
    reason: str
    workload: Workload | None
    data: str | None = None  # name of the labelled set
    label: str | None = None  # for per-class figures: the class; for "confusion": "TRUE as PREDICTED"
    caution: str = ""  # a problem of the variant as a whole: "runs bf16 …, called fp32"

    def of_metric(self, metric: str) -> Figure:
        """The same, as another metric in its unit."""
        return replace(self, metric=metric, unit=METRICS[metric].unit)

    def empty(self, reason: str, status: Status = "not_measured") -> Figure:
        """The same place without a value."""
        return replace(self, value=None, low=None, high=None, n=0, status=status, reason=reason)
