"""The figures of a run: for every cell of its plan, in a fixed order, a value with its interval or why there is none."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from statistics import fmean, median
from typing import TYPE_CHECKING, TypeAlias

from ...exporters.cascades.names import is_cascade
from ..measure.accuracy import scores
from ..measure.controls import CONTROLS
from ..measure.workload import PADDINGS
from ..measure.yardsticks import yardstick_readings
from ..runs.measurement import (
    Figure,
    Measurement,
    Status,
    Workload,
    batch_shape,
    per_text,
    process_averages,
    process_means,
)
from ..runs.metrics import END_TO_END, INVARIANCE, METRICS, READ, STAGE_SHARE, WAYS, metrics_of, read_metric
from ..runs.store import SetInfo, once_a_run
from ..statistics import NO_INTERVAL, interval_factors, wilson_interval
from .answer_figures import answer_figures
from .cascade_figures import stage_figures, worst_figures
from .ledgers import ledger_figures, ledger_of, memory_caution
from .long_texts import long_text_figures
from .operator_figures import operator_figures
from .precision import main_precision, vnni_problem
from .server_figures import RATE, server_figures
from .timing_figures import over_budget, timing_figures
from .weight_figures import weight_figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..measure.accuracy import Score
    from ..runs.store import Run

    _Factors: TypeAlias = dict[tuple[str, str, Workload | None], float]

SERVED = "served_throughput"
_BY_WORKLOAD = ("latency", "first_inference", SERVED, *metrics_of("memory"), *END_TO_END)
ANOTHER_MODEL = "another model"  # what a variant is that was not converted from the checkpoint
_NOT_RUN = "not run"
_RANDOM_WEIGHTS = "random weights"
_NO_SET = SetInfo(name="", rows=0, counts=(), sha256="", summary="no labelled set")


@once_a_run
def figures(run: Run) -> list[Figure]:
    """By variant in the order of the plan: speed, memory, size, loading, then every labelled set."""
    factors = _factors(run)
    return [figure for variant in run.plan.variants for figure in _variant_figures(run, _Rows(run, variant, factors))]


def labelled_sets(run: Run) -> tuple[SetInfo, ...]:
    """The labelled sets of the run; without any, one without a name, whose figures give that as the reason."""
    return run.sets or (_NO_SET,)


def latency_workload(run: Run, batch_size: int) -> Workload:
    """Workload at which ``batch_size`` is timed."""
    full = _full(run, batch_size, max(run.plan.sequence_lengths))
    return replace(full, padding="bucketed") if run.plan.text_lengths else full


def shorter_workloads(run: Run) -> tuple[Workload, ...]:
    """Workloads of shorter texts that were timed as well, the shortest first."""
    found = {one.workload for one in run.measurements if one.metric == "latency" and one.workload}
    usual = {latency_workload(run, size) for size in run.plan.batch_sizes}
    return tuple(sorted(found - usual, key=lambda one: one.sequence_length))


def average(run: Run) -> str:
    """What a latency is of its values: a median; where it depends on the text, a mean over texts."""
    return "mean" if run.plan.text_means else "median"


def timed_lengths(run: Run) -> str:
    """Lengths of the texts whose latency was measured, for a heading."""
    own = run.plan.text_lengths
    if not own:
        return f"{max(run.plan.sequence_lengths)} tokens"
    return f"the set's own texts of {min(own)} to {max(own)} tokens, median {median(own):.0f}"


def memory_workload(run: Run, sequence_length: int) -> Workload:
    """Workload at which memory is measured for ``sequence_length``."""
    return _full(run, run.plan.memory_batch_size, sequence_length)


def served_workloads(run: Run) -> tuple[Workload, ...]:
    """Workloads of the throughput of several processes, one process first; empty where it was not measured."""
    found = {one.workload for one in run.measurements if one.metric == SERVED and one.workload}
    return tuple(sorted(found, key=lambda one: one.instances))


def _full(run: Run, batch_size: int, sequence_length: int) -> Workload:
    return Workload(batch_size=batch_size, sequence_length=sequence_length, padding="full", threads=run.plan.threads)


def _factors(run: Run) -> _Factors:
    """Width of each time's interval as a factor; the rows of a metric together, since the spread of each is shrunk to all."""
    found: _Factors = {}
    for metric in metrics_of("time"):
        timed = [
            one
            for one in run.measurements
            if one.metric == metric and one.variant not in CONTROLS and one.launches and min(one.values) > 0
        ]
        of_process = process_means if metric == "latency" and run.plan.text_means else process_averages
        factors = interval_factors([of_process(one) for one in timed], [one.variant for one in timed])
        found.update(zip([(one.variant, metric, one.workload) for one in timed], factors, strict=True))
    return found


