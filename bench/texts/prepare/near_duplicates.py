"""Near-duplicates: groups of texts whose sets of word runs have a Jaccard similarity of at least four fifths, found exactly.

Each text is a set of shingles: hashes of the runs of five words in it. Prefix filtering limits the pairs that are compared:
sort the elements of all sets in one order; two sets of Jaccard similarity s or more share an element among the first
``(1 - s) * size + 1`` of each. With the rarest elements first, few pairs share one by chance, so that every pair found can be
compared exactly. Source: Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data cleaning", ICDE 2006,
section 4.
"""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    from scipy.cluster.hierarchy import DisjointSet

    Ids = npt.NDArray[np.int64]
    Shingles = npt.NDArray[np.uint64]

SIMILAR = (4, 5)  # a fraction: integer arithmetic has no rounding
RUN = 5  # words
_COUNTERS = (
    2**24
)  # elements that share a counter seem more common than they are, which costs time and changes no result
_IDEOGRAPHS = (
    "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts without spaces between words: each character is a word
)
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
_ADDRESS = re.compile(r"https?://\S+|www\.\S+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Vocabulary:
    """Numbers words in the order in which they are first met."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, text: str) -> Ids:
        """The words of a text, ``(words,)``, in lower case, without punctuation and web addresses."""
        plain = text.lower()
        if "http" in plain or "www." in plain:
            plain = _ADDRESS.sub(" ", plain)
        ids = self._ids
        found = [ids.setdefault(word, len(ids)) for word in _WORD.findall(plain)]
        return np.array(found, dtype=np.int64)

    def words(self) -> list[str]:
        """All words, by number."""
        return list(self._ids)


def shingles(ids: Ids) -> Shingles:
    """Sorted distinct 64-bit hashes of the runs of RUN words; a shorter text is one run, a text without words has none."""
    if not len(ids):
        return np.empty(0, dtype=np.uint64)
    words = _mixed(ids.astype(np.uint64))
    runs = max(1, len(ids) - RUN + 1)
    found = np.full(runs, min(len(ids), RUN), dtype=np.uint64)
    for place in range(min(len(ids), RUN)):
        found = found * _FACTOR + words[place : place + runs]
    return np.unique(_mixed(found))


def _mixed(numbers: Shingles) -> Shingles:
    """Spread numbers over all 64 bits, one to one. Source: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    numbers = numbers + _FACTOR
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def near_groups(sets: Sequence[Shingles], advance: Callable[[], None] = lambda: None) -> npt.NDArray[np.int64]:
    """Index of the first member of each set's group, ``(sets,)``.

    A group is a connected component of the graph of similar pairs, so that its members may differ by more than a pair
    does; an empty set is a group of its own. ``advance`` is called once for each distinct set.
    """
    from scipy.cluster.hierarchy import DisjointSet

    equal = _first_equal(sets)
    distinct = [index for index, first in enumerate(equal) if index == first and len(sets[index])]
    groups = DisjointSet()
    for members in _sharing(sets, distinct, advance):
        _join_similar(groups, sets, members)
    firsts = np.arange(len(sets), dtype=np.int64)
    for group in groups.subsets():
        firsts[list(group)] = min(group)
    return firsts[equal]


def _first_equal(sets: Sequence[Shingles]) -> npt.NDArray[np.int64]:
    """Index of the first set that is equal to each; an empty set is equal to itself alone."""
    first: dict[bytes, int] = {}
    found = [
        first.setdefault(hashlib.sha256(one.tobytes()).digest(), index) if len(one) else index
        for index, one in enumerate(sets)
    ]
    return np.array(found, dtype=np.int64)


def _sharing(sets: Sequence[Shingles], distinct: Sequence[int], advance: Callable[[], None]) -> Iterator[list[int]]:
    """Sets that share one of their rarest elements, largest first, for each such element."""
    heads, owners = _heads(sets, distinct, advance)
    order = np.lexsort((owners, heads))
    heads, owners = heads[order], owners[order]
    borders = np.flatnonzero(np.diff(heads)) + 1
    for start, end in pairwise([0, *borders.tolist(), len(heads)]):
        if end - start > 1:
            yield sorted(owners[start:end].tolist(), key=lambda index: -len(sets[index]))


def _join_similar(groups: DisjointSet, sets: Sequence[Shingles], members: Sequence[int]) -> None:
    """Merge the groups of similar pairs among ``members``, which are sorted by size, largest first."""
    for index in members:
        groups.add(index)
    roots = [groups[index] for index in members]
    for place, end in _of_like_size([len(sets[index]) for index in members]):
        if len(set(roots[place:end])) == 1:  # one group already: all pairs of a thousand near-duplicates come up often
            continue
        one = members[place]
        for other in members[place + 1 : end]:
            if not groups.connected(one, other) and _similar(sets[one], sets[other]):
                groups.merge(one, other)


def _of_like_size(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """For each place in ``sizes``, which decrease, the end of those large enough for the pair to be similar."""
    part, whole = SIMILAR
    end = 0
    for place, size in enumerate(sizes):
        while end < len(sizes) and sizes[end] * whole >= size * part:
            end += 1
        yield place, end


def _heads(
    sets: Sequence[Shingles], distinct: Sequence[int], advance: Callable[[], None]
) -> tuple[Shingles, npt.NDArray[np.int64]]:
    """The rarest elements of each set, as many as the similarity asks for, and the set of each; not those of one set only."""
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
        # Elements are sorted and the sort is stable: equally rare elements have the same order in all sets.
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
