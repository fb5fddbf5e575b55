"""What is scored: one table, or a folder of tables as one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...exporters.errors import DataError
from ...exporters.files import sha256_file, sha256_json
from ..texts.table_file import SUFFIXES, open_table
from ..texts.text_rows import find_text_columns, text_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..texts.table_file import TableFile
    from ..texts.text_rows import TextRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Tables whose rows are scored in the order of ``files``."""

    path: Path
    files: tuple[Path, ...]
    _tables: dict[Path, TableFile] = field(default_factory=dict)  # opened once: finding columns may take reading a file

    @property
    def is_folder(self) -> bool:
        """Whether an output must say which file a row is of."""
        return self.files != (self.path,)

    def name(self, file: Path) -> str:
        """Name of one of ``files`` within the folder."""
        return file.relative_to(self.path).as_posix()

    def sha256(self) -> str:
        """Digest of the file, or of names and contents of the folder's."""
        if not self.is_folder:
            return sha256_file(self.path)
        return sha256_json([[self.name(file), sha256_file(file)] for file in self.files])

    def columns(self, text_columns: Sequence[str] | None) -> tuple[str, ...]:
        """Columns that make up a text; raises DataError if a table lacks them or if two tables would be read otherwise."""
        first, *others = self.files
        columns = find_text_columns(self._table(first), text_columns)
        for file in others:
            found = find_text_columns(self._table(file), text_columns)
            if found != columns:
                raise DataError(
                    f"{file}: texts are {' + '.join(map(repr, found))}, expected {' + '.join(map(repr, columns))} as in "
                    f"{first}; name the columns with --text-columns or --pair-columns"
                )
        return columns

    def rows(self, columns: Sequence[str], skip: int = 0) -> Iterator[TextRow]:
        """The rows, read one at a time, after the first ``skip``; numbers are within the file, from 1."""
        for file in self.files:
            for number, cells in enumerate(self._table(file).rows(columns), 1):
                if skip:
                    skip -= 1
                else:
                    yield text_row(file, number, columns, cells)

    def _table(self, file: Path) -> TableFile:
        if file not in self._tables:
            self._tables[file] = open_table(file)
        return self._tables[file]


def find_source(path: Path) -> Source:
    """The table in ``path``, or all tables below it, in the order of their names; raises DataError if there is none.

    Names that begin with a dot or an underscore are left out, as writers of such folders (Spark, Hive) mean them.
    """
    if not path.is_dir():
        return Source(path=path, files=(path,))
    files = tuple(sorted(one for one in path.rglob("*") if one.is_file() and not _is_hidden(one, path)))
    if not files:
        raise DataError(f"{path}: no tables in this folder, expected files that end in {SUFFIXES}; name another")
    return Source(path=path, files=files)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
