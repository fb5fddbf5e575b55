"""Reads the rows that are scored, twice: a scan reports bad rows before hours of work, then they are scored."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...exporters.texts import cut, shown
from ..texts.table_file import no_rows
from ..texts.text_rows import dropped_counts, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...exporters.texts import Text
    from ..texts.text_rows import BadRows, Cause, TextRow
    from .shard import Shard
    from .source import Source

_ROWS, _CHARACTERS = 1024, 8_000_000  # limits of a chunk
_SAMPLE = 1024  # texts for the search of a plan
_SAMPLED_CHARACTERS = 20_000  # of a sampled text: more than a model reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive rows of a source."""

    first: int  # rows before it
    rows: int
    dropped: tuple[str, ...]  # "2 rows without text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the scan of a source found."""

    columns: tuple[str, ...]  # that make up a text
    sample: tuple[Text, ...]  # drawn uniformly from all texts; long ones are cut
    chunk_rows: tuple[int, ...]  # rows of each chunk
    bad_rows: Mapping[
        int, Counter[Cause]
    ]  # rows without usable text of the chunks that have any, by number of the chunk

    @property
    def rows(self) -> int:
        """Rows of the source."""
        return sum(self.chunk_rows)

    def stretch(self, shard: Shard | None = None) -> Stretch:
        """The rows of a shard, or all."""
        chunks = shard.chunks(len(self.chunk_rows)) if shard else range(len(self.chunk_rows))
        bad: Counter[Cause | None] = Counter()
        for number in chunks:
            bad.update(self.bad_rows.get(number, {}))
        return Stretch(
            first=sum(self.chunk_rows[: chunks.start]),
            rows=sum(self.chunk_rows[chunks.start : chunks.stop]),
            dropped=dropped_counts(bad),
        )


def chunks(rows: Iterator[TextRow]) -> Iterator[list[TextRow]]:
    """Rows of one file in lists of at most 1,024 or about 8 million characters; reading may begin at the first row of any."""
    chunk: list[TextRow] = []
    characters = 0
    for row in rows:
        if chunk and row.path != chunk[0].path:
            yield chunk
            chunk, characters = [], 0
        chunk.append(row)
        characters += len(shown(row.text))
        if len(chunk) == _ROWS or characters >= _CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def scan(source: Source, text_columns: Sequence[str] | None, bad_rows: BadRows, sample: int = _SAMPLE) -> Scan:
    """Read ``source`` once; raises DataError for a row without usable text, unless such rows are dropped.

    The sample is drawn by reservoir sampling. Source: Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985), algorithm R.
    """
    draw = random.Random(0)  # noqa: S311 - no secret
    texts: list[Text] = []
    usable, chunk_rows = 0, []
    bad: dict[int, Counter[Cause]] = {}
    first_bad = None
    columns = source.columns(text_columns)
    for number, chunk in enumerate(chunks(source.rows(columns))):
        chunk_rows.append(len(chunk))
        for row in chunk:
            if row.cause:
                first_bad = first_bad or row
                bad.setdefault(number, Counter())[row.cause] += 1
                continue
            usable += 1
            if len(texts) < sample:
                texts.append(cut(row.text, _SAMPLED_CHARACTERS))
            elif (place := draw.randrange(usable)) < sample:
                texts[place] = cut(row.text, _SAMPLED_CHARACTERS)
    if not chunk_rows:
        raise no_rows(source.path)
    found = Scan(columns=columns, sample=tuple(texts), chunk_rows=tuple(chunk_rows), bad_rows=bad)
    if first_bad and (bad_rows == "refuse" or not texts):
        raise refusal(first_bad, found.stretch().dropped)
    return found
