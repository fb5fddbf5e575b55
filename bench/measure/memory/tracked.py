"""Reads memray's files: blocks still held, on the heap and mapped, and the high-water mark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK, _HEADER, _SMALLEST = 16, 8, 32  # bytes: glibc's chunks are multiples of 16 with a header of 8


@dataclass(slots=True)
class Held:
    """Blocks that are not freed, bytes by address, over successive files of one process."""

    heap: dict[int, int] = field(default_factory=dict)  # malloc and related functions
    mapped: dict[int, int] = field(default_factory=dict)  # mmap, full length, file-backed or not, touched or not

    def follow(self, file: Path) -> None:
        """Apply the allocations that ``file`` recorded."""
        import memray

        kinds = memray.AllocatorType
        # Plain integers: there are hundreds of thousands of records, and a comparison with an enumeration takes as long as the rest
        mmap, munmap, free = int(kinds.MMAP), int(kinds.MUNMAP), int(kinds.FREE)
        heap = self.heap
        with memray.FileReader(file) as reader:
            for record in reader.get_allocation_records():
                allocator, address = record.allocator, record.address
                if allocator == free:
                    heap.pop(address, None)  # None: allocated before tracking
                elif allocator == mmap:
                    self.mapped[address] = record.size
                elif allocator == munmap:
                    self._unmap(address, address + record.size)
                else:
                    heap[address] = record.size

    def _unmap(self, start: int, end: int) -> None:
        """Remove a range, which may be part of a mapping or span several."""
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
        """Bytes that glibc adds to the blocks of the heap: headers and rounding."""
        return sum(max(_SMALLEST, -(-(size + _HEADER) // _CHUNK) * _CHUNK) - size for size in self.heap.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """The high-water mark of one memray file, in bytes."""

    peak: int  # the most at once
    peak_mapped: int  # how much of that was mapped


def read_tracking(file: Path) -> Tracking:
    """Memray's own sums of a file."""
    import memray

    reader = memray.FileReader(file)
    with reader:
        top = reader.get_high_watermark_allocation_records(merge_threads=True)
        mapped = sum(record.size for record in top if record.allocator == memray.AllocatorType.MMAP)
        peak = reader.metadata.peak_memory
    return Tracking(peak=peak, peak_mapped=mapped)
