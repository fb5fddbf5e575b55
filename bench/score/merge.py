"""Merges the files of all shards into the file that one machine would have written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.errors import DataError, UserError
from ...exporters.files import whole_file
from ..console import progress
from .answers import Tally
from .record import Record, differences, read_record, with_record
from .shard import Shard, find_shards

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LISTED = 5  # missing shards in a message


def merge(output: Path, *, allow_mixed: bool) -> tuple[int, int, Tally]:
    """Write ``output`` from the shards' files beside it; numbers of shards and rows, and the answers.

    Raises UserError where shards are missing, do not belong together, or may answer differently without ``allow_mixed``.
    """
    from pyarrow import parquet

    shards = _complete(output)
    records = {shard: read_record(path) for shard, path in shards.items()}
    _check(shards, records, allow_mixed=allow_mixed)
    tally, rows = Tally(), 0
    first = next(iter(records.values()))
    mixed = {str(one.answered_by): one.answered_by for one in records.values()}
    record = Record(asked=first.asked, answered_by=tuple(one for every in mixed.values() for one in every))
    schema = with_record(parquet.read_schema(next(iter(shards.values()))), record)
    with (
        whole_file(output) as stream,
        parquet.ParquetWriter(stream, schema, compression="zstd") as writer,
        progress("merging", len(shards)) as bar,
    ):
        for path in shards.values():
            with parquet.ParquetFile(path, page_checksum_verification=True) as file:
                for number in range(file.num_row_groups):
                    table = file.read_row_group(number)
                    writer.write_table(table)
                    tally.add(table)
                rows += file.metadata.num_rows
            bar.advance()
    return len(shards), rows, tally


def _complete(output: Path) -> dict[Shard, Path]:
    """The files of every shard, in order; raises UserError unless they are all there, and of one number of shards."""
    shards = find_shards(output)
    counts = sorted({shard.count for shard in shards})
    if not counts:
        raise UserError(
            f"--merge: found no shards of {output}, expected files such as {Shard(1, 16).file(output).name} beside it; "
            "score them with --shard"
        )
    if len(counts) > 1:
        raise UserError(
            f"--merge: found shards of {output} cut into {' and into '.join(map(str, counts))}, expected those of one number; "
            "remove the others"
        )
    missing = [str(one) for number in range(1, counts[0] + 1) if (one := Shard(number, counts[0])) not in shards]
    if missing:
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise UserError(
            f"--merge: found {len(shards)} of {counts[0]} shards of {output}; score --shard {', '.join(missing[:_LISTED])}{more}"
        )
    return shards


def _check(shards: Mapping[Shard, Path], records: Mapping[Shard, Record], *, allow_mixed: bool) -> None:
    """Raise UserError where shards do not belong together, or may answer differently."""
    first, *others = shards
    row = 1
    for shard, path in shards.items():
        said = records[shard].shard
        found = f"{said.get('number')}/{said.get('count')}"
        if found != str(shard) or said.get("first") != row:
            raise DataError(
                f"{path}: is shard {found} of its scoring, expected {shard} by its name; score that shard again"
            )
        row += said["rows"]
    for shard in others:
        asked = differences([records[first].asked, records[shard].asked])
        if asked:
            raise DataError(
                f"{shards[shard]}: was scored otherwise than shard {first} ({asked[0]}); score one of them again"
            )
        answered = [{**records[one].answered_by[0], "executed": _formats(records[one])} for one in (first, shard)]
        if (apart := differences(answered)) and not allow_mixed:
            raise UserError(
                f"--merge: shards {first} and {shard} may answer differently ({'; '.join(apart)}); score one of them again "
                "where the other ran, or pass --allow-mixed"
            )


def _formats(record: Record) -> list[str]:
    """Number formats that were executed."""
    return sorted(record.shard.get("executed", {}))