class _Rows:
    """The measurements of one variant by metric, workload and labelled set."""

    def __init__(self, run: Run, variant: str, factors: _Factors) -> None:
        self.variant = variant
        self._factors = factors
        self._text_means = run.plan.text_means
        self._sent = run.sets[0].name if run.sets else None  # the set whose texts servers were sent
        self._saved = {}
        for measurement in run.measurements:
            if measurement.variant == variant:
                workload = measurement.workload if measurement.metric in _BY_WORKLOAD else None
                self._saved[measurement.metric, workload, measurement.data] = measurement

    def measurement(self, metric: str, workload: Workload | None = None, data: str | None = None) -> Measurement:
        missing = Measurement(
            variant=self.variant, metric=metric, workload=workload, data=data, status="not_measured", reason=_NOT_RUN
        )
        return self._saved.get((metric, workload, data), missing)

    def of_metric(self, metric: str) -> list[Measurement]:
        return [one for (found, *_), one in self._saved.items() if found == metric]

    def timed(self, workload: Workload | None) -> Measurement:
        """The times at a workload; where latencies are means over texts, one of each text."""
        found = self.measurement("latency", workload)
        return per_text(found) if self._text_means and found.values else found

    def latency(self, workload: Workload | None) -> Figure:
        """Its median, or its mean over texts."""
        found = self.figure("latency", workload)
        if not self._text_means or not found.value:
            return found
        values = self.timed(workload).values
        return replace(_moved(found, fmean(values)), n=len(values))

    def server(self, metric: str) -> Measurement:
        """A metric of the variant's server, whatever its setup."""
        return next(iter(self.of_metric(metric)), self.measurement(metric, data=self._sent))

    def server_rate(self) -> Figure:
        """Its highest rate."""
        found = self.server(RATE)
        return _figure(found, self._factors.get((self.variant, RATE, found.workload), math.inf))

    def figure(self, metric: str, workload: Workload | None = None, data: str | None = None) -> Figure:
        factor = self._factors.get((self.variant, metric, workload), math.inf)
        return _figure(self.measurement(metric, workload, data), factor)


def _variant_figures(run: Run, rows: _Rows) -> list[Figure]:
    found = [*_speed(run, rows), *_memory(run, rows)]
    found += [rows.figure(name) for name, metric in METRICS.items() if metric.per_variant]
    found += weight_figures(run, rows.figure("artifact_size"), _loaded(run, rows))
    found += operator_figures(run, _profiled(run, rows))
    if any(one.metric in INVARIANCE for one in run.measurements):  # else the run was saved before they existed
        found += [replace(rows.figure(metric), workload=None) for metric in INVARIANCE]
    found += [rows.figure(SERVED, workload) for workload in served_workloads(run)]
    found += [rows.figure("first_inference", latency_workload(run, min(run.plan.batch_sizes)))]
    found += [ledger_figure for length in run.plan.sequence_lengths for ledger_figure in _ledger(run, rows, length)]
    why_none = _RANDOM_WEIGHTS if run.checkpoint.random_weights else "" if run.sets else _NO_SET.summary
    for labelled in labelled_sets(run):
        of_set = [*_accuracy(run, rows, labelled), *_scoring(rows, labelled)]
        found += [figure.empty(why_none) for figure in of_set] if why_none else of_set
        found += _end_to_end(run, rows, labelled)
        found += _long_texts(run, rows, labelled)
        found += stage_figures(rows.measurement(STAGE_SHARE, data=labelled.name or None), _blank)
    if is_cascade(rows.variant):
        found += worst_figures(run, rows.latency(latency_workload(run, min(run.plan.batch_sizes))))
    found += server_figures(run, rows.server, rows.server_rate(), _blank)
    info = run.variants.get(rows.variant)
    used = info.cores_used if info else 0.0
    cores = run.environment.get("cores")
    problems = [info.executed_problem if info else ""]
    problems += [over_budget(row, used, cores) for row in rows.of_metric("latency")]
    problems += [vnni_problem(info.without_vnni, info.parity)] if info else []
    caution = next(filter(None, problems), "")
    found = [replace(figure, caution=caution) for figure in found] if caution else found
    return [figure.empty(info.failed, "failed") for figure in found] if info and info.failed else found


def _speed(run: Run, rows: _Rows) -> Iterator[Figure]:
    timed = [*(latency_workload(run, size) for size in run.plan.batch_sizes), *shorter_workloads(run)]
    latencies = [rows.latency(workload) for workload in timed]
    yield from latencies
    for latency in latencies:
        yield from timing_figures(rows.timed(latency.workload), latency)
        if is_cascade(rows.variant):
            middle = latency.of_metric("latency_p50")
            yield _moved(middle, median(rows.timed(latency.workload).values)) if middle.value else middle
    yield from (_per_second("throughput", latency, _batch_size(latency), "") for latency in latencies)
    achieved = [_achieved(run, latency) for latency in latencies]
    yield from achieved
    yield from (_yardstick_share(run, figure) for figure in achieved)


