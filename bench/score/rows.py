"""The rows of a file that is to be scored: looked through once, to say what is wrong before hours of work, then read again."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.texts.table_file import no_rows, open_table
from bench.texts.text_rows import dropped_counts, find_text_columns, refusal, text_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.texts.table_file import TableFile
    from bench.texts.text_rows import BadRows, Cause, TextRow

_ROWS, _CHARACTERS = 1024, 8_000_000  # of a stretch; whichever comes first ends it
_SAMPLE = 1024  # texts that a plan is found with
_SAMPLED_CHARACTERS = 20_000  # of a text: more than a model reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a file holds."""

    rows: int
    dropped: tuple[str, ...]  # "2 rows without text"
    columns: tuple[str, ...]  # that make up a text
    sample: tuple[str, ...]  # drawn from all texts alike; long ones are cut


def stream_rows(path: Path, text_columns: Sequence[str] | None) -> Iterator[TextRow]:
    """Every row of the table in ``path``, in order, one at a time."""
    table = open_table(path)
    yield from _rows(table, find_text_columns(table, text_columns))


def _rows(table: TableFile, columns: Sequence[str]) -> Iterator[TextRow]:
    for number, cells in enumerate(table.rows(columns), 1):
        yield text_row(table.path, number, columns, cells)


def stretches(rows: Iterator[TextRow]) -> Iterator[list[TextRow]]:
    """Rows in lists of so many rows or characters; where they end does not depend on where reading began."""
    stretch: list[TextRow] = []
    characters = 0
    for row in rows:
        stretch.append(row)
        characters += len(row.text)
        if len(stretch) == _ROWS or characters >= _CHARACTERS:
            yield stretch
            stretch, characters = [], 0
    if stretch:
        yield stretch


def survey(path: Path, text_columns: Sequence[str] | None, bad_rows: BadRows, sample: int = _SAMPLE) -> Survey:
    """Look through ``path``; raises DataError where a row has no text that can be used, unless those are left out.

    The sample is drawn in one pass. Source: Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985), algorithm R.
    """
    draw = random.Random(0)  # noqa: S311 - no secret
    texts: list[str] = []
    causes: Counter[Cause | None] = Counter()
    first_bad = None
    table = open_table(path)
    columns = find_text_columns(table, text_columns)
    for row in _rows(table, columns):
        causes[row.cause] += 1
        if row.cause:
            first_bad = first_bad or row
        elif len(texts) < sample:
            texts.append(row.text[:_SAMPLED_CHARACTERS])
        elif (place := draw.randrange(causes[None])) < sample:
            texts[place] = row.text[:_SAMPLED_CHARACTERS]
    if not causes:
        raise no_rows(path)
    dropped = dropped_counts(causes)
    if first_bad and (bad_rows == "refuse" or not texts):
        raise refusal(first_bad, dropped)
    return Survey(rows=causes.total(), dropped=dropped, columns=columns, sample=tuple(texts))
