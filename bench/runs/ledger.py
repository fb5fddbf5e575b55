"""The memory ledger: what memray saw allocated, and what was mapped and kept, held against what the kernel gave.

The account is of what a process grew by from the end of its imports to its steady state. Memray's side comes from another
process than the kernel's, which does the same: a process under memray is another process to the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.runs.measurement import Workload  # noqa: TC001 - bench.runs.store reads the types of fields

TERMS = ("heap", "overhead", "kept", "garbage", "mapped", "artifact", "libraries", "stacks", "unexplained")
BATCH_PHASES = ("first inference", "steady")
PHASES = ("interpreter", "imports", "load", *BATCH_PHASES)
TOLERANCE = 0.05  # of the growth; a ledger with a larger gap is marked
_NOISE = 4 * 1024 * 1024  # bytes; two processes that do the same differ by that much, whatever they hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Bytes at the end of one phase of the process that the kernel watches."""

    kinds: dict[str, int]  # resident, by bench.measure.memory.mappings.KINDS
    proportional: int  # PSS: pages that other processes map as well count in part; so it depends on what else runs
    peak: int  # VmHWM since the phase began
    allocator: dict[str, int]  # "in_use", "free" and "untouched" bytes of glibc's arenas; empty without glibc

    @property
    def resident(self) -> int:
        """All of RSS."""
        return sum(self.kinds.values())

    @property
    def own(self) -> int:
        """RssAnon: what no file holds."""
        return sum(self.kinds[kind] for kind in ("copies", "heap", "anonymous", "stacks"))

    @property
    def held(self) -> int:
        """``own`` without what is free in arenas, but with blocks there that were never touched; without glibc, ``own``."""
        return self.own - self.allocator.get("free", 0) + self.allocator.get("untouched", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """Bytes by memray, imports excluded. Of ``peak_memory``, ``peak_mapped`` are mappings, and so on."""

    load_heap: int  # held after loading
    load_mapped: int
    load_peak_mapped: int
    peak_mapped: int
    steady_heap: int  # held when steady
    steady_mapped: int
    overhead: int  # what glibc puts around the blocks of steady_heap
    untouched: int  # of steady_heap, never written to, so not resident: in blocks that are mappings of their own
    untouched_in_arenas: int  # and in blocks within arenas
    mapped_touched: int  # of steady_mapped, resident and no file's


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One variant's memory on one batch."""

    phases: dict[str, Phase]  # by PHASES
    tracked: Tracked
    terms: dict[str, int]  # bytes; they add up to ``growth``

    @property
    def growth(self) -> int:
        """Resident bytes when steady, less those after the imports."""
        return self.phases["steady"].resident - self.phases["imports"].resident

    @property
    def gap(self) -> int:
        """Bytes of the growth that no term explains; negative when the terms explain more than there is."""
        return self.terms["unexplained"]

    @property
    def closes(self) -> bool:
        """Whether the gap is within 5 % of the growth, or of no account."""
        return abs(self.gap) <= max(TOLERANCE * self.growth, _NOISE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLedger:
    """Where a ledger of a run belongs."""

    variant: str
    workload: Workload
    ledger: Ledger


def draw_up(phases: dict[str, Phase], tracked: Tracked, garbage: int) -> Ledger:
    """Name every part of the growth that was measured; the rest is unexplained.

    ``garbage``: bytes that a collection at the end freed; memray's process has made one before it says what is held.
    """
    kinds = {kind: size - phases["imports"].kinds[kind] for kind, size in phases["steady"].kinds.items()}
    before, after = phases["imports"].allocator, phases["steady"].allocator
    free, untouched = (after.get(key, 0) - before.get(key, 0) for key in ("free", "untouched"))
    # Pages of the arenas that were never touched lie in blocks, as memray's process tells, or else in what is free.
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
