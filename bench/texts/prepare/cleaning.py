"""Which rows stay: one of each group of texts that are nearly the same, in the split that its own text says."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bench.texts.prepare.splits import SPLITS, TEST

if TYPE_CHECKING:
    from collections.abc import Sequence


class Removed(StrEnum):
    """Why a row is left out, as a countable noun, in the order in which causes are said."""

    DUPLICATE = "exact duplicate"
    NEAR = "near-duplicate"
    CONTRADICTION = "contradictory row"
    NEAR_CONTRADICTION = "near-duplicate with another label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is known of a row that can be used."""

    digest: bytes  # SHA-256 of its text
    label: int
    split: str  # by its text, or TEST where it is of a test set that was given
    given: bool  # of such a set
    group: int  # the same for texts that are nearly the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Rows of one split whose text is in another one too, before any was taken out."""

    exact: int
    near: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What becomes of the rows."""

    fates: tuple[str, ...]  # of each row: its split, or why it is left out
    leaks: dict[tuple[str, str], Leak] = field(default_factory=dict)  # rows of the first found in the second
    repeated: int = 0  # rows of a test set that was given whose text stands in it before, and that stay all the same
    contradicting: int = 0  # rows of it whose text has two labels, anywhere, and that stay all the same

    @property
    def removed(self) -> Counter[str]:
        """How many rows are left out, by cause."""
        counts = Counter(self.fates)
        return Counter({str(cause): counts[cause] for cause in Removed if counts[cause]})


def clean(facts: Sequence[Fact]) -> Cleaned:
    """Decide on every row.

    Of a group one text stays, that with the smallest hash, so that rows are independent of each other, as intervals take them
    to be. A text that has two labels goes with every copy, since nobody can say which is right; a near-duplicate may rightly
    have another one, and is only counted apart. A test set that was given stays whole, as others have measured on it, and what
    is like one of its texts goes. No row ever moves to another split because of others: it stays in its own or goes.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, fact in enumerate(facts):
        members[fact.group].append(index)
    fates: list[str] = [fact.split for fact in facts]
    leaks: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for group in members.values():
        if len(group) > 1:
            _count_leaks([facts[index] for index in group], leaks)
            _clean_group(facts, group, fates)
    given = Counter(fact.digest for fact in facts if fact.given)
    labels = Counter(digest for digest, _ in {(fact.digest, fact.label) for fact in facts})
    return Cleaned(
        fates=tuple(fates),
        repeated=given.total() - len(given),
        contradicting=sum(count for digest, count in given.items() if labels[digest] > 1),
        leaks={pair: Leak(exact=count["exact"], near=count["near"]) for pair, count in leaks.items()},
    )


def _clean_group(facts: Sequence[Fact], group: Sequence[int], fates: list[str]) -> None:
    """Decide on texts that are nearly the same."""
    labels: dict[bytes, set[int]] = defaultdict(set)
    for index in group:
        labels[facts[index].digest].add(facts[index].label)
    undecided = []
    for index in group:
        if facts[index].given:
            continue
        if len(labels[facts[index].digest]) > 1:
            fates[index] = Removed.CONTRADICTION
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
            fates[index] = Removed.DUPLICATE
        elif fact.digest not in wanted:
            fates[index] = Removed.NEAR if fact.label in known else Removed.NEAR_CONTRADICTION
        seen.add(fact.digest)


def _count_leaks(group: Sequence[Fact], leaks: dict[tuple[str, str], Counter[str]]) -> None:
    """Rows of each split that have a like in a later one."""
    texts: dict[str, set[bytes]] = defaultdict(set)
    for fact in group:
        texts[fact.split].add(fact.digest)
    for fact in group:
        for other in SPLITS[SPLITS.index(fact.split) + 1 :]:
            if other in texts:
                kind = "exact" if fact.digest in texts[other] else "near"
                leaks[fact.split, other][kind] += 1


def found_in_test(cleaned: Cleaned) -> tuple[int, int]:
    """Rows of the other splits that are in the test set to the letter, and those that nearly are."""
    leaks = [leak for (_, other), leak in cleaned.leaks.items() if other == TEST]
    return sum(leak.exact for leak in leaks), sum(leak.near for leak in leaks)
