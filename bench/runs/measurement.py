"""One frozen dataclass for every metric; raw values in the order in which they were measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

Status = Literal["ok", "failed", "not_measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a predictor was fed, the thread budget it had, and how many of it computed at the same time.

    ``padding``: ``full`` = every row is ``sequence_length`` real tokens; ``longest`` = texts of their own length, padded
    to the longest of their batch (``sequence_length`` is then the truncation limit); ``max_length`` = likewise, padded to that
    limit; ``bucketed`` = as ``longest``, texts of like length side by side.
    """

    batch_size: int
    sequence_length: int
    padding: Literal["full", "longest", "max_length", "bucketed"]
    threads: int  # of each instance
    instances: int = 1  # processes


Row: TypeAlias = tuple[str, str, Workload | None, str | None]
"""What pairs a measurement of one run with that of another: variant, metric, workload of 0 threads, labelled set."""


def batch_shape(workload: Workload) -> str:
    """How a saved run names the shape of a batch: ``8x512``."""
    return f"{workload.batch_size}x{workload.sequence_length}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """All raw values of one metric, for one variant at one workload, or the reason why there are none.

    Statistics are computed from ``values`` when they are shown, never stored.
    """

    variant: str  # "onnx-int8-dynamic"
    metric: str  # key of METRICS
    values: tuple[float, ...] = ()  # in METRICS[metric].unit
    workload: Workload | None = None  # None where it does not matter (artifact_size)
    status: Status = "ok"
    reason: str = ""  # one line; empty only when status is "ok"
    data: str | None = None  # name of the labelled set, for what was measured on one
    launches: tuple[int, ...] = ()  # for timed values: the process each one came from
    blocks: tuple[int, ...] = ()  # and the block within it
    cpu_seconds: tuple[float, ...] = ()  # CPU time of all threads of the process during each value
    stopped: Literal["", "precise", "budget"] = ""  # why timing ended: known well enough, or the time was over
    confusion: tuple[tuple[int, ...], ...] = ()  # metric "accuracy": counts, rows = true label, columns = predicted


def process_medians(measurement: Measurement) -> list[float]:
    """One value of each process that was timed, in the order of the launches; all values are one process's without launches."""
    values: dict[int, list[float]] = {}
    launches = measurement.launches or (0,) * len(measurement.values)
    for launch, value in zip(launches, measurement.values, strict=True):
        values.setdefault(launch, []).append(value)
    return [median(one) for one in values.values()]


def launch_ratios(base: Measurement, contender: Measurement) -> list[float]:
    """Log of contender / base of each launch that timed both, the middle one of its blocks: what slows a block slows both."""
    before, after = _block_medians(base), _block_medians(contender)
    launches: dict[int, list[float]] = {}
    for place in before.keys() & after.keys():
        launches.setdefault(place[0], []).append(math.log(after[place] / before[place]))
    return [median(launches[launch]) for launch in sorted(launches)]


def _block_medians(measurement: Measurement) -> dict[tuple[int, int], float]:
    values: dict[tuple[int, int], list[float]] = {}
    blocks = measurement.blocks or (0,) * len(measurement.values)
    for launch, block, value in zip(measurement.launches, blocks, measurement.values, strict=True):
        values.setdefault((launch, block), []).append(value)
    return {place: median(one) for place, one in values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One cell of a table: a value with its 95 % interval, or the reason why it is empty. The tidy JSON is made of these."""

    variant: str
    metric: str
    value: float | None  # in ``unit``
    unit: str
    low: float | None  # 95 % interval; None where there is no sampling error (sizes) or too few values
    high: float | None
    n: int  # values, or examples, behind ``value``
    status: Status
    reason: str
    workload: Workload | None
    data: str | None = None  # name of the labelled set
    label: str | None = None  # for per-class figures: the class; for "confusion": "TRUE as PREDICTED"
    caution: str = ""  # what is wrong with the variant as a whole: "runs bf16 …, called fp32"
