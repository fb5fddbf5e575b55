"""Which rows stay: one of each group of near-duplicates, in the split that its own text decides."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from .splits import SPLITS, TEST

if TYPE_CHECKING:
    from collections.abc import Sequence


class Removed(StrEnum):
    """Why a row is left out, as a countable noun, in the order of the report."""

    DUPLICATE = "exact duplicate"
    NEAR = "near-duplicate"
    CONTRADICTION = "contradictory row"
    NEAR_CONTRADICTION = "near-duplicate with another label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What deduplication needs of a usable row."""

    digest: bytes  # SHA-256 of its text
    label: int
    split: str  # by its text; TEST in a given test set
    given: bool  # in a test set that was given
    group: int  # the same for near-duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Number of rows of one split whose text is also in another one, before deduplication."""

    exact: int
    near: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduplicated:
    """Which rows stay, and what was in two splits."""

    outcomes: tuple[str, ...]  # of each row: its split, or why it is left out
    overlaps: dict[tuple[str, str], Overlap] = field(default_factory=dict)  # rows of the first found in the second
    repeated: int = 0  # rows of a given test set whose text is in it before; they stay
    contradicting: int = 0  # rows of a given test set whose text has two labels in any file; they stay

    @property
    def removed(self) -> Counter[str]:
        """Number of rows left out, by cause."""
        counts = Counter(self.outcomes)
        return Counter({str(cause): counts[cause] for cause in Removed if counts[cause]})


def deduplicate(facts: Sequence[Fact]) -> Deduplicated:
    """Decide on every row.

    Of a group of near-duplicates the text with the smallest hash stays, so that rows are independent, as intervals assume.
    A text with two labels is removed with every copy, since nobody can say which label is right; a near-duplicate may rightly
    have another label, and is only counted separately. A given test set stays whole, because others have measured on it, and
    near-duplicates of its texts are removed. No row ever moves to another split: it stays in its own or is removed.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, fact in enumerate(facts):
        members[fact.group].append(index)
    outcomes: list[str] = [fact.split for fact in facts]
    overlaps: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for group in members.values():
        if len(group) > 1:
            _count_overlaps([facts[index] for index in group], overlaps)
            _decide_group(facts, group, outcomes)
    given = Counter(fact.digest for fact in facts if fact.given)
    labels = Counter(digest for digest, _ in {(fact.digest, fact.label) for fact in facts})
    return Deduplicated(
        outcomes=tuple(outcomes),
        repeated=given.total() - len(given),
        contradicting=sum(count for digest, count in given.items() if labels[digest] > 1),
        overlaps={pair: Overlap(exact=count["exact"], near=count["near"]) for pair, count in overlaps.items()},
    )


def _decide_group(facts: Sequence[Fact], group: Sequence[int], outcomes: list[str]) -> None:
    labels: dict[bytes, set[int]] = defaultdict(set)
    for index in group:
        labels[facts[index].digest].add(facts[index].label)
    undecided = []
    for index in group:
        if facts[index].given:
            continue
        if len(labels[facts[index].digest]) > 1:
            outcomes[index] = Removed.CONTRADICTION
        else:
            undecided.append(index)
    given = [facts[index] for index in group if facts[index].given]
    stays = given or ([min((facts[index] for index in undecided), key=lambda fact: fact.digest)] if undecided else [])
    seen = {fact.digest for fact in given}
    wanted = {fact.digest for fact in stays}
    known = {fact.label for fact in stays}
    for index in undecided:
        fact = facts[index]
        if fact.digest in seen:
            outcomes[index] = Removed.DUPLICATE
        elif fact.digest not in wanted:
            outcomes[index] = Removed.NEAR if fact.label in known else Removed.NEAR_CONTRADICTION
        seen.add(fact.digest)


def _count_overlaps(group: Sequence[Fact], overlaps: dict[tuple[str, str], Counter[str]]) -> None:
    """Count the rows of each split that have a near-duplicate in a later one."""
    texts: dict[str, set[bytes]] = defaultdict(set)
    for fact in group:
        texts[fact.split].add(fact.digest)
    for fact in group:
        for other in SPLITS[SPLITS.index(fact.split) + 1 :]:
            if other in texts:
                kind = "exact" if fact.digest in texts[other] else "near"
                overlaps[fact.split, other][kind] += 1


def overlap_with_test(found: Deduplicated) -> Overlap:
    """Rows of the other splits that are in the test set."""
    overlaps = [overlap for (_, other), overlap in found.overlaps.items() if other == TEST]
    return Overlap(exact=sum(one.exact for one in overlaps), near=sum(one.near for one in overlaps))
