"""The second reading: rows are written to train.csv, validation.csv and test.csv, and label leakage is counted on them."""

from __future__ import annotations

import csv
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ....exporters.errors import OutputError
from ....exporters.texts import shown
from ...console import progress
from ..labels import LABEL_COLUMN
from .label_leakage import LENGTHS, Column, Features, LabelLeakage, Marks, Totals, length_bin
from .near_duplicates import Vocabulary
from .splits import SPLITS, TRAIN

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from pathlib import Path

    from .rows import Row, Rows

RECORD = "preparation.json"
_OURS = {RECORD, *(f"{split}.csv" for split in SPLITS)}
_SHOWN = 5  # words, and as many marks


def refuse_folder(folder: Path, read: Iterable[Path]) -> None:
    """Raise OutputError if ``folder`` cannot be replaced: it holds other files, or files that are being read."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"--output: {folder} is a file, expected a folder; name another")
    names = {file.name for file in folder.iterdir()}
    if names and not RECORD in names <= _OURS:
        raise OutputError(
            f"--output: {folder} exists and is no earlier preparation, expected a new folder; name another"
        )
    for file in read:
        if file.resolve().parent == folder.resolve():
            raise OutputError(
                f"--output: {folder} holds {file.name}, which is read and would be lost; name another folder"
            )


class SplitFiles:
    """The open files of the splits; a context manager."""

    def __init__(self, folder: Path, rows: Rows) -> None:
        self._paths = {split: folder / f"{split}.csv" for split in SPLITS}
        self._columns = [*rows.other_columns, *rows.text_columns, LABEL_COLUMN]
        self._labels = rows.label_names
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        streams = {
            split: self._stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            for split, path in self._paths.items()
        }
        self._writers = {split: csv.writer(stream, lineterminator="\n") for split, stream in streams.items()}
        for writer in self._writers.values():
            writer.writerow(self._columns)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def write(self, split: str, row: Row) -> None:
        """Append a row to a split."""
        cells = map(_cell, (*row.others, *row.texts))
        self._writers[split].writerow([*cells, self._labels[row.label]])


def write_rows(rows: Rows, outcomes: Sequence[str | None], files: SplitFiles) -> LabelLeakage:
    """Read all rows again, write those whose outcome is a split, and count what reveals their labels."""
    classes = len(rows.label_names)
    totals, vocabulary, marks = Totals(classes), Vocabulary(), Marks()
    of_words, of_marks = Features(classes), Features(classes)
    columns = [Column(name, classes) for name in (*rows.other_columns, "length of the text")]
    lengths = [[0] * len(LENGTHS) for _ in range(classes)]
    with progress("writing", len(rows)) as bar:
        for row, outcome in zip(rows, outcomes, strict=False):  # the hash of a file tells later if it has changed
            bar.advance()
            if outcome not in SPLITS:
                continue
            files.write(outcome, row)
            text, label, held = shown(row.text_row.text), row.label, outcome != TRAIN
            words = vocabulary.ids(text)
            length = length_bin(len(words))
            totals.add(label, held=held)
            of_words.add(np.unique(words), label, held=held)
            of_marks.add(marks.ids(text), label, held=held)
            for column, value in zip(columns, (*map(_value, row.others), length), strict=True):
                column.add(value, label, held=held)
            lengths[label][length] += 1
    found = sorted((one.rule(totals) for one in columns), key=lambda one: -one.accuracy.value)
    return LabelLeakage(
        base=totals.base,
        columns=tuple(found),
        words=of_words.best(vocabulary.words(), totals, _SHOWN),
        marks=of_marks.best(marks.names(), totals, _SHOWN),
        lengths=tuple(map(tuple, lengths)),
    )


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write preparation.json."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / RECORD).write_text(text, encoding="utf-8")


def _cell(cell: object) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)


def _value(cell: object) -> Hashable:
    """A hashable cell: lists and objects of JSON are not."""
    return cell if cell is None or isinstance(cell, (str, int, float, bool)) else repr(cell)
