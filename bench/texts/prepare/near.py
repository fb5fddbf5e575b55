"""Texts that are nearly the same: groups of sets whose Jaccard similarity is at least four fifths, found exactly.

Two sets so similar share an element among the first few of each, in any order that is the same for all sets, if "few" is a fifth of
the set and one more. With the rarest elements first, hardly any two other texts do, so that every pair that comes up can be counted
out. Source: Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data cleaning", ICDE 2006, section 4.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from bench.texts.prepare.shingles import Shingles

SIMILAR = (4, 5)  # a fraction, so that nothing is lost to rounding
_COUNTERS = 2**24  # two elements that share one are taken for more common than they are, which costs time alone


def near_groups(sets: Sequence[Shingles], advance: Callable[[], None] = lambda: None) -> npt.NDArray[np.int64]:
    """Index of the first member of each set's group, ``(sets,)``: a group is what similar pairs connect; an empty set is alone.

    ``advance`` is called once for each set. A chain of similar texts is one group, though its ends may differ.
    """
    groups = _Groups(len(sets))
    distinct = _join_equal(sets, groups)
    for one, other in _candidates(sets, distinct, advance):
        if groups.find(one) != groups.find(other) and _similar(sets[one], sets[other]):
            groups.join(one, other)
    return np.array([groups.find(index) for index in range(len(sets))], dtype=np.int64)


class _Groups:
    """Disjoint groups of indices, each named by its smallest member."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, index: int) -> int:
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        self._parents[high] = low


def _join_equal(sets: Sequence[Shingles], groups: _Groups) -> list[int]:
    """Join sets that are the same, and give the first of each, without the empty ones."""
    first: dict[bytes, int] = {}
    for index, one in enumerate(sets):
        if len(one):
            groups.join(first.setdefault(hashlib.sha256(one.tobytes()).digest(), index), index)
    return list(first.values())


def _candidates(
    sets: Sequence[Shingles], distinct: Sequence[int], advance: Callable[[], None]
) -> Iterator[tuple[int, int]]:
    """Pairs of sets, larger one first, that share an element which is rare enough in both; a pair may come more than once."""
    heads, owners = _heads(sets, distinct, advance)
    order = np.lexsort((owners, heads))
    heads, owners = heads[order], owners[order]
    borders = np.flatnonzero(np.diff(heads)) + 1
    for start, end in pairwise([0, *borders.tolist(), len(heads)]):
        if end - start > 1:
            members = sorted(owners[start:end].tolist(), key=lambda index: -len(sets[index]))
            yield from _of_like_size(sets, members)


def _of_like_size(sets: Sequence[Shingles], members: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of which the smaller one is large enough to be similar; ``members`` begin with the largest."""
    part, whole = SIMILAR
    for place, larger in enumerate(members):
        for smaller in members[place + 1 :]:
            if len(sets[smaller]) * whole < len(sets[larger]) * part:
                break
            yield larger, smaller


def _heads(
    sets: Sequence[Shingles], distinct: Sequence[int], advance: Callable[[], None]
) -> tuple[Shingles, npt.NDArray[np.int64]]:
    """The rarest elements of each set, as many as the similarity asks for, and whose each is; no element that is there but once."""
    counts = np.zeros(_COUNTERS, dtype=np.uint32)
    last = np.uint64(_COUNTERS - 1)
    for index in distinct:
        counts[sets[index] & last] += np.uint32(1)
    part, whole = SIMILAR
    heads: list[Shingles] = [np.empty(0, dtype=np.uint64)]
    owners: list[npt.NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    for index in distinct:
        elements = sets[index]
        often = counts[elements & last]
        few = len(elements) - -(-len(elements) * part // whole) + 1
        # Elements are sorted, and the sort is stable, so that what is equally rare has one order in all sets.
        rarest = np.argsort(often, kind="stable")[:few]
        found = elements[rarest[often[rarest] > 1]]
        heads.append(found)
        owners.append(np.full(len(found), index, dtype=np.int64))
        advance()
    return np.concatenate(heads), np.concatenate(owners)


def _similar(one: Shingles, other: Shingles) -> bool:
    part, whole = SIMILAR
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared * whole >= (len(one) + len(other) - shared) * part
