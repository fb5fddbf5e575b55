"""Each row over all saved runs of a machine, in the order of time, and its change points."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..runs.measurement import Measurement, Workload, process_averages
from ..runs.metrics import METRICS, metrics_of
from ..statistics import QUANTILES, process_variances
from .changes import rows_in
from .comparability import differences_of, is_commit
from .judging import Terms, row_of
from .segments import common_variance, own_variance, steps
from .terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..runs.measurement import Row
    from .saved_runs import SavedRuns
    from .thresholds import Thresholds

_FINEST = 0.25  # of the threshold: lower bound of the standard deviation of a value
_LEAST = 1e-6  # used for a threshold of 0, because a variance must be above 0
_FREEDOM = 6.0  # lower bound of the degrees of freedom of a variance
_MOST = 1e30  # in any unit: larger values are not measurements
Direction: TypeAlias = Literal["better", "worse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """A step from one level to the next."""

    point: int  # index of the first value of the new level
    before: float  # level, in METRICS[metric].unit
    after: float
    change: float  # relative, after / before - 1; of accuracy, after - before
    low: float  # 95 % interval of ``change``
    high: float
    direction: Direction
    drift: float = 0.0  # share by which the machine's yardstick took more time, or less


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One row over the runs that have a value."""

    variant: str
    metric: str  # key of METRICS
    workload: Workload | None
    data: str | None  # name of the labelled set
    runs: tuple[int, ...]  # indices of these runs
    values: tuple[float, ...]  # in METRICS[metric].unit
    changes: tuple[ChangePoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All rows over all runs."""

    saved: SavedRuns
    series: tuple[Series, ...]  # in the row order of the newest run that has them
    worse: tuple[Series, ...]  # their newest level is worse than the one before, detected with the newest run
    lacking: tuple[Row, ...]  # failed in the newest run, or missing from it but in the run before its commit
    failed: tuple[Row, ...]  # those of ``lacking`` that failed
    unlike: tuple[Row, ...]  # in the newest run and in older ones, but never comparable
    compared: int  # number of rows in the newest run and an older one


def history_of(saved: SavedRuns, thresholds: Thresholds) -> History:
    """Find the change points of each row that exceed its threshold."""
    found, newest, first = _measured(saved), len(saved.runs) - 1, _first_of_commit(saved)
    series = _series(saved, found, thresholds)
    older = replace(saved, runs=saved.runs[:first])
    # It may take two or three runs to detect a change of a few per cent, so its first run need not be the newest one.
    known = {_row(one): _times_worse(one) for one in _series(older, _measured(older), thresholds)} if older.runs else {}
    worse = [
        one
        for one in series
        if one.changes and one.changes[-1].direction == "worse" and _times_worse(one) > known.get(_row(one), 0)
    ]
    first = first or newest  # if all runs are of one commit, only the newest is judged
    gone = [_row(one) for one in series if first - 1 in one.runs and newest not in one.runs]
    failed = [row for row, one in rows_in(saved.runs[-1].run, gone).items() if one.status == "failed"]
    return History(
        saved=saved,
        series=series,
        worse=tuple(worse),
        lacking=tuple(dict.fromkeys([*gone, *failed])),
        failed=tuple(failed),
        unlike=tuple(_row(one) for one in series if min(one.runs) >= first and _row(one) in found.unlike),
        compared=sum(newest in one.runs and len(one.runs) > 1 for one in series),
    )


def _first_of_commit(saved: SavedRuns) -> int:
    """Index of the first of the newest commit's runs: to repeat a run must not hide its regression."""
    first = len(saved.runs) - 1
    while first and is_commit(saved.runs[first].commit) and saved.runs[first - 1].commit == saved.runs[first].commit:
        first -= 1
    return first


def _series(saved: SavedRuns, found: _Measured, thresholds: Thresholds) -> tuple[Series, ...]:
    variances = _variances(found.rows, len(saved.runs), thresholds)
    return tuple(
        _segmented(row, by_run, found.drifts[row], (variances[row], thresholds.of(row)))
        for row, by_run in found.rows.items()
    )


def _row(series: Series) -> Row:
    return row_of(series.variant, series.metric, series.workload, series.data)


def _times_worse(series: Series) -> int:
    return sum(change.direction == "worse" for change in series.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    rows: dict[Row, dict[int, Measurement]]  # by run, if comparable with the newest run
    drifts: dict[Row, list[float]]  # of each of these runs: log of the newest run's yardstick time / its own
    unlike: set[Row]  # not comparable in some run


def _measured(saved: SavedRuns) -> _Measured:
    newest = saved.runs[-1].run
    rows: dict[Row, dict[int, tuple[Measurement, float]]] = {}
    unlike = set()
    for index, one in reversed(list(enumerate(saved.runs))):
        terms = terms_of(one.run, newest, differences_of(one.run, newest))
        for row, measurement in rows_in(one.run).items():
            if (
                METRICS[row[1]].kind == "score"
            ):  # no shares, whose variance is known: two runs are compared by their examples
                continue
            on = terms(row)
            if on.unlike:
                unlike.add(row)
            elif _usable(measurement):
                rows.setdefault(row, {})[index] = measurement, math.log1p(on.drift)
            elif measurement.values:
                unlike.add(row)
    ordered = {row: dict(sorted(found.items())) for row, found in rows.items()}
    return _Measured(
        rows={row: {index: one for index, (one, _) in found.items()} for row, found in ordered.items()},
        drifts={row: [drift for _, drift in found.values()] for row, found in ordered.items()},
        unlike=unlike,
    )


def _is_accuracy(metric: str) -> bool:
    return METRICS[metric].kind == "accuracy"


def _usable(measurement: Measurement) -> bool:
    """Whether there are values in the valid range: shares for accuracy, positive numbers otherwise."""
    lowest, highest = min(measurement.values, default=-1.0), max(measurement.values, default=-1.0)
    return 0 <= lowest <= highest <= 1 if _is_accuracy(measurement.metric) else 1 / _MOST < lowest <= highest < _MOST


def _level(measurement: Measurement) -> float:
    """The value of a run, in the metric's unit."""
    if METRICS[measurement.metric].kind == "time":
        return math.exp(fmean(map(math.log, process_averages(measurement))))
    return fmean(measurement.values) if _is_accuracy(measurement.metric) else float(median(measurement.values))


def _scaled(measurement: Measurement) -> float:
    """The value on the scale of the segmentation: logarithm, or plain accuracy."""
    return _level(measurement) if _is_accuracy(measurement.metric) else math.log(_level(measurement))


def _variances(
    measured: Mapping[Row, Mapping[int, Measurement]], runs: int, thresholds: Thresholds
) -> dict[Row, float]:
    """Variance of a run's value, for each row: the largest estimate from processes, neighbouring runs and other rows."""
    scaled = {row: [_scaled(one) for one in found.values()] for row, found in measured.items()}
    sampled = _sampled(measured)
    common = {
        metric: common_variance([values for row, values in scaled.items() if row[1] == metric and len(values) == runs])
        for metric in {row[1] for row in measured}
        if not _is_accuracy(metric)
    }
    return {
        row: max(
            sampled[row],
            own_variance(values),
            common.get(row[1], 0.0),
            (_FINEST * max(thresholds.of(row), _LEAST)) ** 2,
        )
        for row, values in scaled.items()
    }


def _sampled(measured: Mapping[Row, Mapping[int, Measurement]]) -> dict[Row, float]:
    """Sampling variance of a run's value, from its processes or examples."""
    sampled = dict.fromkeys(measured, 0.0)
    for metric in metrics_of("time"):
        rows = [row for row in measured if row[1] == metric]
        processes = [[process_averages(one) for one in measured[row].values()] for row in rows]
        for row, runs, variance in zip(rows, processes, process_variances(processes), strict=True):
            sampled[row] = variance / median(map(len, runs))
    for row, found in measured.items():
        if _is_accuracy(row[1]):
            share, examples = fmean(map(_level, found.values())), min(len(one.values) for one in found.values())
            sampled[row] = max(share * (1 - share), 1 / (4 * examples)) / examples
    return sampled


def _segmented(
    row: Row, found: Mapping[int, Measurement], drifts: Sequence[float], limits: tuple[float, float]
) -> Series:
    """The series of a row with its change points; ``limits``: variance of a value, and threshold."""
    variant, metric, _, data = row
    values = [_scaled(one) for one in found.values()]
    variance, threshold = limits
    at = steps(values, variance)
    changes = _changes(metric, values, at, variance, drifts)
    while small := [one for one in changes if _excess(one, threshold) <= 0]:
        at.remove(
            min(small, key=lambda one: _excess(one, threshold)).point
        )  # one at a time, because its neighbours then grow
        changes = _changes(metric, values, at, variance, drifts)
    return Series(
        variant=variant,
        metric=metric,
        workload=None if data else found[max(found)].workload,
        data=data,
        runs=tuple(found),
        values=tuple(_level(one) for one in found.values()),
        changes=tuple(changes),
    )


def _excess(change: ChangePoint, threshold: float) -> float:
    """By how much a change exceeds the threshold and the machine's drift."""
    return abs(change.change) - Terms(drift=change.drift).threshold(threshold, change.change)


def _changes(
    metric: str, values: Sequence[float], at: Sequence[int], variance: float, drifts: Sequence[float]
) -> list[ChangePoint]:
    from scipy.stats import t

    bounds = [0, *at, len(values)]
    levels, paces = ([series[begin:end] for begin, end in pairwise(bounds)] for series in (values, drifts))
    # Degrees of freedom of differences between neighbours; with few runs, the processes have more.
    reach = float(t.ppf(QUANTILES[1], max(_FREEDOM, len(values) / 2)))
    found = []
    for index, (point, old, new) in enumerate(zip(at, levels, levels[1:], strict=False)):
        step = fmean(new) - fmean(old)
        half = reach * math.sqrt(variance * (1 / len(old) + 1 / len(new)))
        one = ChangePoint(
            point=point,
            before=fmean(old),
            after=fmean(new),
            change=step,
            low=step - half,
            high=step + half,
            direction="better" if (step > 0) == (METRICS[metric].better == "higher") else "worse",
            drift=math.expm1(median(paces[index]) - median(paces[index + 1])),
        )
        found.append(one if _is_accuracy(metric) else _relative(one))
    return found


def _relative(one: ChangePoint) -> ChangePoint:
    """From logarithms to the metric's unit and relative changes."""
    change, low, high = (math.expm1(step) for step in (one.change, one.low, one.high))
    return replace(one, before=math.exp(one.before), after=math.exp(one.after), change=change, low=low, high=high)
