"""Peak memory: a known allocation is read right by both passes."""

import numpy as np
import pytest
from fakes.allocating import BATCH_BYTES, HELD_BYTES

from bench.memory import measure_peaks
from bench.worker import Worker

BATCH = (np.ones((8, 64), dtype=np.int64), np.ones((8, 64), dtype=np.int64))


def test_256_mib_are_read_within_one_percent():
    peaks = measure_peaks("fakes.allocating", None, BATCH, 1)
    none = measure_peaks("fakes.steady", None, BATCH, 1)

    assert peaks.peak_memory - none.peak_memory == pytest.approx(BATCH_BYTES + HELD_BYTES, rel=0.01)
    assert peaks.peak_resident - none.peak_resident == pytest.approx(BATCH_BYTES + HELD_BYTES, rel=0.01)


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
