"""One frozen dataclass for every metric; raw values in the order in which they were measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

Status = Literal["ok", "failed", "not_measured"]
Unit = Literal["s", "B", "1/s", "B/s", "1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What a metric's values are measured in, and which direction is good."""

    name: str
    unit: Unit
    better: Literal["lower", "higher"]


ARRANGEMENTS = ("shuffled", "long_neighbour", "padded")  # of texts that were asked alone before
INVARIANCE = tuple(f"{arrangement}_{what}" for arrangement in ARRANGEMENTS for what in ("flips", "change"))

METRICS = {
    metric.name: metric
    for metric in (
        Metric(name="latency", unit="s", better="lower"),  # one forward pass of one batch
        Metric(name="latency_mean", unit="s", better="lower"),
        Metric(name="latency_p90", unit="s", better="lower"),
        Metric(name="latency_p95", unit="s", better="lower"),
        Metric(name="latency_p99", unit="s", better="lower"),
        Metric(name="latency_max", unit="s", better="lower"),
        Metric(name="cpu_time", unit="s", better="lower"),  # of all threads, for 1,000 texts
        Metric(name="throughput", unit="1/s", better="higher"),  # derived: batch size / latency; never stored
        Metric(name="served_throughput", unit="1/s", better="higher"),  # texts of all instances, computing at once
        Metric(name="operators", unit="1", better="lower"),  # derived: that one forward pass runs
        Metric(name="operator_time", unit="s", better="lower"),  # derived: of one kind of work, while profiled
        Metric(name="achieved", unit="1/s", better="higher"),  # derived: operations of a batch / latency
        Metric(name="yardstick_share", unit="1", better="higher"),  # derived: achieved / the yardstick of its precision
        Metric(
            name="yardstick_fp32", unit="1/s", better="higher"
        ),  # of the machine: operations of a product of matrices
        Metric(name="yardstick_bf16", unit="1/s", better="higher"),
        Metric(name="yardstick_int8", unit="1/s", better="higher"),
        Metric(name="yardstick_copy", unit="B/s", better="higher"),  # each byte read once and written once
        Metric(name="yardstick_python", unit="1/s", better="higher"),  # passes of a loop in the interpreter
        Metric(
            name="peak_memory", unit="B", better="lower"
        ),  # memray: heap held after load + high water of a batch run thrice
        Metric(
            name="peak_resident", unit="B", better="lower"
        ),  # kernel: VmHWM of the same, interpreter and libraries included
        Metric(name="load_peak_memory", unit="B", better="lower"),  # memray: high water while loading
        Metric(name="load_peak_resident", unit="B", better="lower"),  # kernel: VmHWM while loading, imports included
        Metric(name="steady_resident", unit="B", better="lower"),  # kernel: RssAnon before, amid and after 50 batches
        Metric(name="steady_held", unit="B", better="lower"),  # likewise, without what the allocator keeps free
        Metric(name="artifact_size", unit="B", better="lower"),  # the files that the runtime reads
        Metric(name="needed_size", unit="B", better="lower"),  # derived: parameters in the variant's precision
        Metric(name="inflation", unit="1", better="lower"),  # derived: artifact_size / needed_size
        Metric(name="doubled_size", unit="B", better="lower"),  # tensors in the files that are there already
        Metric(name="held_after_load", unit="B", better="lower"),  # derived: resident after loading, less the imports
        Metric(name="weights_read", unit="B", better="lower"),  # derived: of one text, a shared weight at each use
        Metric(name="import_time", unit="s", better="lower"),  # the variant's runtime, in a fresh process
        Metric(name="read_time", unit="s", better="lower"),  # the artifact's bytes into memory, in a fresh process
        Metric(
            name="load_time", unit="s", better="lower"
        ),  # from the files just read to a predictor, in a fresh process
        Metric(name="first_inference", unit="s", better="lower"),  # the first call of a fresh process
        Metric(name="scoring_time", unit="s", better="lower"),  # all forward passes over one labelled set
        Metric(name="scoring_time_per_sample", unit="s", better="lower"),
        Metric(name="accuracy", unit="1", better="higher"),
        Metric(name="precision", unit="1", better="higher"),
        Metric(name="recall", unit="1", better="higher"),
        Metric(name="f1", unit="1", better="higher"),
        Metric(name="false_positive_rate", unit="1", better="lower"),
        Metric(name="false_negative_rate", unit="1", better="lower"),
        Metric(name="confusion", unit="1", better="higher"),  # counts
        # of the same texts shuffled, beside a long one, padded to the maximum, against each alone:
        *(
            Metric(name=name, unit="1", better="lower") for name in INVARIANCE
        ),  # flips: share of texts; change: of a logit
        # of some texts of a set, by padding policy:
        Metric(name="classified", unit="1/s", better="higher"),  # texts, from text to class
        Metric(name="tokenised", unit="1/s", better="higher"),  # texts
        Metric(name="token_time", unit="s", better="lower"),  # from text to class / tokens that are no padding
        Metric(name="padding_share", unit="1", better="lower"),  # of the tokens that are computed
        Metric(name="policy_accuracy", unit="1", better="higher"),
        # derived from every example's logits and the reference's, by set:
        Metric(name="agreement", unit="1", better="higher"),  # share of examples with the reference's class
        Metric(name="lost", unit="1", better="lower"),  # examples that the reference alone got right
        Metric(name="won", unit="1", better="higher"),  # examples that the variant alone got right
        Metric(name="mcnemar_p", unit="1", better="higher"),
        Metric(name="accuracy_change", unit="1", better="higher"),
        Metric(name="f1_change", unit="1", better="higher"),
        Metric(name="retention", unit="1", better="higher"),  # accuracy / the reference's
        Metric(name="holds_99", unit="1", better="higher"),  # retention of 99 %: 1 holds, 0 undecided, -1 fails
        Metric(name="holds_999", unit="1", better="higher"),  # likewise of 99.9 %
        Metric(name="max_logit_change", unit="1", better="lower"),
        Metric(name="mean_logit_change", unit="1", better="lower"),
        Metric(name="calibration_error", unit="1", better="lower"),
        Metric(name="brier", unit="1", better="lower"),
        Metric(name="roc_area", unit="1", better="higher"),
        Metric(name="length_accuracy", unit="1", better="higher"),  # of the texts of one length; label: "33–64 tokens"
        Metric(name="right_tokens_mean", unit="1", better="higher"),  # length of the texts that were called right
        Metric(name="right_tokens_median", unit="1", better="higher"),
        Metric(name="wrong_tokens_mean", unit="1", better="higher"),
        Metric(name="wrong_tokens_median", unit="1", better="higher"),
        Metric(name="accuracy_shift", unit="1", better="higher"),  # accuracy less that on another set, the label
    )
}


TIMED = (
    "latency",
    "load_time",
    "import_time",
    "read_time",
    "first_inference",
)  # by several processes, each of which is one independent value
END_TO_END = ("classified", "tokenised", "token_time", "padding_share", "policy_accuracy")
MEMORY = ("peak_memory", "peak_resident")
YARDSTICKS = tuple(name for name in METRICS if name.startswith("yardstick_") and name != "yardstick_share")


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
