"""Memory: a known allocation is read right by both passes, and stands in the right term of the ledger."""

import dataclasses
import json
import mmap
import os
import platform

import numpy as np
import pytest
from fakes import caching, hiding, keeping, leaking, mapping
from fakes.allocating import BATCH_BYTES, HELD_BYTES
from fakes.late import LATE_BYTES

from deploybench.bench.measure.memory.leaks import BATCHES, leaks, measure_steady
from deploybench.bench.measure.memory.mappings import KINDS, Mapping, arenas, read_mappings, resident_by_kind, touched
from deploybench.bench.measure.memory.peaks import measure_peaks
from deploybench.bench.measure.memory.tracked import Held
from deploybench.bench.runs.ledger import PHASES, TERMS
from deploybench.bench.worker.client import Worker
from deploybench.exporters.errors import WorkerError

BATCH = (np.ones((8, 64), dtype=np.int64), np.ones((8, 64), dtype=np.int64))
MIB = 1024 * 1024
NOISE = 1 * MIB  # what a process that does nothing may grow by


def test_256_mib_are_read_within_one_percent():
    peaks = measure_peaks("fakes.allocating", None, BATCH, 1)
    none = measure_peaks("fakes.steady", None, BATCH, 1)

    assert peaks.peak_memory - none.peak_memory == pytest.approx(BATCH_BYTES + HELD_BYTES, rel=0.01)
    assert peaks.peak_resident - none.peak_resident == pytest.approx(BATCH_BYTES + HELD_BYTES, rel=0.01)


def test_what_is_taken_at_the_second_batch_is_in_the_peak():
    peaks = measure_peaks("fakes.late", None, BATCH, 1)
    none = measure_peaks("fakes.steady", None, BATCH, 1)

    assert peaks.peak_memory - none.peak_memory == pytest.approx(LATE_BYTES, abs=NOISE)
    assert peaks.peak_resident - none.peak_resident == pytest.approx(LATE_BYTES, abs=2 * NOISE)


def test_loading_has_a_peak_of_its_own():
    peaks = measure_peaks("fakes.allocating", None, BATCH, 1)

    assert peaks.load_peak_memory == pytest.approx(HELD_BYTES, rel=0.01)
    assert peaks.load_peak_resident < peaks.peak_resident - 0.9 * BATCH_BYTES


def test_the_kernels_peak_starts_again():
    with Worker("fake", 1) as worker:
        worker.start("fakes.allocating", None, 1)
        worker.predict([BATCH])
        high = worker.ask("memory_status")["VmHWM"]
        worker.ask("reset_peak")
        after = worker.ask("memory_status")

    assert high - after["VmHWM"] > 0.9 * BATCH_BYTES
    assert after["VmHWM"] == pytest.approx(after["VmRSS"], rel=0.05)


# the ledger


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifact")
    (folder / "weights.bin").write_bytes(b"\1" * mapping.FILE_BYTES)
    return folder


def ledger(name, artifact=None):
    """The ledger of a fake, with what holds for every one."""
    found = measure_peaks(f"fakes.{name}", artifact, BATCH, 1).ledger

    assert tuple(found.phases) == PHASES
    assert tuple(found.terms) == TERMS
    assert sum(found.terms.values()) == found.growth
    for phase in found.phases.values():
        assert tuple(phase.kinds) == KINDS
        assert 0 < phase.own < phase.resident
        assert 0 < phase.proportional <= phase.resident
        assert phase.peak > 0.95 * phase.resident
    return found


def others(found, *terms):
    """The largest of the terms that should be nothing."""
    return max(abs(size) for term, size in found.terms.items() if term not in terms)


def test_a_process_that_does_nothing_has_a_ledger_of_nothing():
    found = ledger("steady")

    assert found.closes
    assert others(found) < NOISE


def test_an_array_of_256_mib_is_heap():
    found = ledger("allocating")

    assert found.terms["heap"] == pytest.approx(HELD_BYTES, rel=0.01)
    assert others(found, "heap") < NOISE
    assert found.closes
    assert found.tracked.load_heap == pytest.approx(HELD_BYTES, rel=0.01)
    assert found.tracked.peak_mapped < 2 * NOISE  # Python's own arenas


def test_resident_memory_rises_where_memory_is_taken():
    phases = ledger("allocating").phases
    resident = [phases[name].resident for name in PHASES]

    assert resident[1] > resident[0]  # NumPy
    assert resident[2] - resident[1] == pytest.approx(HELD_BYTES, rel=0.01)
    assert resident[3] == pytest.approx(resident[2], abs=NOISE)  # the batch's 256 MiB are given back
    assert phases["first inference"].peak - resident[3] == pytest.approx(BATCH_BYTES, rel=0.01)
    assert phases["steady"].peak - resident[4] == pytest.approx(BATCH_BYTES, rel=0.01)