def _memory(run: Run, rows: _Rows) -> Iterator[Figure]:
    cautions = {length: _memory_caution(run, rows, length) for length in run.plan.sequence_lengths}
    for metric in metrics_of("memory"):
        for length, caution in cautions.items():
            yield replace(rows.figure(metric, memory_workload(run, length)), caution=caution)


def _memory_caution(run: Run, rows: _Rows, length: int) -> str:
    return memory_caution(run, rows.variant, memory_workload(run, length))


def _ledger(run: Run, rows: _Rows, length: int) -> list[Figure]:
    """The values of the ledger at one length; empty for runs that were saved before ledgers existed."""
    if not run.ledgers:
        return []
    workload = memory_workload(run, length)
    peak = rows.figure("peak_memory", workload)  # the same processes measured both
    peak = replace(peak, caution=_memory_caution(run, rows, length))
    if peak.status == "ok":
        return ledger_figures(run, peak.empty(_NOT_RUN))
    return ledger_figures(run, peak)


def profiled_workload(run: Run) -> Workload:
    """What the profiler ran: one text of full length."""
    return _full(run, 1, max(run.plan.sequence_lengths))


def _profiled(run: Run, rows: _Rows) -> Figure:
    return replace(rows.figure("latency", latency_workload(run, 1)), workload=profiled_workload(run))


def _loaded(run: Run, rows: _Rows) -> Figure:
    """Growth of resident memory while loading, in the process that ran the longest texts."""
    workload = memory_workload(run, max(run.plan.sequence_lengths))
    place = replace(rows.figure("peak_memory", workload), low=None, high=None)  # the same processes measured both
    ledger = ledger_of(run, rows.variant, workload)
    if ledger is None:
        missing = place if place.status != "ok" else place.empty(_NOT_RUN)
        return replace(missing, workload=None)
    grown = ledger.phases["load"].resident - ledger.phases["imports"].resident
    return replace(place, value=float(grown), n=1, status="ok", reason="", workload=None)


def _accuracy(run: Run, rows: _Rows, labelled: SetInfo) -> list[Figure]:
    """Of single labels the scores of one confusion matrix; without one, the same figures without a value."""
    data = labelled.name or None
    measurement = rows.measurement("accuracy", data=data)
    if run.checkpoint.task != "single-label":
        blank = _blank(rows.measurement("scoring_time", data=data))
        blank = blank if blank.status != "ok" else replace(blank, status="not_measured")
        all_right = [_share_of_right(measurement)] if run.checkpoint.task == "multi-label" else []
        return [*all_right, *answer_figures(run, labelled, blank)]
    labels = run.checkpoint.labels
    nothing = tuple((0,) * len(labels) for _ in labels)
    found = [_score_figure(measurement, score) for score in scores(measurement.confusion or nothing, labels)]
    if measurement.status != "ok":
        return [figure.empty(measurement.reason, measurement.status) for figure in found]
    if not measurement.confusion:
        return [figure.empty("no confusion matrix was saved") for figure in found]
    return found


def _share_of_right(measurement: Measurement) -> Figure:
    """Subset accuracy: the share of texts that are given exactly their labels."""
    blank = _blank(measurement)
    if measurement.status != "ok":
        return blank
    right, texts = int(sum(measurement.values)), len(measurement.values)
    low, high = wilson_interval(right, texts)
    return replace(blank, value=right / texts, low=low, high=high, n=texts) if texts else blank.empty("no examples")


def _scoring(rows: _Rows, labelled: SetInfo) -> Iterator[Figure]:
    whole = rows.figure("scoring_time", data=labelled.name or None)
    yield whole
    yield _per_sample(whole, labelled.rows)


def policy_workloads(run: Run) -> tuple[Workload, ...]:
    """Workloads of the padding policies, in the order of PADDINGS; empty where they were not measured."""
    found = {one.workload for one in run.measurements if one.metric == "classified" and one.workload}
    return tuple(sorted(found, key=lambda one: PADDINGS.index(one.padding)))


def _end_to_end(run: Run, rows: _Rows, labelled: SetInfo) -> Iterator[Figure]:
    """Figures of the padding policies; the policy is the label, because other figures of a set have one workload."""
    for workload in policy_workloads(run):
        for metric in END_TO_END:
            figure = replace(rows.figure(metric, workload, labelled.name or None), label=workload.padding)
            nothing = metric == "policy_accuracy" and run.checkpoint.random_weights
            yield figure.empty(_RANDOM_WEIGHTS) if nothing else figure


