"""Resident memory of another process by kind of mapping, in bytes.

The parent reads /proc of a child that waits at its pipe, so that reading changes nothing in the child. ``smaps`` is exact;
``status`` sums counters that each core updates late.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Range: TypeAlias = tuple[int, int]  # first address, and the one after the last

KINDS = ("artifact", "files", "copies", "heap", "anonymous", "stacks", "shared", "other")

_HEADER = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)")
_SHARED = ("/dev/shm/", "/dev/zero", "/memfd:", "/SYSV")  # noqa: S108 - read, never written
_ARENA = 64 * 1024 * 1024  # heaps of glibc's arenas, except the first, end at a multiple of this
_PRESENT = 7  # bit of a page's entry in pagemap, in its last byte
_ENTRY = 8  # bytes


@dataclass(slots=True)
class Mapping:
    """One mapping of a process."""

    start: int
    end: int
    permissions: str  # "rw-p"
    name: str  # path of a file, "[heap]", "[stack]", … or "" for anonymous memory
    sizes: dict[str, int] = field(default_factory=dict)  # "Rss", "Pss", "Anonymous": resident and held by no file, …

    @property
    def reserved(self) -> bool:
        """Whether it is addresses without memory: a guard page, or the rest of an arena."""
        return self.permissions.startswith("---") and not self.name


def read_mappings(pid: int) -> list[Mapping]:
    """All mappings of a process of this user, by address; raises OSError if it has ended."""
    mappings: list[Mapping] = []
    text = Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="surrogateescape")
    for line in text.splitlines():
        if line.endswith(" kB"):
            key, _, size = line.partition(":")
            mappings[-1].sizes[key] = int(size[:-3]) * 1024
        elif header := _HEADER.match(line):
            start, end, permissions, name = header.groups()
            mappings.append(Mapping(int(start, 16), int(end, 16), permissions, name))
    return mappings


def resident_by_kind(mappings: Sequence[Mapping], artifact: Path | None) -> dict[str, int]:
    """Resident bytes by KINDS; ``copies`` are pages of files that were written to, and therefore private (copy on write)."""
    kinds = dict.fromkeys(KINDS, 0)
    guarded = {one.end for one in mappings if one.reserved and one.end - one.start == mmap.PAGESIZE}
    folder = f"{artifact.resolve()}/" if artifact else "\0"
    for one in mappings:
        for kind, size in _split(one, folder, guarded):
            kinds[kind] += size
    return kinds


def _split(mapping: Mapping, folder: str, guarded: set[int]) -> Iterator[tuple[str, int]]:
    resident, own = mapping.sizes["Rss"], mapping.sizes["Anonymous"]
    if mapping.name.startswith(_SHARED):
        yield "shared", resident
    elif mapping.name.startswith("/"):
        yield "artifact" if mapping.name.startswith(folder) else "files", resident - own
        yield "copies", own
    elif mapping.name == "[heap]":
        yield "heap", resident
    elif mapping.name == "[stack]" or mapping.start in guarded:
        yield "stacks", resident
    else:
        yield "other" if mapping.name else "anonymous", resident


def arenas(mappings: Sequence[Mapping]) -> list[Range]:
    """Address ranges of glibc's arenas: ``[heap]``, and mappings before a reserve that ends at a multiple of 64 MiB."""
    found = [(one.start, one.end) for one in mappings if one.name == "[heap]"]
    for one, reserve in pairwise(mappings):
        start = reserve.end - _ARENA  # not ``one.start``: the kernel merges adjacent mappings
        if reserve.reserved and reserve.end % _ARENA == 0 and not one.name and one.start <= start < one.end:
            found.append((start, min(one.end, reserve.start)))
    return found


def anonymous(mappings: Sequence[Mapping], ranges: Iterable[Range]) -> list[Range]:
    """The parts of ``ranges`` that are anonymous mappings."""
    private = [one for one in mappings if not one.name]
    parts = ((max(start, one.start), min(end, one.end)) for start, end in ranges for one in private)
    return [(start, end) for start, end in parts if start < end]


def touched(pid: int, ranges: Iterable[Range]) -> list[int]:
    """Resident bytes of each range, limited to the size of the range."""
    found = []
    with Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as pagemap:
        for start, end in ranges:
            first, last = start // mmap.PAGESIZE, -(-end // mmap.PAGESIZE)
            pagemap.seek(first * _ENTRY)
            entries = pagemap.read((last - first) * _ENTRY)
            pages = sum(flags >> _PRESENT for flags in entries[_ENTRY - 1 :: _ENTRY])
            found.append(min(end - start, pages * mmap.PAGESIZE))
    return found
