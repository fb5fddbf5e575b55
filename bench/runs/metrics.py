"""Every metric, one record each: what it is measured in, and whether and how the values of two runs are compared."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["s", "B", "1/s", "B/s", "1"]
Kind: TypeAlias = Literal["time", "memory", "size", "accuracy", "score"]
KINDS: tuple[Kind, ...] = ("time", "memory", "size", "accuracy", "score")
OF_ANSWERS: tuple[Kind, ...] = ("accuracy", "score")
FASTER, LESS, SMALLER, BETTER = ("faster", "slower"), ("less", "more"), ("smaller", "larger"), ("better", "worse")
_ALLOCATOR_BLOCKS = 2 * 1024 * 1024  # bytes; two identical processes differed by an allocator's block of 1 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How ``compare`` judges a change of a metric."""

    threshold: float  # the smallest change that counts: relative to the base; of accuracy, absolute
    words: tuple[str, str]  # for better and worse
    short: str = ""  # name in a table of changes; "": the metric's own
    noise: float = 0.0  # in the metric's unit: two identical processes may differ by this much
    across_machines: float = 0.0  # with --normalise, a time must change by more than this share
    yardstick: str = ""  # that the time is normalised by; "": that of the variant's number format


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric's values are measured in, which direction is good, and how they are used.

    ``kind`` says what the values are a sample of, and which facts of two runs must be equal before they are compared
    (``deploybench.bench.compare.comparability.FACTS``): a *time* has one independent value per process and depends on the machine;
    *memory* has one value, and depends on threads and libraries; a *size* is exact; *accuracy* has one value per example;
    a *score* says of all examples together how well numbers follow their labels.
    """

    name: str
    unit: Unit
    better: Literal["lower", "higher"]
    _: KW_ONLY
    kind: Kind | None = None  # of measured metrics that are judged or have an interval
    compared: Compared | None = None  # None: not compared between runs
    per_variant: bool = False  # measured once per variant, at no workload and on no labelled set


ARRANGEMENTS = ("shuffled", "long_neighbour", "padded")  # of texts that were first classified alone
INVARIANCE = tuple(f"{arrangement}_{what}" for arrangement in ARRANGEMENTS for what in ("flips", "change"))
END_TO_END = ("classified", "tokenised", "token_time", "padding_share", "policy_accuracy")
READ = ("accuracy", "tokens", "rate")  # of each way to read long texts


def read_metric(way: str, what: str) -> str:
    """Name of a metric of a way to read long texts: ``head_tail_accuracy``."""
    return f"{way.replace('+', '_')}_{what}"


WAYS = ("head", "tail", "head+tail", "windows")
STAGE_SHARE = "stage_share"
WORST = "worst_"  # of a cascade, before a metric of latency: of texts that every stage computes

# Thresholds of memory: two runs of the same commit differed by up to 2 % (heap) and 4 % (resident).
_LATENCY = Compared(threshold=0.02, words=FASTER, across_machines=0.1)
_LOAD_TIME = Compared(threshold=0.1, words=FASTER, short="load", across_machines=0.25, yardstick="python")
_HEAP = Compared(threshold=0.05, words=LESS, short="heap", noise=_ALLOCATOR_BLOCKS)
_RESIDENT = Compared(threshold=0.1, words=LESS, short="resident", noise=_ALLOCATOR_BLOCKS)
_SIZE = Compared(threshold=0.001, words=SMALLER, short="size")
_ACCURACY = Compared(threshold=0.0, words=BETTER)
_RATE = Compared(threshold=0.05, words=("higher", "lower"), short="rate", across_machines=0.25)

_TRIAL_METRICS = (
    Metric("request_rate", "1/s", "higher"),  # requests, on average
    Metric("request_p50", "s", "lower"),  # from the intended time to the answer; 60 s for one that never came
    Metric("request_p95", "s", "lower"),
    Metric("request_p99", "s", "lower"),
    Metric("request_p99_low", "s", "lower"),  # of its 95 % interval
    Metric("request_p99_high", "s", "lower"),
    Metric("goodput", "1/s", "higher"),  # answers within the limit
    Metric("request_cpu", "s", "lower"),  # CPU time of the server for 1,000 requests
)
OF_A_TRIAL = {one.name: one.name.removeprefix("request_") for one in _TRIAL_METRICS} | {"request_cpu": "cpu_s"}
"""Metrics of each trial of a rate, and the fields of ``deploybench.bench.measure.server.capacity.Trial`` that they are."""

_ALL = (
    Metric("latency", "s", "lower", kind="time", compared=_LATENCY),  # one forward pass of one batch
    Metric("latency_mean", "s", "lower"),
    Metric("latency_p50", "s", "lower"),  # where latency is a mean over texts
    Metric("latency_p90", "s", "lower"),
    Metric("latency_p95", "s", "lower"),
    Metric("latency_p99", "s", "lower"),
    Metric("latency_max", "s", "lower"),
    # Of a cascade in which no stage but the last is ever sure:
    Metric(f"{WORST}latency", "s", "lower"),
    Metric(f"{WORST}latency_p95", "s", "lower"),
    Metric(f"{WORST}ratio", "1", "lower"),  # derived: over the last stage alone
    Metric(STAGE_SHARE, "1", "higher"),  # of the texts of a set that each stage of a cascade answers; label: the stage
    Metric("cpu_time", "s", "lower"),  # of all threads, for 1,000 texts
    Metric("throughput", "1/s", "higher"),  # derived: batch size / latency; never stored
    Metric("served_throughput", "1/s", "higher"),  # texts of all instances, computing at once
    # Of a server: the highest rate of requests whose 99th percentile is within the plan's limit, and of each trial:
    Metric("rate_at_p99", "1/s", "higher", kind="time", compared=_RATE),
    *_TRIAL_METRICS,
    Metric("instances", "1", "higher"),  # derived: of the model
    Metric("dynamic_batch", "1", "higher"),  # derived: texts that a server computes together, at most
    Metric("operators", "1", "lower"),  # derived: that one forward pass runs
    Metric("operator_time", "s", "lower"),  # derived: of one kind of work, while profiled
    Metric("achieved", "1/s", "higher"),  # derived: operations of a batch / latency
    Metric("yardstick_share", "1", "higher"),  # derived: achieved / the yardstick of its number format
    Metric("yardstick_fp32", "1/s", "higher"),  # of the machine: operations of a matrix product
    Metric("yardstick_bf16", "1/s", "higher"),
    Metric("yardstick_int8", "1/s", "higher"),
    Metric("yardstick_copy", "B/s", "higher"),  # each byte read once and written once
    Metric("yardstick_python", "1/s", "higher"),  # passes of a loop in the interpreter
    # memray: heap held after loading + high-water mark of a batch run three times
    Metric("peak_memory", "B", "lower", kind="memory", compared=_HEAP),
    # kernel: VmHWM of the same, interpreter and libraries included
    Metric("peak_resident", "B", "lower", kind="memory", compared=_RESIDENT),
    Metric("load_peak_memory", "B", "lower", kind="memory"),  # memray: high-water mark while loading
    Metric("load_peak_resident", "B", "lower", kind="memory"),  # kernel: VmHWM while loading, imports included
    Metric("steady_resident", "B", "lower"),  # kernel: RssAnon before, amid and after 50 batches
    Metric("steady_held", "B", "lower"),  # likewise, without what the allocator keeps free
    Metric("artifact_size", "B", "lower", kind="size", compared=_SIZE, per_variant=True),  # files the runtime reads
    Metric("needed_size", "B", "lower"),  # derived: parameters in the variant's number format
    Metric("inflation", "1", "lower"),  # derived: artifact_size / needed_size
    Metric("doubled_size", "B", "lower"),  # tensors stored more than once
    Metric("held_after_load", "B", "lower"),  # derived: resident after loading - resident after the imports
    Metric("weights_read", "B", "lower"),  # derived: for one text, a shared weight at each use
    # In fresh processes: from the files just read to a predictor; the runtime's import; the artifact's bytes into memory.
    Metric("load_time", "s", "lower", kind="time", compared=_LOAD_TIME, per_variant=True),
    Metric("import_time", "s", "lower", kind="time", per_variant=True),
    Metric("read_time", "s", "lower", kind="time", per_variant=True),
    Metric("first_inference", "s", "lower", kind="time"),  # the first call of a fresh process
    Metric("scoring_time", "s", "lower"),  # all forward passes over one labelled set
    Metric("scoring_time_per_sample", "s", "lower"),
    Metric("accuracy", "1", "higher", kind="accuracy", compared=_ACCURACY),
    # Of models with one output, and macro F1 of several labels; changes are judged by the saved predictions:
    Metric("spearman", "1", "higher", kind="score", compared=_ACCURACY),
    Metric("ndcg", "1", "higher", kind="score", compared=_ACCURACY),  # of the first ten documents of a query, averaged
    Metric("pearson", "1", "higher"),
    Metric("absolute_error", "1", "lower"),  # mean, in units of the labels
    Metric("reciprocal_rank", "1", "higher"),  # mean over queries
    Metric("macro_f1", "1", "higher", kind="score", compared=_ACCURACY),
    Metric("micro_f1", "1", "higher"),
    Metric("precision", "1", "higher"),
    Metric("recall", "1", "higher"),
    Metric("f1", "1", "higher"),
    Metric("false_positive_rate", "1", "lower"),
    Metric("false_negative_rate", "1", "lower"),
    Metric("confusion", "1", "higher"),  # counts
    # Of the same texts shuffled, beside a long one, padded to the maximum, against each alone; flips: share of texts that
    # change class; change: of a logit.
    *(Metric(name, "1", "lower") for name in INVARIANCE),
    # Of some texts of a set, by padding policy:
    Metric("classified", "1/s", "higher"),  # texts, from text to class
    Metric("tokenised", "1/s", "higher"),  # texts
    Metric("token_time", "s", "lower"),  # from text to class / tokens that are no padding
    Metric("padding_share", "1", "lower"),  # of the computed tokens
    Metric("policy_accuracy", "1", "higher"),
    # Of the same texts of a set, by what is read of long ones:
    *(Metric(read_metric(way, "accuracy"), "1", "higher") for way in WAYS),  # of scores, Spearman's correlation
    *(
        Metric(read_metric(way, "accuracy_change"), "1", "higher") for way in WAYS
    ),  # derived: over what is read otherwise
    *(Metric(read_metric(way, "tokens"), "1", "lower") for way in WAYS),  # computed for a text, without padding
    *(Metric(read_metric(way, "rate"), "1/s", "higher") for way in WAYS),  # texts, inference alone
    # Derived from every example's logits and the reference's, by set:
    Metric("agreement", "1", "higher"),  # share of examples with the reference's class
    Metric("lost", "1", "lower"),  # examples that only the reference classified correctly
    Metric("won", "1", "higher"),  # examples that only the variant classified correctly
    Metric("mcnemar_p", "1", "higher"),
    Metric("accuracy_change", "1", "higher"),
    Metric("f1_change", "1", "higher"),
    *(Metric(f"{name}_change", "1", "higher") for name in ("macro_f1", "micro_f1", "spearman", "pearson", "ndcg")),
    Metric("reciprocal_rank_change", "1", "higher"),
    Metric("absolute_error_change", "1", "lower"),
    Metric("order", "1", "higher"),  # share of pairs of examples in the reference's order
    Metric("label_change_p", "1", "higher"),  # McNemar's p of a label, adjusted for the number of labels
    Metric("retention", "1", "higher"),  # accuracy / the reference's
    Metric("holds_99", "1", "higher"),  # retention of 99 %: 1 holds, 0 undecided, -1 fails
    Metric("holds_999", "1", "higher"),  # likewise of 99.9 %
    Metric("max_logit_change", "1", "lower"),
    Metric("mean_logit_change", "1", "lower"),
    Metric("calibration_error", "1", "lower"),
    Metric("brier", "1", "lower"),
    Metric("roc_area", "1", "higher"),
    Metric("length_accuracy", "1", "higher"),  # of the texts of one length; label: "33–64 tokens"
    Metric("right_tokens_mean", "1", "higher"),  # length of the correctly classified texts
    Metric("right_tokens_median", "1", "higher"),
    Metric("wrong_tokens_mean", "1", "higher"),
    Metric("wrong_tokens_median", "1", "higher"),
    Metric("accuracy_shift", "1", "higher"),  # accuracy - accuracy on another set, the label
)
METRICS = {metric.name: metric for metric in _ALL}
YARDSTICKS = tuple(name for name in METRICS if name.startswith("yardstick_") and name != "yardstick_share")


def metrics_of(kind: Kind) -> tuple[str, ...]:
    """Names of the metrics of one kind."""
    return tuple(name for name, metric in METRICS.items() if metric.kind == kind)


def compared_metrics() -> dict[str, Compared]:
    """How each compared metric is judged, in the order in which changes are shown: times, memory, sizes, accuracy."""
    return {
        name: metric.compared
        for kind in KINDS
        for name, metric in METRICS.items()
        if metric.kind == kind and metric.compared
    }