def test_a_mapped_file_is_no_heap_and_what_is_never_touched_is_nowhere(artifact):
    found = ledger("mapping", artifact)

    assert found.terms["artifact"] == pytest.approx(mapping.FILE_BYTES, rel=0.01)
    assert found.terms["mapped"] == pytest.approx(mapping.TOUCHED_BYTES, rel=0.01)
    assert others(found, "artifact", "mapped") < NOISE
    assert found.closes
    everything = mapping.FILE_BYTES + mapping.TOUCHED_BYTES + mapping.UNTOUCHED_BYTES
    assert found.tracked.steady_mapped == pytest.approx(everything, rel=0.01)
    assert found.tracked.steady_heap == pytest.approx(mapping.UNTOUCHED_BYTES, rel=0.01)
    assert found.tracked.untouched == pytest.approx(mapping.UNTOUCHED_BYTES, rel=0.01)


def test_freed_memory_that_the_allocator_keeps_is_kept_and_a_cycle_is_garbage():
    found = ledger("keeping")

    assert found.terms["kept"] == pytest.approx(keeping.KEPT_BYTES, rel=0.01)
    assert found.terms["garbage"] == pytest.approx(keeping.GARBAGE_BYTES, rel=0.01)
    assert others(found, "kept", "garbage") < NOISE
    assert found.closes


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a system call by its number")
def test_memory_that_nothing_accounts_for_leaves_the_ledger_open():
    found = ledger("hiding")

    assert found.gap == pytest.approx(hiding.HIDDEN_BYTES, rel=0.01)
    assert others(found, "unexplained") < NOISE
    assert not found.closes


def test_a_cell_is_plain_data():
    peaks = measure_peaks("fakes.steady", None, BATCH, 1)
    plain = dataclasses.asdict(peaks)

    assert json.loads(json.dumps(plain)) == plain
    assert peaks.start.keys() == {"import_time", "read_time", "load_time"}
    assert 0 < peaks.start["import_time"] < 60


def test_proc_that_cannot_be_read_is_an_error_of_the_worker(monkeypatch):
    def refuse(pid):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("deploybench.bench.measure.memory.peaks.read_mappings", refuse)
    with pytest.raises(WorkerError, match="its /proc cannot be read: Permission denied"):
        measure_peaks("fakes.steady", None, BATCH, 1)


# mappings


def test_pages_are_counted_where_they_are_touched():
    pages = mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # NumPy asks for pages of 2 MiB
    block = np.frombuffer(pages, dtype=np.uint8)
    block[: 16 * MIB] = 1
    start = block.ctypes.data

    [all_of_it, half, nothing] = touched(
        os.getpid(), [(start, start + block.nbytes), (start, start + 8 * MIB), (start + 32 * MIB, start + 40 * MIB)]
    )
    assert all_of_it == pytest.approx(16 * MIB, rel=0.01)
    assert (half, nothing) == (8 * MIB, 0)


def test_kinds_add_up_to_what_the_kernel_says():
    mappings = read_mappings(os.getpid())
    kinds = resident_by_kind(mappings, None)

    assert sum(kinds.values()) == sum(one.sizes["Rss"] for one in mappings)
    assert kinds["heap"] > 0
    assert kinds["files"] > 0
    assert kinds["stacks"] > 0


def test_arenas_are_found_although_the_kernel_joins_neighbours():
    arena = 64 * MIB
    mappings = [
        Mapping(0x1000, 0x9000, "rw-p", "[heap]"),
        Mapping(arena - 0x3000, arena + 0x5000, "rw-p", ""),  # three pages of another's, then the arena
        Mapping(arena + 0x5000, 2 * arena, "---p", ""),
        Mapping(5 * arena, 5 * arena + 0x1000, "rw-p", ""),
        Mapping(5 * arena + 0x1000, 5 * arena + 0x2000, "---p", ""),  # a guard, not the rest of an arena
    ]

    assert arenas(mappings) == [(0x1000, 0x9000), (arena, arena + 0x5000)]


def test_a_mapping_may_be_given_back_in_parts():
    held = Held(mapped={0: 10, 100: 10, 200: 10})
    held._unmap(4, 6)
    held._unmap(105, 205)
    held._unmap(300, 400)

    assert held.mapped == {0: 4, 6: 4, 100: 5, 205: 5}


# leaks


@pytest.mark.parametrize(
    ("name", "leaking"), [("leaking", True), ("steady", False), ("caching", False), ("keeping", False)]
)
def test_only_what_keeps_growing_is_a_leak(name, leaking):
    steady = measure_steady(f"fakes.{name}", None, (BATCH[0][:1], BATCH[1][:1]), 1)

    assert len(steady.seconds) == BATCHES
    assert leaks(steady.held) == leaking
    assert leaks(steady.resident) == leaking


def test_a_leak_is_read_within_one_percent():
    before, halfway, after = measure_steady("fakes.leaking", None, BATCH, 1).held

    assert after - before == pytest.approx(BATCHES * leaking.LEAKED_BYTES, rel=0.02)
    assert after - halfway == pytest.approx(halfway - before, rel=0.02)


def test_a_late_cache_shows_and_is_no_leak():
    before, halfway, after = measure_steady("fakes.caching", None, BATCH, 1).held

    assert halfway - before == pytest.approx(caching.CACHE_BYTES, rel=0.02)
    assert after == pytest.approx(halfway, rel=0.02)
