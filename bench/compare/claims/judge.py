"""Whether a claim about a saved run holds, by the ends of 95 % intervals."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias

from ....exporters.artifacts.catalogue import variant_names
from ....exporters.errors import UserError, did_you_mean
from ....exporters.variant import REFERENCE
from ...analysis.accuracy_loss import accuracy_drops, stands
from ...analysis.fidelity import fidelity_figures
from ...analysis.figures import figures
from ...analysis.speed_ups import speed_ups
from ...runs.measurement import Figure
from ...runs.predictions import read_scored
from ...units import counted
from .claim import ACCURACY_LOSS, RELATIVE, SPEED_UP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...runs.store import Run
    from .claim import Claim

Verdict: TypeAlias = Literal["fails", "undecided", "not measured", "holds"]
EXIT_CODES: dict[Verdict, int] = {"fails": 1, "undecided": 3, "not measured": 3, "holds": 0}  # the worst verdict first
_VERDICTS = tuple(EXIT_CODES)
_WORDS = {"fails": "fail", "holds": "hold"}  # of several claims
_EXACT = "B"  # unit of sizes, and of peaks of memory, of which each process has one


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a run has for a claim: the figure of one variant, on one labelled set where the metric is of sets."""

    figure: Figure
    verdict: Verdict
    reason: str = ""  # one line, where it is not measured or has no interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A claim and what one run has for it; it holds where each of ``findings`` does."""

    claim: Claim
    run: Run
    findings: tuple[Finding, ...]  # never empty; the one that decides is the first

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any finding."""
        return self.findings[0].verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How many claims have which verdict; one about several runs counts once for each."""

    claims: int
    runs: int
    counts: dict[Verdict, int]  # the worst first

    @property
    def code(self) -> int:
        """The exit code: that of the worst verdict."""
        return EXIT_CODES[next(iter(self.counts))]

    def __str__(self) -> str:
        told = [f"{n} {verdict if n == 1 else _WORDS.get(verdict, verdict)}" for verdict, n in self.counts.items()]
        return f"{counted(self.claims, 'claim')}, {counted(self.runs, 'run')}: {', '.join(told)}"


def outcome_of_claims(judged: Sequence[Judged]) -> Outcome:
    """That of all claims, of which there is one or more."""
    found = Counter(one.verdict for one in judged)
    return Outcome(
        claims=len({one.claim.number for one in judged}),
        runs=len({one.run.path for one in judged}),
        counts={verdict: found[verdict] for verdict in _VERDICTS if found[verdict]},
    )


def judge_claim(claim: Claim, runs: Sequence[Run]) -> list[Judged]:
    """Judge a claim about each of ``runs``; raises UserError for a name that no run knows, and a key that its metric lacks."""
    _check_variant(claim, runs)
    _check_set(claim, runs)
    return [_judged(claim, run) for run in runs]


def judge_figure(claim: Claim, figure: Figure) -> Finding:
    """Judge a claim by one figure: its interval, of sizes and memory its value, is on one side of the limit or undecided."""
    if figure.value is None:
        reason = f"failed: {figure.reason}" if figure.status == "failed" else figure.reason
        return Finding(figure=figure, verdict="not measured", reason=reason)
    if figure.low is None and figure.high is None and figure.unit != _EXACT:
        return Finding(figure=figure, verdict="undecided", reason="it has no 95 % interval")
    low, high = _ends(figure)
    upper = claim.operator == "<="
    standing = stands(low, high, claim.limit) if upper else stands(-high, -low, -claim.limit)
    verdicts: dict[str, Verdict] = {"in": "holds", "out": "fails", "undecided": "undecided"}
    return Finding(figure=figure, verdict=verdicts[standing])


def _ends(figure: Figure) -> tuple[float, float]:
    """The ends of the interval, of which one may be open; of a figure without one, its value twice."""
    if figure.low is None and figure.high is None:
        return figure.value or 0.0, figure.value or 0.0
    return (-math.inf if figure.low is None else figure.low), (math.inf if figure.high is None else figure.high)


def _judged(claim: Claim, run: Run) -> Judged:
    found = [figure for variant in _variants(claim, run) for figure in _at_place(claim, run, variant)]
    absent = f"not in this run; its variants: {', '.join(run.plan.variants)}"
    findings = [judge_figure(claim, one) for one in found or [_missing(claim, claim.place.variant, absent)]]

    def urgency(one: Finding) -> tuple[int, float]:
        low, high = _ends(one.figure)
        return _VERDICTS.index(one.verdict), -high if claim.operator == "<=" else low

    return Judged(claim=claim, run=run, findings=tuple(sorted(findings, key=urgency)))


def _variants(claim: Claim, run: Run) -> list[str]:
    """Those of the run that the claim is about: the one that it names, or all that fit, without another model."""
    pattern = claim.place.variant
    if pattern in run.plan.variants:
        return [pattern]
    fitting = [
        name for name in run.plan.variants if fnmatchcase(name, pattern) and not run.variants[name].another_model
    ]
    return [name for name in fitting if name != REFERENCE or claim.metric not in RELATIVE]


