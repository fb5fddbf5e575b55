"""Whether a variant is as a test expects; `compare`, `recommend` and `claims` judge it, and one line says what was found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..bench.analysis.accuracy_loss import accuracy_drops, judge_drop, pooled, stands
from ..bench.compare.changes import compare_runs
from ..bench.compare.claims.claim import ACCURACY_LOSS, UNITS, Claim, Place
from ..bench.compare.claims.judge import judge_claim
from ..bench.compare.matching import match_models
from ..bench.compare.thresholds import Thresholds
from ..bench.report.messages.comparison import format_change, place_name
from ..bench.runs.predictions import read_answers, read_scored
from ..bench.units import counted, format_bytes, format_share
from ..exporters.errors import UserError
from ..exporters.variant import REFERENCE

if TYPE_CHECKING:
    from ..bench.compare.claims.judge import Finding, Verdict
    from ..bench.compare.judging import Change
    from ..bench.runs.store import Run

_LATENCY, _SIZE = "latency", "artifact_size"
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?) *(\S+)")
_VERDICTS: dict[str, Verdict] = {"in": "holds", "out": "fails", "undecided": "undecided"}
_JUDGED: tuple[Verdict, ...] = ("fails", "undecided", "holds")  # the worst first


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict on an expectation, and one line: what was found with its interval, and what was expected."""

    verdict: Verdict
    line: str


def not_slower(run: Run, variant: str, by: float, base: Run, name: str) -> Judged:
    """Whether no latency of ``variant`` is more than ``by``, a share, above that in ``base``, which is called ``name``.

    It fails where `compare` calls a latency slower and the whole interval is above ``by``. Raises UserError for other shares, and
    where both runs are the same.
    """
    if not 0 <= by < 1:
        raise UserError(f"assert_not_slower: by is {by!r}, expected a share from 0 to 1; 5 % is by=0.05")
    if base.path.resolve() == run.path.resolve():
        raise UserError(
            f"assert_not_slower: the baseline {name} is the run itself; expected an older one: name its file"
        )
    thresholds = Thresholds(by_metric={**Thresholds().by_metric, _LATENCY: by})
    every = compare_runs(match_models((base,), (run,)), thresholds).changes
    changes = [one for one in every if (one.variant, one.metric) == (variant, _LATENCY) and one.verdict != "new"]
    expected = f"expected at most {format_change(_LATENCY, by)} against {name}"
    if all(one.low is None for one in changes):
        why = run.variants[variant].failed or (changes[0].reason if changes else "the baseline did not measure it")
        return Judged(verdict="not measured", line=f"{variant}: latency cannot be compared: {why}; {expected}")
    (verdict, worst), *others = sorted(((_verdict(one, by), one) for one in changes), key=_urgency)
    alike = sum(other == verdict for other, _ in others)
    more = f" (and {counted(alike, 'other row')})" if alike else ""
    undecided = ": undecided" * (verdict == "undecided")
    return Judged(verdict=verdict, line=f"{variant}: {_told(worst)}{more}, {expected}{undecided}")


def _verdict(change: Change, by: float) -> Verdict:
    if change.verdict == "failed":
        return "fails"
    if change.low is None or change.high is None:
        return "undecided"
    found = _VERDICTS[stands(change.low, change.high, by)]
    return "undecided" if found == "fails" and change.verdict != "worse" else found  # chance, among so many rows


def _urgency(found: tuple[Verdict, Change]) -> tuple[int, float]:
    verdict, change = found
    return _JUDGED.index(verdict), -(change.low if change.low is not None else -1)


def _told(change: Change) -> str:
    """``latency 1×16 is +12.3 % (+8.1 % to +16.9 %)``, or why there is no such change."""
    name = place_name(change)
    if change.low is None:
        return f"{name}: {change.reason}"
    value, low, high = (format_change(_LATENCY, one) for one in (change.change, change.low, change.high))
    return f"{name} changed by {value} ({low} to {high})" + f"; {change.reason}" * bool(change.reason)


def keeps_accuracy(run: Run, variant: str, share: float, on: str | None) -> Judged:
    """Whether ``variant`` keeps ``share`` of torch-eager's accuracy, on all labelled texts together or on the set ``on``."""
    if not 0 < share <= 1:
        raise UserError(f"assert_keeps_accuracy: found {share!r}, expected a share from 0 to 1; 99 % is 0.99")
    accuracy = _reference_accuracy(run, on)
    limit = (1 - share) * accuracy
    finding = _finding(run, _claim(variant, ACCURACY_LOSS, limit, on))
    expected = f"expected at least {share:g}"
    figure = finding.figure
    if figure.value is None or figure.low is None or figure.high is None or not accuracy:
        why = finding.reason if figure.value is None else f"{REFERENCE} classified no text correctly"
        return Judged(verdict="not measured", line=f"{variant}: accuracy kept is not known: {why}; {expected}")
    kept, low, high = (format_share(1 - lost / accuracy) for lost in (figure.value, figure.high, figure.low))
    line = f"{variant}: keeps {kept} ({low} to {high}) of {REFERENCE}'s accuracy, {expected}"
    if finding.verdict == "undecided":
        drops = accuracy_drops(run, read_scored(run), on_each_set=on is not None)[variant]
        needed = next(judge_drop(one, limit).needed for one in drops if on in (None, one.on))
        line += f": undecided; {needed} would decide"
    return Judged(verdict=finding.verdict, line=line)


def _reference_accuracy(run: Run, on: str | None) -> float:
    """On the labelled texts that are judged, each once; 0 where there are none."""
    sets = [one for name, one in read_answers(run).items() if on in (None, name) and REFERENCE in one.logits]
    if not sets:
        return 0.0
    texts = pooled(sets)
    return float(texts.right(REFERENCE)[texts.known].mean()) if texts.head.task != "score" else 0.0


def size_below(run: Run, variant: str, size: str) -> Judged:
    """Whether the files of ``variant`` that a runtime reads take at most ``size``, such as "13MB"."""
    units = UNITS["B"]
    found = _AMOUNT.fullmatch(str(size))
    if not found or found[2] not in units:
        raise UserError(
            f"assert_size_below: found {str(size)!r:.40}, expected a number with {' or '.join(units)}: '13MB'"
        )
    limit = float(found[1]) * units[found[2]]
    finding = _finding(run, _claim(variant, _SIZE, limit))
    value = finding.figure.value
    told = f"size is not known: {finding.reason};" if value is None else f"takes {format_bytes(value)} on disk,"
    return Judged(verdict=finding.verdict, line=f"{variant}: {told} expected at most {found[1]} {found[2]}")


def _claim(variant: str, metric: str, limit: float, on: str | None = None) -> Claim:
    place = Place(variant=variant, data=on)
    return Claim(
        number=1,
        source=f"{metric} of {variant}",
        place=place,
        metric=metric,
        operator="<=",
        limit=limit,
        written=f"{limit:g}",
    )


def _finding(run: Run, claim: Claim) -> Finding:
    [judged] = judge_claim(claim, [run])
    return judged.findings[0]
