"""The second reading: rows are written to their splits, and what gives labels away is counted on those that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.console import progress
from bench.texts.prepare.giveaways import Column, Features, Giveaway, Totals
from bench.texts.prepare.lengths import LENGTHS, length_bin
from bench.texts.prepare.marks import Marks
from bench.texts.prepare.shingles import Vocabulary
from bench.texts.prepare.splits import SPLITS, TRAIN

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from bench.statistics import Estimate
    from bench.texts.prepare.folder import SplitFiles
    from bench.texts.prepare.rows import Rows

_SHOWN = 5  # words, and as many marks
LENGTH_COLUMN = "length of the text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How well a class can be told without reading the text."""

    base: Estimate  # accuracy of calling every text what most are
    columns: tuple[Giveaway, ...]  # best first; among them the length of the text
    words: tuple[Giveaway, ...]
    marks: tuple[Giveaway, ...]
    lengths: tuple[tuple[int, ...], ...]  # texts by class, then by LENGTHS


def write_rows(rows: Rows, fates: Sequence[str | None], files: SplitFiles) -> Evidence:
    """Read all rows again, write those whose fate is a split, and count what gives their labels away."""
    classes = len(rows.label_names)
    totals, vocabulary, marks = Totals(classes), Vocabulary(), Marks()
    of_words, of_marks = Features(classes), Features(classes)
    columns = [Column(name, classes) for name in (*rows.other_columns, LENGTH_COLUMN)]
    lengths = [[0] * len(LENGTHS) for _ in range(classes)]
    with progress("writing", len(rows)) as bar:
        for row, fate in zip(
            rows, fates, strict=False
        ):  # a file that has changed since is refused afterwards, by its hash
            bar.advance()
            if fate not in SPLITS:
                continue
            files.write(fate, row)
            text, label, held = row.text_row.text, row.text_row.label, fate != TRAIN
            words = vocabulary.ids(text)
            length = length_bin(len(words))
            totals.add(label, held=held)
            of_words.add(np.unique(words), label, held=held)
            of_marks.add(marks.ids(text), label, held=held)
            for column, value in zip(columns, (*map(_value, row.others), length), strict=True):
                column.add(value, label, held=held)
            lengths[label][length] += 1
    found = sorted((one.giveaway(totals) for one in columns), key=lambda one: -one.accuracy.value)
    return Evidence(
        base=totals.base,
        columns=tuple(found),
        words=of_words.best(vocabulary.words(), totals, _SHOWN),
        marks=of_marks.best(marks.names(), totals, _SHOWN),
        lengths=tuple(map(tuple, lengths)),
    )


def _value(cell: object) -> Hashable:
    """A cell that can be counted: lists and objects of JSON cannot."""
    return cell if cell is None or isinstance(cell, (str, int, float, bool)) else repr(cell)
