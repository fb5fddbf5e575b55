"""What is left of a preparation: train.csv, validation.csv, test.csv and preparation.json, whole or absent."""

from __future__ import annotations

import csv
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from bench.texts.labels import LABEL_COLUMN
from bench.texts.prepare.splits import SPLITS
from exporters.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.texts.prepare.rows import Row, Rows

RECORD = "preparation.json"
_OURS = {RECORD, *(f"{split}.csv" for split in SPLITS)}


def refuse_folder(folder: Path, read: Iterable[Path]) -> None:
    """Raise OutputError where the folder cannot be replaced: other people's files, or those that are being read, are in it."""
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
    """The files of the splits while they are written; a context manager."""

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
        """One more row of a split."""
        cells = map(_cell, (*row.others, *row.texts))
        self._writers[split].writerow([*cells, self._labels[row.text_row.label]])


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """What was done, for programs."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / RECORD).write_text(text, encoding="utf-8")


def _cell(cell: object) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
