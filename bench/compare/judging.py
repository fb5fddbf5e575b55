"""Judge rows that two sides measured: the change, its interval and the verdict; independent of saved runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean, median
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...exporters.cascades.names import is_cascade
from ..analysis.resampled import samples
from ..runs.measurement import Measurement, Workload, launch_ratios, process_averages
from ..runs.metrics import METRICS, OF_ANSWERS, compared_metrics, metrics_of
from ..runs.predictions import Answers
from ..runs.rows import model_of
from ..statistics import DUEL_LEVEL, LEVEL, bootstrapped, discoveries, mcnemar, paired_interval, paired_ratios
from .relative import has_control, run_ratios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..runs.measurement import Row
    from ..runs.predictions import Judged, Right
    from ..statistics import LogRatio
    from .thresholds import Thresholds

Verdict = Literal["better", "worse", "no detectable change", "not comparable", "missing", "new", "failed"]

CHANGED: frozenset[Verdict] = frozenset({"better", "worse"})
ONE_PROCESS = "one process per side: its rounds cannot separate a change from chance"
NO_TIME = "a time is not above zero"
NO_LAUNCH = "no launch timed both sides"
_SURE = 0.05  # a change of accuracy counts if McNemar's p is below
_OTHER_EXAMPLES = "the predictions are of other examples"
_FEWEST_FLIPS = 6  # examples that must change, all in one direction, for such a p value


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of two sides."""

    variant: str
    metric: str  # key of METRICS
    workload: Workload | None
    data: str | None  # name of the labelled set
    base: float | None  # in METRICS[metric].unit
    contender: float | None
    change: float | None = None  # relative, contender / base - 1; of accuracy and of scores, contender - base
    low: float | None = None  # 95 % interval of ``change``, of a duel 99 %; None without sampling error
    high: float | None = None
    threshold: float | None = None  # smaller changes do not count
    detectable: float | None = None  # smallest change that these values could have shown
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Whether and how the two values of a row may be compared."""

    unlike: str = ""  # why they are not comparable; "": they are
    factor: float = 1.0  # of a time: by which the contender's are multiplied
    least: float = 0.0  # a change must exceed this, whatever the threshold
    drift: float = 0.0  # relative change of the machine's yardstick: a change in that direction must exceed it
    note: str = ""  # remark on the verdict

    def threshold(self, own: float, change: float) -> float:
        """What ``change``, by its sign, must exceed; ``own`` is the project's threshold."""
        return max(own, self.least, self.drift if change > 0 else -self.drift)


FAIR = Terms()


def rows_of(measurements: Iterable[Measurement]) -> dict[Row, Measurement]:
    """Measurements of compared metrics, by row, in the order given."""
    rows: dict[Row, Measurement] = {}
    compared = compared_metrics()
    for one in measurements:
        if one.metric in compared and one.status != "not_measured":
            rows[row_of(one.variant, one.metric, one.workload, one.data)] = one
    return rows


def row_of(variant: str, metric: str, workload: Workload | None, data: str | None) -> Row:
    """The row of a value, without its threads: whether these must be equal is decided in ``comparability``."""
    return variant, metric, replace(workload, threads=0) if workload and not data else None, data


def judge_rows(
    sides: tuple[Mapping[Row, Measurement], Mapping[Row, Measurement]],
    thresholds: Thresholds,
    terms: Callable[[Row], Terms] = lambda _: FAIR,
    right: tuple[Right, Right] = ({}, {}),
    *,
    interleaved: bool = False,
) -> tuple[Change, ...]:
    """Judge each row of two sides; sorted by metric, set, batch size and length, then variants in the order given.

    ``right``: for both sides, whether each example was classified correctly; accuracy is judged by it alone.
    ``interleaved``: both sides were timed launch by launch and block by block in one run, and are paired in that way.
    """
    before, after = sides
    variants = list(dict.fromkeys(row[0] for row in (*before, *after)))
    rows = sorted({**before, **after}, key=lambda row: _place(row, variants))
    on = {row: terms(row) for row in rows}
    timed = _timed(before, after, on, interleaved=interleaved)
    changes = []
    for row in rows:
        old, new = before.get(row), after.get(row)
        judged = _unpaired(row, old, new, interleaved=interleaved) or _hindered(row, old, new, on[row])
        if judged is None:
            blank = replace(_blank(row, old, new), threshold=thresholds.of(row), reason=on[row].note)
            judged = (
                _judge_timed(blank, timed[row], on[row])
                if row in timed
                else _judge(blank, right, NO_LAUNCH if old and new and _usable(old, new) else NO_TIME)
            )
        changes.append(judged)
    return tuple(changes)


