"""Accuracy that a variant loses against the reference: by labels, and by the texts whose class changed, which need none.

Of scores it is the rank correlation with the labels, or the NDCG, that is lost, by a paired bootstrap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ...exporters.head import margins, same
from ...exporters.variant import REFERENCE
from ..runs.predictions import UNLABELLED, Answers
from ..statistics import Estimate, bootstrapped, highest_share, paired_interval
from ..units import format_count
from .objectives import FLAG, SCORE_FLAG
from .resampled import headline, samples
from .retention import count_pairs, smallest_factor, two_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..runs.store import Run, VariantInfo

Standing: TypeAlias = Literal["in", "undecided", "out"]

_SAME_MODEL = 100  # smallest margin / largest change of a logit; see suites/studies/harness/deciding.py
_MOST = 1e6  # texts that may be asked for
_TIES = 1  # labels that may differ at parity: two logits that are almost equal may change places in fp32, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Accuracy that a variant loses, against the reference."""

    on: str  # labelled sets, "a + b"; "" for the share of labels that differ on the texts of the parity test
    share: float  # 0.01: one text in a hundred; without labels, the texts whose class changed, which it cannot exceed
    least: float  # either end is wrong for at most 5 % of all samples of texts; ``share`` itself at parity
    most: float
    texts: int  # each once, with a label or without
    labelled: int = 0  # of ``texts``
    flips: int = 0  # texts whose class changed
    lost: int = 0  # labelled texts that the reference alone classified correctly
    won: int = 0  # that the variant alone did
    same_model: bool = False  # fp32, with logits that differ by rounding alone; then nothing is lost
    metric: str = "accuracy"  # that is lost; of scores "spearman" or "ndcg"
    undefined: bool = False  # of a correlation: all labels or all scores are equal; then nothing is known

    @property
    def flag(self) -> str:
        """The flag that limits it."""
        return FLAG if self.metric == "accuracy" else SCORE_FLAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a loss of accuracy stands with the limit."""

    standing: Standing
    words: str  # of a table cell: "within 0.01"
    why: str = ""  # one line; empty where it is within the limit
    needed: str = ""  # "some 120 more texts, labelled or not"; empty where it is decided


def accuracy_drops(run: Run, scored: Mapping[str, Answers], *, on_each_set: bool) -> dict[str, list[Drop]]:
    """What every variant loses: on all ``scored`` texts together, or on each labelled set; empty where it is unknown.

    Labels at the texts of the parity test stand for the accuracy where the run has no texts, or random weights.
    """
    if run.checkpoint.random_weights or not (run.sets or scored):
        return {name: _at_parity(run, name) for name in run.plan.variants}
    if {one.name for one in run.sets} - with_labels(scored).keys():
        return {name: [] for name in run.plan.variants}
    infos = {name: run.variants[name] for name in run.plan.variants}
    return drops_on(scored, infos, on_each_set=on_each_set)


def drops_on(
    scored: Mapping[str, Answers], infos: Mapping[str, VariantInfo], reference: str = REFERENCE, *, on_each_set: bool
) -> dict[str, list[Drop]]:
    """What each of ``infos``, variants by name, loses on ``scored``; empty where a set lacks it or the reference."""
    sets = with_labels(scored)
    if not sets and any(one.head.task == "score" for one in scored.values()):
        return {name: [] for name in infos}  # without labels nothing is known of a score
    if not on_each_set or not sets:
        sets = {" + ".join(sets) or UNLABELLED: pooled([*sets.values(), *scored.values()])}
    names = set.intersection(*(set(one.logits) for one in sets.values()))
    return {
        name: [measure_drop(on, one, name, info.precision, reference) for on, one in known.items()]
        if {name, reference} <= names
        else []
        for name, info in infos.items()
        for known in [_labelled(sets) if info.another_model else sets]
    }


def with_labels(scored: Mapping[str, Answers]) -> dict[str, Answers]:
    """The sets that have labels."""
    return {name: one for name, one in scored.items() if one.known.any()}


def _labelled(sets: Mapping[str, Answers]) -> dict[str, Answers]:
    """The texts with labels: another model may have been trained on the others."""
    return {name: one.where(one.known) for name, one in with_labels(sets).items()}


def pooled(sets: list[Answers]) -> Answers:
    """The texts of several sets as one; a text of two sets counts once, in the first."""
    rows, first = np.unique(np.concatenate([one.rows for one in sets]), return_index=True)
    names = set.intersection(*(set(one.logits) for one in sets))
    queries = [one.queries for one in sets if one.queries is not None]
    return Answers(
        rows=rows,
        labels=np.concatenate([one.labels for one in sets])[first],
        tokens=None,
        logits={name: np.concatenate([one.logits[name] for one in sets])[first] for name in names},
        head=sets[0].head,
        queries=np.concatenate(queries)[first] if len(queries) == len(sets) else None,
    )


def judge_drop(drop: Drop, most: float, *, alone: bool = False) -> Verdict:
    """Compare a loss with the limit ``most``; ``alone``: it is that of one set among others, which is named."""
    tied = not drop.on and round(drop.share * drop.texts) <= _TIES
    standing = "in" if tied else stands(drop.least, drop.most, most)
    where = f"{drop.flag} on {drop.on}" if alone else drop.flag
    if standing == "in":
        return Verdict(standing=standing, words="same model" if drop.same_model else f"within {most:g}")
    if standing == "out":
        return Verdict(standing=standing, words=f"loses {drop.share:.3f}", why=f"above {where}")
    if drop.undefined:
        needed = "labels that differ"
        why = (
            f"{drop.metric} is undefined on {drop.on}, where all labels or all scores are equal; {needed} would decide"
        )
        return Verdict(standing=standing, words="undefined", why=why, needed=needed)
    needed = _needed(drop, most)
    return Verdict(
        standing=standing, words="undecided", why=f"may be above {where}; {needed} would decide", needed=needed
    )


def stands(low: float, high: float, most: float) -> Standing:
    """How a value between ``low`` and ``high`` stands with the limit ``most``."""
    return "in" if high <= most else "out" if low > most else "undecided"


def ends(lost: float, won: float, labelled: float, flips: float, texts: float) -> tuple[float, float]:
    """Ends of the accuracy that is lost; either is wrong for at most 5 % of all samples of texts.

    The closer of two ends, each wrong for at most 2.5 %: Tango's for the labelled texts, and the exact highest share of texts
    whose class changed, which no change of the accuracy exceeds.
    """
    low, high = paired_interval(lost, won, labelled)
    flipped = highest_share(flips, texts)
    return max(-high, -flipped), min(-low, flipped)


def _at_parity(run: Run, name: str) -> list[Drop]:
    parity = run.variants[name].parity
    if not parity:
        return []
    share = 1 - parity["agreement"]
    return [Drop(on="", share=share, least=share, most=share, texts=int(parity["examples"]))]


def measure_drop(on: str, texts: Answers, name: str, precision: str, reference: str = REFERENCE) -> Drop:
    """What the variant ``name``, of the number format ``precision``, loses on ``texts``, which are called ``on``."""
    if texts.head.task == "score":
        return _measure_score_drop(on, texts, name, reference)
    known = texts.known
    pairs = count_pairs(texts.right(reference)[known], texts.right(name)[known])
    lost, won, labelled = int(pairs.lost), int(pairs.won), int(known.sum())
    changed = ~same(texts.answers(reference), texts.answers(name))
    flips, count = int(changed.sum()), len(changed)
    same_model = name == reference or (precision == "fp32" and _differ_by_rounding(texts, reference, name))
    least, most = (0.0, 0.0) if same_model else ends(lost, won, labelled, flips, count)
    return Drop(
        on=on,
        share=(lost - won) / labelled if labelled else flips / count,
        least=least,
        most=most,
        texts=count,
        labelled=labelled,
        flips=flips,
        lost=lost,
        won=won,
        same_model=same_model,
    )


def _measure_score_drop(on: str, texts: Answers, name: str, reference: str) -> Drop:
    metric, count = headline(texts), int(texts.known.sum())
    found: Estimate | None = Estimate(value=0.0, low=0.0, high=0.0)
    if name != reference:
        found = bootstrapped(samples(texts, reference)[metric] - samples(texts, name)[metric])
    lost = found or Estimate(value=0.0, low=-1.0, high=1.0)
    return Drop(
        on=on,
        share=lost.value,
        least=lost.low,
        most=lost.high,
        texts=count,
        labelled=count,
        same_model=name == reference,
        metric=metric,
        undefined=found is None,
    )


def _needed_of_score(drop: Drop, most: float) -> str:
    """An interval is as much narrower as the root of the texts is larger."""
    apart = drop.most - drop.share if drop.share <= most else drop.share - drop.least
    room = abs(most - drop.share)
    factor = (apart / room) ** 2 if room else math.inf
    if factor * drop.texts > _MOST:
        return "no number of texts at this loss"
    return f"some {format_count(two_digits((factor - 1) * drop.texts))} more labelled texts"


def _differ_by_rounding(texts: Answers, reference: str, name: str) -> bool:
    """Whether the largest change of a logit is far below the smallest distance from another answer."""
    before, after = (texts.logits[one].astype(np.float64) for one in (reference, name))
    smallest, _ = margins(texts.head, before, after)
    return bool(np.abs(after - before).max() * _SAME_MODEL < smallest.min())


def _needed(drop: Drop, most: float) -> str:
    """How many more texts would decide if the observed shares stayed as they are."""
    if drop.metric != "accuracy":
        return _needed_of_score(drop, most)

    def unchanged(factor: float) -> bool:
        return highest_share(factor * drop.flips, factor * drop.texts) <= most

    def labelled(factor: float) -> bool:
        low, high = paired_interval(factor * drop.lost, factor * drop.won, factor * drop.labelled)
        return stands(-high, -low, most) != "undecided"

    if not drop.labelled and drop.share > most:
        return "labels"
    kinds: tuple[tuple[str, Callable[[float], bool], int], ...] = (
        ("texts, labelled or not,", unchanged, drop.texts),
        ("labelled texts", labelled, drop.labelled),
    )
    found = []
    for kind, decided, texts in kinds:
        factor = smallest_factor(decided, _MOST / texts) if texts else None
        if factor:
            found.append((two_digits((factor - 1) * texts), kind))
    more, kind = min(found, default=(0, ""), key=lambda one: one[0])
    return f"some {format_count(more)} more {kind}" if more else "no number of texts at this loss"
