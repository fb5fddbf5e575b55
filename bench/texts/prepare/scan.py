"""The first reading: the hash, shingles, class, split and near-duplicates of every row; no text is kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....exporters.errors import DataError
from ....exporters.texts import shown
from ...console import progress
from ..text_rows import dropped_counts, refusal
from .deduplicate import Fact
from .near_duplicates import Vocabulary, near_groups, shingles
from .splits import TEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..text_rows import BadRows, Cause, TextRow
    from .near_duplicates import Shingles
    from .rows import Row, Rows
    from .splits import Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the first reading found."""

    facts: tuple[Fact, ...]
    places: tuple[int, ...]  # index of each usable row among all rows
    bad: tuple[str, ...]  # "2 rows without text"


def scan(rows: Rows, shares: Shares, seed: int, bad_rows: BadRows) -> Scan:
    """Read all rows once; DataError for the first unusable row, unless those are dropped, and for a single class."""
    read = _Reading()
    with progress("reading", len(rows)) as bar:
        for place, row in enumerate(rows):
            read.add(place, row)
            bar.advance()
    bad = dropped_counts(read.causes)
    if read.first_bad and bad_rows == "refuse":
        raise refusal(read.first_bad, bad)
    _refuse_one_class({label for _, label, _ in read.usable}, rows)
    with progress("looking for near-duplicates", len(read.sets)) as bar:
        groups = near_groups(read.sets, bar.advance)
    facts = tuple(
        Fact(
            digest=digest,
            label=label,
            split=TEST if given else shares.split_of(digest, seed),
            given=given,
            group=int(groups[read.known[digest]]),
        )
        for digest, label, given in read.usable
    )
    return Scan(facts=facts, places=tuple(read.places), bad=bad)


class _Reading:
    """What is kept of the rows while they are read."""

    def __init__(self) -> None:
        self.causes: Counter[Cause | None] = Counter()
        self.first_bad: TextRow | None = None
        self.known: dict[bytes, int] = {}  # index in ``sets``, by digest
        self.sets: list[Shingles] = []
        self.usable: list[tuple[bytes, int, bool]] = []  # digest, class, whether in a given test set
        self.places: list[int] = []
        self._vocabulary = Vocabulary()

    def add(self, place: int, row: Row) -> None:
        found = row.text_row
        if found.cause:
            self.causes[found.cause] += 1
            self.first_bad = self.first_bad or found
            return
        text = shown(found.text)
        digest = hashlib.sha256(text.encode()).digest()
        if digest not in self.known:
            self.known[digest] = len(self.sets)
            self.sets.append(shingles(self._vocabulary.ids(text)))
        self.usable.append((digest, row.label, row.test))
        self.places.append(place)


def _refuse_one_class(labels: set[int], rows: Rows) -> None:
    present: Sequence[str] = [rows.label_names[label] for label in sorted(labels)]
    if len(present) > 1:
        return
    found = f"one class only, {present[0]!r}" if present else "no row that can be used"
    files = ", ".join(str(one.table.path) for one in rows.sources)
    raise DataError(f"{files}: {found}, expected texts of 2 classes or more; add some")