def _place(row: Row, variants: list[str]) -> tuple[object, ...]:
    variant, metric, workload, data = row
    sizes = (workload.batch_size, workload.sequence_length) if workload else (0, 0)
    return list(compared_metrics()).index(metric), data or "", sizes, variants.index(variant)


def _blank(row: Row, old: Measurement | None, new: Measurement | None) -> Change:
    variant, metric, workload, data = row
    known = new if new and new.workload else old
    return Change(
        variant=variant,
        metric=metric,
        workload=known.workload if known and workload else workload,
        data=data,
        base=_value(old),
        contender=_value(new),
        verdict="no detectable change",
    )


def _value(measurement: Measurement | None) -> float | None:
    if measurement is None or not measurement.values:
        return None
    if METRICS[measurement.metric].kind == "accuracy":
        return sum(measurement.values) / len(measurement.values)
    if is_cascade(measurement.variant) and measurement.metric == "latency":
        return fmean(process_averages(measurement))
    return float(median(measurement.values))


def _unpaired(row: Row, old: Measurement | None, new: Measurement | None, *, interleaved: bool) -> Change | None:
    """Judge a row that one side lacks, or that failed: in a duel on either side, otherwise in the contender."""
    blank = _blank(row, old, new)
    for side in (new, old if interleaved else None):
        if side is not None and side.status == "failed":
            return replace(blank, verdict="failed", reason=side.reason)
    if new is None:
        return replace(blank, verdict="missing", reason="the contender did not measure it")
    if old is None or old.status == "failed":
        return replace(blank, verdict="new", reason="the base failed" if old else "the base did not measure it")
    return None


def _hindered(row: Row, old: Measurement | None, new: Measurement | None, terms: Terms) -> Change | None:
    """Judge a row that is not comparable, or has no raw values."""
    reason = terms.unlike or ("" if old and old.values and new and new.values else "no raw values were saved")
    return replace(_blank(row, old, new), verdict="not comparable", reason=reason) if reason else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """The ratio of a timed row."""

    ratio: LogRatio
    sure: bool  # significantly different from 1
    level: float
    rows: int  # judged together


def _timed(
    before: Mapping[Row, Measurement],
    after: Mapping[Row, Measurement],
    on: Mapping[Row, Terms],
    *,
    interleaved: bool,
) -> dict[Row, _Timed]:
    """Contender / base of each comparable timed row; the rows of a metric are judged together, those of each model by themselves.

    Their variances are moderated by each other (``ratios``), and the false discovery rate over all of them is controlled. A model
    is judged as in a run of its own: its rows have other launches than those of another, and others must not hide its changes.
    """
    timed: dict[Row, _Timed] = {}
    level = DUEL_LEVEL if interleaved else LEVEL
    usable = [row for row in before if row in after and _usable(before[row], after[row]) and not on[row].unlike]
    for metric, model in product(metrics_of("time"), dict.fromkeys(model_of(row[0]) for row in usable)):
        both = [row for row in usable if row[1] == metric and model_of(row[0]) == model]
        if interleaved:
            paired = {row: launch_ratios(before[row], after[row]) for row in both}
            both = [row for row in both if paired[row]]
            found = paired_ratios([paired[row] for row in both], [row[0] for row in both])
        else:
            relative = [has_control(row, before, after) and on[row].factor == 1 for row in both]
            found = run_ratios(both, before, after, relative)
        found = [ratio.times(on[row].factor) for row, ratio in zip(both, found, strict=True)]
        sure = discoveries([ratio.p() for ratio in found], level)
        timed.update(
            (row, _Timed(ratio=ratio, sure=one, level=level, rows=len(both)))
            for row, ratio, one in zip(both, found, sure, strict=True)
        )
    return timed


