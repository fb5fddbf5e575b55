"""The memory ledger: the growth of a process's resident memory, from the end of its imports to its steady state, by cause.

The kernel's numbers and memray's come from two processes that do the same work, because memray itself takes memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from .measurement import Workload  # noqa: TC001 - msgspec reads the types of fields

TERMS = ("heap", "overhead", "kept", "garbage", "mapped", "artifact", "libraries", "stacks", "unexplained")
BATCH_PHASES = ("first inference", "steady")
PHASES = ("interpreter", "imports", "load", *BATCH_PHASES)
TOLERANCE = 0.05  # share of the growth; a ledger with a larger gap is marked
_NOISE = 4 * 1024 * 1024  # bytes by which two identical processes may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Bytes at the end of one phase, by the kernel."""

    kinds: dict[str, int]  # resident, by deploybench.bench.measure.memory.mappings.KINDS
    proportional: int  # PSS: shared pages count in part, so it depends on what else runs
    peak: int  # VmHWM since the phase began
    allocator: dict[str, int]  # "in_use", "free" and "untouched" bytes of glibc's arenas; empty without glibc

    @property
    def resident(self) -> int:
        """RSS."""
        return sum(self.kinds.values())

    @property
    def own(self) -> int:
        """RssAnon: pages that belong to no file."""
        return sum(self.kinds[kind] for kind in ("copies", "heap", "anonymous", "stacks"))

    @property
    def held(self) -> int:
        """``own`` less free bytes in arenas, plus allocated bytes there that were never touched; without glibc, ``own``."""
        return self.own - self.allocator.get("free", 0) + self.allocator.get("untouched", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """Bytes by memray, imports excluded; ``*_mapped`` is the part of a number that is memory mappings."""

    load_heap: int  # held after loading
    load_mapped: int
    load_peak_mapped: int
    peak_mapped: int
    steady_heap: int  # held when steady
    steady_mapped: int
    overhead: int  # glibc's headers and padding of the blocks of steady_heap
    untouched: int  # of steady_heap, never written to and so not resident: in blocks with a mapping of their own
    untouched_in_arenas: int  # likewise, in blocks within arenas
    mapped_touched: int  # of steady_mapped, resident and backed by no file


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One variant's memory on one batch."""

    phases: dict[str, Phase]  # by PHASES
    tracked: Tracked
    terms: dict[str, int]  # bytes; they add up to ``growth``

    @property
    def growth(self) -> int:
        """Resident bytes in the steady state - resident bytes after the imports."""
        return self.phases["steady"].resident - self.phases["imports"].resident

    @property
    def gap(self) -> int:
        """Bytes of the growth that no term explains; negative if the terms add up to more than the growth."""
        return self.terms["unexplained"]

    @property
    def closes(self) -> bool:
        """Whether the gap is within 5 % of the growth or 4 MiB."""
        return abs(self.gap) <= max(TOLERANCE * self.growth, _NOISE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLedger:
    """A ledger with the variant and workload it was taken of."""

    variant: str
    workload: Workload
    ledger: Ledger


def draw_up(phases: dict[str, Phase], tracked: Tracked, garbage: int) -> Ledger:
    """Split the growth into its measured parts; the rest is unexplained.

    ``garbage``: bytes that a garbage collection at the end freed; memray's process collects before it reports.
    """
    kinds = {kind: size - phases["imports"].kinds[kind] for kind, size in phases["steady"].kinds.items()}
    before, after = phases["imports"].allocator, phases["steady"].allocator
    free, untouched = (after.get(key, 0) - before.get(key, 0) for key in ("free", "untouched"))
    # Untouched pages of arenas are in allocated blocks, as far as memray's process reports them, or else in free memory.
    in_blocks = max(0, min(untouched, tracked.untouched_in_arenas))
    terms = {
        "heap": tracked.steady_heap - tracked.untouched - in_blocks,
        "overhead": tracked.overhead,
        "kept": free - (untouched - in_blocks),
        "garbage": garbage,
        "mapped": tracked.mapped_touched + kinds["shared"],
        "artifact": kinds["artifact"],
        "libraries": kinds["files"] + kinds["copies"],
        "stacks": kinds["stacks"],
    }
    unexplained = sum(kinds.values()) - sum(terms.values())
    return Ledger(phases=phases, tracked=tracked, terms={**terms, "unexplained": unexplained})
