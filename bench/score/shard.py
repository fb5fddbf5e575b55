"""Shards: a scoring cut into parts for several machines, each a run of whole chunks with a file of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...exporters.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 99_999  # as many as five digits of a file's name can tell
_NAME = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.parquet")


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """Shard ``number``, from 1, of ``count``."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def chunks(self, total: int) -> range:
        """Which of ``total`` chunks; the shards differ by one at most, and are empty where there are fewer chunks.

        >>> [list(Shard(number, 3).chunks(5)) for number in (1, 2, 3)]
        [[0], [1, 2], [3, 4]]
        """
        return range((self.number - 1) * total // self.count, self.number * total // self.count)

    def file(self, output: Path) -> Path:
        """Its file, beside the ``output`` of all.

        >>> Shard(2, 16).file(Path("labels.parquet")).name
        'labels-00002-of-00016.parquet'
        """
        return output.with_name(f"{output.stem}-{self.number:05}-of-{self.count:05}{output.suffix}")


def read_shard(text: str) -> Shard:
    """``3/16``; raises UserError for anything else."""
    found = re.fullmatch(r"(\d+)/(\d+)", text, re.ASCII)
    number, count = (int(one) for one in found.groups()) if found else (0, 0)
    if not 1 <= number <= count <= _MOST:
        raise UserError(
            f"--shard: found {text!r}, expected a number and how many there are, such as 3/16 (1/16 to 16/16), {_MOST:,} at most"
        )
    return Shard(number, count)


def find_shards(output: Path) -> dict[Shard, Path]:
    """The shards' files of ``output`` that are there, by shard."""
    found = {}
    for path in output.parent.glob("*.parquet"):
        named = _NAME.fullmatch(path.name)
        if named and named["stem"] == output.stem:
            found[Shard(int(named["number"]), int(named["count"]))] = path
    return dict(sorted(found.items()))