def _usable(*sides: Measurement) -> bool:
    return all(side.values and min(side.values) > 0 for side in sides)


def _judge(blank: Change, right: tuple[Right, Right], unusable: str) -> Change:
    kind = METRICS[blank.metric].kind
    if kind in OF_ANSWERS:
        assert blank.data is not None
        key = (blank.data, blank.variant)
        if any(key not in side for side in right):
            return replace(blank, verdict="not comparable", reason="no predictions were saved beside the run")
        before, after = (side[key] for side in right)
        return (_judge_accuracy if kind == "accuracy" else _judge_score)(blank, before, after)
    if kind == "time":
        return replace(blank, verdict="not comparable", reason=unusable)
    assert blank.base is not None
    assert blank.contender is not None
    if min(blank.base, blank.contender) <= 0:
        return replace(blank, verdict="not comparable", reason="a value is not above zero")
    change = blank.contender / blank.base - 1
    threshold = max(blank.threshold or 0.0, compared_metrics()[blank.metric].noise / blank.base)
    judged = replace(blank, threshold=threshold, change=change, detectable=threshold)
    return replace(judged, verdict=_direction(judged, change)) if abs(change) > threshold else judged


def _judge_timed(blank: Change, timed: _Timed, terms: Terms) -> Change:
    ratio, low, high = timed.ratio.interval(timed.level)
    if math.isinf(timed.ratio.error):
        return replace(blank, change=ratio - 1, verdict="not comparable", reason=ONE_PROCESS)
    own = blank.threshold or 0.0
    alone = timed.ratio.detectable(timed.level / timed.rows) - 1  # if only this row changes
    threshold, slower = terms.threshold(own, ratio - 1), terms.threshold(own, 1.0)
    judged = replace(
        blank, threshold=threshold, change=ratio - 1, low=low - 1, high=high - 1, detectable=max(slower, alone)
    )
    return (
        replace(judged, verdict=_direction(judged, ratio - 1)) if timed.sure and abs(ratio - 1) > threshold else judged
    )


def _judge_accuracy(blank: Change, before: Judged, after: Judged) -> Change:
    """Judge by the examples that only one side classified correctly (McNemar)."""
    if isinstance(before, Answers) and isinstance(after, Answers) and np.array_equal(before.rows, after.rows):
        before, after = before.right(blank.variant), after.right(blank.variant)
    if isinstance(before, Answers) or isinstance(after, Answers) or before.shape != after.shape:
        return replace(blank, verdict="not comparable", reason=_OTHER_EXAMPLES)
    examples, lost, won = len(before), int((before & ~after).sum()), int((~before & after).sum())
    low, high = paired_interval(lost, won, examples)
    change = (won - lost) / examples
    judged = replace(
        blank, change=change, low=low, high=high, detectable=max(blank.threshold or 0, _FEWEST_FLIPS / examples)
    )
    counts = mcnemar(lost, won) < _SURE and abs(change) > (blank.threshold or 0.0)
    return replace(judged, verdict=_direction(judged, change)) if counts else judged


def _judge_score(blank: Change, before: Judged, after: Judged) -> Change:
    """Judge by resampling the examples with the scores of both sides."""
    if not isinstance(before, Answers) or not isinstance(after, Answers) or not np.array_equal(before.rows, after.rows):
        return replace(blank, verdict="not comparable", reason=_OTHER_EXAMPLES)
    was, now = (samples(side, blank.variant).get(blank.metric) for side in (before, after))
    change = bootstrapped(now - was) if was is not None and now is not None else None
    if change is None:
        return replace(blank, verdict="not comparable", reason="all labels or all scores are equal")
    reach = (change.high - change.low) / 2
    judged = replace(
        blank, change=change.value, low=change.low, high=change.high, detectable=max(blank.threshold or 0.0, reach)
    )
    sure = change.low > 0 or change.high < 0
    counts = sure and abs(change.value) > (blank.threshold or 0.0)
    return replace(judged, verdict=_direction(judged, change.value)) if counts else judged


def _direction(change: Change, amount: float) -> Verdict:
    return "better" if (amount > 0) == (METRICS[change.metric].better == "higher") else "worse"
