"""Reads the rows of a file to score, twice: a scan reports bad rows before hours of work, then they are scored."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...exporters.texts import cut, shown
from ..texts.table_file import no_rows, open_table
from ..texts.text_rows import dropped_counts, find_text_columns, refusal, text_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ...exporters.texts import Text
    from ..texts.table_file import TableFile
    from ..texts.text_rows import BadRows, Cause, TextRow

_ROWS, _CHARACTERS = 1024, 8_000_000  # limits of a chunk
_SAMPLE = 1024  # texts for the search of a plan
_SAMPLED_CHARACTERS = 20_000  # of a sampled text: more than a model reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the scan of a file found."""

    rows: int
    dropped: tuple[str, ...]  # "2 rows without text"
    columns: tuple[str, ...]  # that make up a text
    sample: tuple[Text, ...]  # drawn uniformly from all texts; long ones are cut


def stream_rows(path: Path, text_columns: Sequence[str] | None) -> Iterator[TextRow]:
    """The rows of the table in ``path``, read one at a time."""
    table = open_table(path)
    yield from _rows(table, find_text_columns(table, text_columns))


def _rows(table: TableFile, columns: Sequence[str]) -> Iterator[TextRow]:
    for number, cells in enumerate(table.rows(columns), 1):
        yield text_row(table.path, number, columns, cells)


def chunks(rows: Iterator[TextRow]) -> Iterator[list[TextRow]]:
    """Rows in lists of at most 1,024 rows or about 8 million characters; reading may begin at the first row of any chunk."""
    chunk: list[TextRow] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += len(shown(row.text))
        if len(chunk) == _ROWS or characters >= _CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def scan(path: Path, text_columns: Sequence[str] | None, bad_rows: BadRows, sample: int = _SAMPLE) -> Scan:
    """Read ``path`` once; raises DataError for a row without usable text, unless such rows are dropped.

    The sample is drawn by reservoir sampling. Source: Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985), algorithm R.
    """
    draw = random.Random(0)  # noqa: S311 - no secret
    texts: list[Text] = []
    causes: Counter[Cause | None] = Counter()
    first_bad = None
    table = open_table(path)
    columns = find_text_columns(table, text_columns)
    for row in _rows(table, columns):
        causes[row.cause] += 1
        if row.cause:
            first_bad = first_bad or row
        elif len(texts) < sample:
            texts.append(cut(row.text, _SAMPLED_CHARACTERS))
        elif (place := draw.randrange(causes[None])) < sample:
            texts[place] = cut(row.text, _SAMPLED_CHARACTERS)
    if not causes:
        raise no_rows(path)
    dropped = dropped_counts(causes)
    if first_bad and (bad_rows == "refuse" or not texts):
        raise refusal(first_bad, dropped)
    return Scan(rows=causes.total(), dropped=dropped, columns=columns, sample=tuple(texts))