def _long_texts(run: Run, rows: _Rows, labelled: SetInfo) -> Iterator[Figure]:
    """Nothing where the variant's long texts were not read in several ways."""
    look = functools.partial(rows.measurement, data=labelled.name or None)
    if look(read_metric(WAYS[0], READ[0])).reason != _NOT_RUN:
        yield from long_text_figures(run.checkpoint, look, _blank)


def _figure(measurement: Measurement, factor: float) -> Figure:
    """Median of the values, with an interval where several processes were timed."""
    blank = _blank(measurement)
    if measurement.status != "ok":
        return blank
    values = measurement.values
    if not values:
        return blank.empty("no values were saved")
    middle = float(median(values))
    low, high = (middle / factor, middle * factor) if math.isfinite(factor) else NO_INTERVAL
    return replace(blank, value=middle, low=low, high=high, n=len(values))


def _moved(latency: Figure, value: float) -> Figure:
    """With another value, and an interval as wide."""
    assert latency.value, "was measured"
    low, high = (None if end is None else value * end / latency.value for end in (latency.low, latency.high))
    return replace(latency, value=value, low=low, high=high)


def _batch_size(latency: Figure) -> float:
    return latency.workload.batch_size if latency.workload else 0


def _achieved(run: Run, latency: Figure) -> Figure:
    own = run.variants.get(latency.variant)
    if own and own.another_model:
        return _per_second("achieved", latency, 0.0, ANOTHER_MODEL)
    if is_cascade(latency.variant):
        return _per_second("achieved", latency, 0.0, "its stages compute different texts")
    operations = run.operations.get(batch_shape(latency.workload)) if latency.workload else None
    return _per_second("achieved", latency, operations or 0.0, "" if operations else "operations were not counted")


def _per_second(metric: str, latency: Figure, amount: float, why_none: str) -> Figure:
    """``amount`` / latency; the ends of the interval change places."""
    derived = latency.of_metric(metric)
    if latency.value is None:
        return derived
    if why_none or not latency.value:
        return derived.empty(why_none or "latency is below what the clock can tell")
    low, high = (amount / end if end else None for end in (latency.high, latency.low))
    return replace(derived, value=amount / latency.value, low=low, high=high)


def _yardstick_share(run: Run, achieved: Figure) -> Figure:
    """Operations per second / the median reading of the yardstick of the variant's main number format."""
    derived = achieved.of_metric("yardstick_share")
    if achieved.value is None:
        return derived
    precision = (
        main_precision(run.variants[achieved.variant]) if achieved.variant in run.variants else "unknown precision"
    )
    readings = yardstick_readings(run).get(f"yardstick_{precision}")
    if readings is None:
        return derived.empty(f"no yardstick of {precision} was read")
    peak = median(readings.values)
    low, high = (None if end is None else end / peak for end in (achieved.low, achieved.high))
    return replace(derived, value=achieved.value / peak, low=low, high=high)


def _per_sample(scoring: Figure, rows: int) -> Figure:
    """Time of the whole set / its rows."""
    derived = scoring.of_metric("scoring_time_per_sample")
    if scoring.value is None:
        return derived
    if not rows:
        return derived.empty("no examples")
    low, high = (None if end is None else end / rows for end in (scoring.low, scoring.high))
    return replace(derived, value=scoring.value / rows, low=low, high=high)


def _score_figure(measurement: Measurement, score: Score) -> Figure:
    blank = _blank(measurement).of_metric(score.metric)
    status: Status = "not_measured" if score.reason else "ok"
    found = replace(blank, value=score.value, low=score.low, high=score.high, n=score.n, label=score.label)
    return replace(found, status=status, reason=score.reason)


def blank_figure(run: Run, name: str, variant: str, metric: str, lacking: str) -> Figure:
    """A figure of the set ``name`` without a value; ``lacking`` is the reason unless the variant failed or has random weights."""
    info = run.variants.get(variant)
    failed = info.failed if info else ""
    status: Status = "failed" if failed else "not_measured"
    reason = failed or (_RANDOM_WEIGHTS if run.checkpoint.random_weights else lacking)
    return _blank(Measurement(variant=variant, metric=metric, data=name, status=status, reason=reason))


def _blank(measurement: Measurement) -> Figure:
    return Figure(
        variant=measurement.variant,
        metric=measurement.metric,
        value=None,
        unit=METRICS[measurement.metric].unit,
        low=None,
        high=None,
        n=0,
        status=measurement.status,
        reason=measurement.reason,
        workload=measurement.workload,
        data=measurement.data,
    )
