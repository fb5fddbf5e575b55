"""What memray's files say: which blocks are still held after them, on the heap and mapped, and their high water."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK, _HEADER, _SMALLEST = 16, 8, 32  # bytes: glibc's chunks are multiples of 16 with a header of 8


@dataclass(slots=True)
class Held:
    """Blocks not freed so far, bytes by address: of several files of one process, one after the other."""

    heap: dict[int, int] = field(default_factory=dict)  # malloc and its kin
    mapped: dict[int, int] = field(default_factory=dict)  # mmap, at full length, a file's or not, touched or not

    def follow(self, file: Path) -> None:
        """Go through what ``file`` recorded."""
        import memray

        kinds = memray.AllocatorType
        with memray.FileReader(file) as reader:
            for record in reader.get_allocation_records():
                if record.allocator == kinds.MMAP:
                    self.mapped[record.address] = record.size
                elif record.allocator == kinds.MUNMAP:
                    self._unmap(record.address, record.address + record.size)
                elif record.allocator == kinds.FREE:
                    self.heap.pop(record.address, None)  # None: from before the tracking
                else:
                    self.heap[record.address] = record.size

    def _unmap(self, start: int, end: int) -> None:
        """Take a range away, which may be a part of a mapping or go over several."""
        for address, size in list(self.mapped.items()):
            if start < address + size and address < end:
                del self.mapped[address]
                if address < start:
                    self.mapped[address] = start - address
                if end < address + size:
                    self.mapped[end] = address + size - end

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes on the heap and bytes mapped."""
        return sum(self.heap.values()), sum(self.mapped.values())

    @property
    def overhead(self) -> int:
        """Bytes that glibc puts around the blocks of the heap: headers, and rounding up."""
        return sum(max(_SMALLEST, -(-(size + _HEADER) // _CHUNK) * _CHUNK) - size for size in self.heap.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Bytes of one of memray's files by itself."""

    held: int  # allocated and not freed
    peak: int  # the most at once
    peak_mapped: int  # how much of that was mapped


def read_tracking(file: Path) -> Tracking:
    """What memray itself makes of a file."""
    import memray

    reader = memray.FileReader(file)
    with reader:
        held = sum(record.size for record in reader.get_leaked_allocation_records(merge_threads=True))
        top = reader.get_high_watermark_allocation_records(merge_threads=True)
        mapped = sum(record.size for record in top if record.allocator == memray.AllocatorType.MMAP)
        peak = reader.metadata.peak_memory
    return Tracking(held=held, peak=peak, peak_mapped=mapped)
