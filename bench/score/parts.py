"""Output of scoring: parts beside the output file, each written atomically, which are joined at the end.

A part holds the rows of one chunk of the input. A killed scoring leaves its parts and their identity; the next call with the
same identity continues after them with the same plan, so that the output is identical byte for byte.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from ...exporters.errors import OutputError, first_line
from ...exporters.files import whole_file
from ..console import say
from ..units import counted
from .answers import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

_IDENTITY = "parts_of.json"


def parts_folder(output: Path) -> Path:
    """Where the parts of ``output`` are, as long as it is not whole."""
    return output.with_name(f".{output.name}.parts")


class Parts:
    """The parts of ``output``; ``identity`` is everything that decides their content."""

    def __init__(self, output: Path, identity: Mapping[str, Any]) -> None:
        self._output = output
        self._folder = parts_folder(output)
        self._identity = dict(identity)

    def found(self) -> tuple[int, int, Any]:
        """Number of reusable parts of an interrupted scoring, their rows, and its plan; the plan is None without one.

        If the parts are of another identity, prints what differs: they will be deleted.
        """
        try:
            kept = json.loads((self._folder / _IDENTITY).read_text(encoding="utf-8"))
            plan = kept.pop("plan")
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return 0, 0, None
        count, rows = self._whole()
        if kept != self._identity:
            other = ", ".join(name for name in self._identity if kept.get(name) != self._identity[name])
            say(f"not reused: {counted(rows, 'row')} scored before, with another {other.replace('_', ' ')}")
            return 0, 0, None
        return count, rows, plan

    def _whole(self) -> tuple[int, int]:
        """Number of parts before the first missing or damaged one, and their rows."""
        from pyarrow import parquet

        count = rows = 0
        while (part := self._part(count)).is_file():
            try:
                rows += parquet.read_metadata(part).num_rows
            except (OSError, ValueError):  # pyarrow's errors are ValueErrors
                break
            count += 1
        return count, rows

    def begin(self, plan: Any) -> None:
        """Delete existing parts, and save identity and plan."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        with whole_file(self._folder / _IDENTITY) as stream:
            stream.write(json.dumps({**self._identity, "plan": plan}, indent=1).encode())

    def write(self, number: int, table: pa.Table) -> None:
        """Write one part."""
        from pyarrow import parquet

        with whole_file(self._part(number)) as stream:
            parquet.write_table(table, stream, compression="zstd")

    def join(self, count: int, schema: pa.Schema) -> Tally:
        """Join ``count`` parts into the output of this ``schema``, and delete them; the answers of all texts.

        Raises OutputError for a damaged part.
        """
        from pyarrow import parquet

        tally = Tally()
        with whole_file(self._output) as stream, parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
            for number in range(count):
                table = self._read(number)
                writer.write_table(table)
                tally.add(table)
        shutil.rmtree(self._folder)
        return tally

    def _read(self, number: int) -> pa.Table:
        from pyarrow import parquet

        try:
            return parquet.read_table(self._part(number), partitioning=None)
        except (OSError, ValueError) as error:
            self._part(number).unlink(missing_ok=True)  # it and later parts are scored again
            raise OutputError(
                f"{self._part(number)}: is damaged ({first_line(error)}) and was removed; give the same command again"
            ) from error

    def _part(self, number: int) -> Path:
        return self._folder / f"{number:07}.parquet"
