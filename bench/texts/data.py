"""Reads labelled texts for accuracy and unlabelled ones for calibration; unusable rows are refused, or dropped and counted.

The text of a row is ``title + " " + content`` (or whatever its text columns are, joined by one space).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.errors import DataError
from ...exporters.texts import row_hash, sha256_texts
from ..console import note
from ..units import counted
from .label_lists import read_labels
from .label_numbers import meanings
from .label_scores import read_scores
from .labels import LABEL_COLUMN, REAL_FAKE, LabelReader, infer_names, told
from .pairs import caution_single, reads_queries
from .real_fake import real_fake_indices
from .set_summary import summary, without
from .table_file import read_table
from .text_rows import check_column, find_text_columns, read_rows, refuse_label_as_text, refuse_repeats, usable_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...exporters.head import Head
    from ...exporters.labels import Label, Task
    from ...exporters.texts import Text
    from .table_file import TableFile
    from .text_rows import BadRows, Place, TextRow


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Texts and their labels, in file order."""

    name: str
    texts: tuple[Text, ...]
    labels: tuple[Label, ...]  # of each text
    label_names: tuple[str, ...]  # by class index; of scores the one output
    dropped: tuple[str, ...]  # "2 duplicate rows"
    places: tuple[Place, ...] = field(default=(), compare=False)  # of each text; empty for texts of no file
    unscored: int = 0  # further texts, for which a run has no time
    task: Task = "single-label"
    queries: tuple[str, ...] = ()  # score: hash of the query that each text answers; empty: texts answer none

    @property
    def pairs(self) -> bool:
        """Whether its texts are pairs."""
        return bool(self.texts) and not isinstance(self.texts[0], str)

    @property
    def row_hashes(self) -> tuple[str, ...]:
        """Of each text: they identify texts in a saved run, which holds none."""
        return tuple(map(row_hash, self.texts))

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of all texts and labels in their order."""
        return sha256_texts(self.texts, self.labels)

    @property
    def head(self) -> Head:
        """What a model of this task answers, with the usual thresholds."""
        from ...exporters.head import Head  # brings NumPy

        return Head(task=self.task, labels=self.label_names)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of texts of each class, or with each label, by its index; empty for scores."""
        if self.task == "score":
            return ()
        found = chain.from_iterable(one if isinstance(one, tuple) else (one,) for one in self.labels)
        counts = Counter(found)
        return tuple(counts[index] for index in range(len(self.label_names)))

    @property
    def summary(self) -> str:
        """One line: ``268 articles (171 real, 97 fake); left out: 2 duplicate rows``."""
        return summary(self)


def parse_external(argument: str) -> tuple[str, Path]:
    """Name and path from ``[NAME=]FILE``; a file name with ``=`` is written ``./a=b.csv``."""
    name, equals, file = argument.partition("=")
    if not equals or "/" in name:
        return Path(argument).stem, Path(argument)
    if not name.strip() or not file:
        raise DataError(f"{argument!r} is not [NAME=]FILE; write a name and a file, or a file alone")
    return name.strip(), Path(file)


def read_labelled_file(  # noqa: PLR0913 - how a file is read, by name
    path: Path,
    *,
    task: Task = "single-label",
    name: str | None = None,
    label_names: Sequence[str] | None = None,
    text_columns: Sequence[str] | None = None,
    label_column: str | None = None,
    real_label: str | None = None,
    bad_rows: BadRows = "refuse",
) -> LabelledSet:
    """Read texts and labels from one file; raises DataError for the first problem.

    ``label_names`` are the checkpoint's, by output; None: from the file. ``label_column``: None is a usual one of the task.
    ``real_label``, of single labels, is the checkpoint's name of the class that the file calls real; the other one is then fake.
    """
    table = read_table(path)
    used = find_text_columns(table, text_columns)
    rows = read_rows(table, used)
    if task == "single-label":
        names = _read_classes(table, rows, used, label_names, label_column or LABEL_COLUMN, real_label)
    else:
        read = read_labels if task == "multi-label" else read_scores
        names = read(table, rows, used, label_names, label_column)
    caution_single(path, used, names)
    found = _labelled_set(name or path.stem, rows, names, bad_rows, task)
    return replace(found, queries=_queries(path, found)) if task == "score" and reads_queries(used) else found