def _at_place(claim: Claim, run: Run, variant: str) -> list[Figure]:
    """The figures of a variant that the claim is about: one, or one for each labelled set."""
    own = [one for one in _of_metric(claim, run) if one.variant == variant]
    if not own:
        return [_missing(claim, variant, f"this run has no {claim.metric}")]
    _check_keys(claim, run, own)
    place = claim.place
    own = [one for one in own if one.label == place.label and (one.data is None or place.data in (None, one.data))]
    shapes = {_shape(one) for one in own}
    wanted = [
        (size, length)
        for size, length in shapes
        if place.batch_size in (None, size) and place.sequence_length in (None, length)
    ]
    if not wanted:
        known = ", ".join(f"{size}x{length}" for size, length in sorted(shapes))
        return [_missing(claim, variant, f"measured at {known} only (batch size x tokens)")]
    chosen = min(wanted, key=lambda shape: (shape[0], -shape[1]))  # the smallest batch of the longest texts
    return [one for one in own if _shape(one) == chosen]


def _of_metric(claim: Claim, run: Run) -> Iterable[Figure]:
    if claim.metric == SPEED_UP:
        return [_with_interval(run, one) for one in speed_ups(run).values()]
    if claim.metric == ACCURACY_LOSS:
        return _accuracy_losses(claim, run)
    found = [one for one in figures(run) if one.metric == claim.metric]
    return found or [one for one in fidelity_figures(run) if one.metric == claim.metric]


def _with_interval(run: Run, speed_up: Figure) -> Figure:
    """Of an older run without paired slices: by the far ends of both latencies' intervals, which is wider than 95 % needs."""
    if speed_up.value is None or speed_up.low is not None:
        return speed_up
    timed = {one.variant: one for one in figures(run) if (one.metric, one.workload) == ("latency", speed_up.workload)}
    base, own = timed[REFERENCE], timed[speed_up.variant]
    if None in (base.low, base.high, own.low, own.high):
        return speed_up
    (least, most), (low, high) = _ends(base), _ends(own)
    return replace(speed_up, low=least / high, high=most / low)


def _accuracy_losses(claim: Claim, run: Run) -> list[Figure]:
    """Of every variant, on the labelled set of the claim, or on all texts together."""
    name = claim.place.data
    if run.checkpoint.task == "score":
        why = "its model gives scores; claim spearman_change or ndcg_change"
        return [_missing(claim, variant, why) for variant in run.plan.variants]
    measured = {one.variant: one for one in figures(run) if one.metric == "accuracy" and name in (None, one.data)}
    found = []
    for variant, drops in accuracy_drops(run, read_scored(run), on_each_set=name is not None).items():
        drop = next((one for one in drops if one.on and name in (None, one.on)), None)
        why = measured[variant].reason if variant in measured else ""
        one = replace(_missing(claim, variant, why or "its predictions are not beside the run"), data=name)
        if variant in measured and measured[variant].status == "failed":
            one = replace(one, status="failed")
        elif drop:
            one = replace(one, value=drop.share, low=drop.least, high=drop.most, n=drop.texts, status="ok", reason="")
        found.append(one)
    return found


def _missing(claim: Claim, variant: str, reason: str) -> Figure:
    return Figure(
        variant=variant,
        metric=claim.metric,
        value=None,
        unit="1",
        low=None,
        high=None,
        n=0,
        status="not_measured",
        reason=reason,
        workload=None,
        data=claim.place.data,
    )


def _shape(figure: Figure) -> tuple[int, int]:
    """Batch size and length; of a metric of labelled sets, whose batches say nothing, zeros."""
    at = None if figure.data else figure.workload
    return (at.batch_size, at.sequence_length) if at else (0, 0)


def _check_variant(claim: Claim, runs: Sequence[Run]) -> None:
    known = list(dict.fromkeys([*(name for run in runs for name in run.plan.variants), *variant_names()]))
    if not any(fnmatchcase(name, claim.place.variant) for name in known):
        _refuse(claim, "variant", claim.place.variant, known)


def _check_set(claim: Claim, runs: Sequence[Run]) -> None:
    known = list(dict.fromkeys(one.name for run in runs for one in run.sets))
    if known and claim.place.data not in (None, *known):
        _refuse(claim, "set", claim.place.data, known)


def _check_keys(claim: Claim, run: Run, own: Sequence[Figure]) -> None:
    """Refuse a key that no figure of the metric has, and a class that the run lacks."""
    place, shaped = claim.place, {_shape(one) for one in own} != {(0, 0)}
    labels = list(dict.fromkeys(one.label for one in own if one.label))
    given = {
        "set": (place.data, any(one.data for one in own) or not run.sets),
        "label": (place.label, bool(labels)),
        "batch_size": (place.batch_size, shaped),
        "sequence_length": (place.sequence_length, shaped),
    }
    for key, (value, fits) in given.items():
        if value is not None and not fits:
            raise UserError(f"{claim.source}: found {key!r}, which {claim.metric} does not have; remove the key")
    if place.label not in [one.label for one in own]:
        _refuse(claim, "label", place.label, labels)


def _refuse(claim: Claim, key: str, found: str | None, known: Sequence[str]) -> None:
    hint = did_you_mean(found or "", known)
    problem = f"is {found!r}, which is unknown" if found else "is missing"
    raise UserError(f"{claim.source}: {key} {problem}; {hint}known: {', '.join(known)}")