def _read_classes(  # noqa: PLR0913, PLR0917 - what the labels of a file mean
    table: TableFile,
    rows: Sequence[TextRow],
    texts: Sequence[str],
    label_names: Sequence[str] | None,
    column: str,
    real_label: str | None,
) -> tuple[str, ...]:
    """Give each row its class, or refuse it; gives the names of the classes."""
    refuse_label_as_text(table.path, column, texts)
    check_column(table, column, "name the column that holds the classes with --label-column")
    cells = table.column(column)
    names = tuple(label_names or infer_names(((table.path, number), cell) for number, cell in enumerate(cells, 1)))
    reader = LabelReader(names, column, {**_words(names, real_label), **meanings(table.path, names, cells)})
    for row, cell in zip(rows, cells, strict=True):
        reader.label(row, cell)
    return names


def _queries(path: Path, labelled: LabelledSet) -> tuple[str, ...]:
    """Hash of the first text of each pair; empty where no two pairs have the same: a ranking is of several documents.

    And where a label is below 0, which is no gain: a line says so.
    """
    found = tuple(row_hash(text[0]) for text in labelled.texts)
    lowest = min(map(float, labelled.labels))  # type: ignore[arg-type] # scores
    if len(set(found)) == len(found):
        return ()
    if lowest < 0:
        note(f"{path}: a label is {lowest:g}, and the gains of NDCG begin at 0: queries are not ranked")
        return ()
    return found


def _words(names: Sequence[str], real_label: str | None) -> dict[str, int]:
    """Class indices of the words real and fake, if ``real_label`` says which class is real."""
    return {} if real_label is None else dict(zip(REAL_FAKE, real_fake_indices(names, real_label), strict=True))


def read_real_fake(  # noqa: PLR0913 - how files are read, by name
    real: Path,
    fake: Path,
    *,
    label_names: Sequence[str] | None = None,
    text_columns: Sequence[str] | None = None,
    real_label: str | None = None,
    bad_rows: BadRows = "refuse",
) -> LabelledSet:
    """Read the set "external" from two files without labels; a text may be in one of them only.

    ``label_names`` or ``real_label``, which is one of them, decide which class is real; raises DataError if neither does.
    """
    names = tuple(label_names or REAL_FAKE)
    rows = []
    for path, label in zip((real, fake), real_fake_indices(names, real_label), strict=True):
        table = read_table(path)
        used = find_text_columns(table, text_columns)
        for row in read_rows(table, used):
            row.label = label
            rows.append(row)
        caution_single(path, used, names)
    return _labelled_set("external", rows, names, bad_rows)


def read_texts(
    path: Path,
    *,
    label_names: Sequence[str] = (),
    text_columns: Sequence[str] | None = None,
    bad_rows: BadRows = "refuse",
) -> tuple[tuple[Text, ...], str]:
    """Read the texts of one file without labels, and a line about them: ``9 texts; left out: 1 duplicate row``.

    ``label_names`` are those of the checkpoint.
    """
    table = read_table(path)
    used = find_text_columns(table, text_columns)
    rows = read_rows(table, used)
    caution_single(path, used, label_names)
    refuse_repeats(rows)
    rows, dropped = usable_rows(rows, bad_rows)
    return tuple(row.text for row in rows), without(counted(len(rows), "text"), dropped)


def _labelled_set(
    name: str, rows: list[TextRow], names: tuple[str, ...], bad_rows: BadRows, task: Task = "single-label"
) -> LabelledSet:
    refuse_repeats(rows, lambda label: told(label, names))
    rows, dropped = usable_rows(rows, bad_rows)
    texts, labels = tuple(row.text for row in rows), tuple(row.label for row in rows)
    places = tuple((row.path, row.number) for row in rows)
    return LabelledSet(
        name=name, texts=texts, labels=labels, label_names=names, dropped=dropped, places=places, task=task
    )


def read_column(places: Sequence[Place], column: str) -> list[object]:
    """Cells of ``column`` at ``places``, None for a missing one; raises DataError if a file lacks the column."""
    cells = {}
    for path in {path for path, _ in places}:
        table = read_table(path)
        check_column(table, column, "name one of these with --by")
        cells[path] = table.column(column)
    return [cells[path][number - 1] for path, number in places]
