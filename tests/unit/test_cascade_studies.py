"""The studies of cascades: ratios over texts and launches, and calibrations that are counted."""

import numpy as np
import pytest

from deploybench.suites.studies.cascades.gains import ratio_of_means
from deploybench.suites.studies.cascades.guarantee import resampled, simulated


def test_the_interval_of_a_ratio_covers_the_truth():
    """40 drawn measurements of a cascade that is 4 times as fast on average."""
    random, covered = np.random.default_rng(0), 0
    for _ in range(40):
        slow = random.choice([True, False], p=[0.2, 0.8], size=300)
        whole = random.gamma(20, 1 / 20, 300)
        noise = random.lognormal(0, 0.05, (2, 3, 300)) * random.lognormal(0, 0.02, (2, 3, 1))
        own = noise[0] * np.where(slow, 1.05, 0.05) * whole
        _, low, high = ratio_of_means(own, noise[1] * whole, random)
        covered += low <= 1 / (0.2 * 1.05 + 0.8 * 0.05) <= high
    assert covered >= 34  # 38 of 40 are expected


def test_a_ratio_of_equal_times_is_one():
    own = np.random.default_rng(1).gamma(5, 1, (3, 50))

    assert ratio_of_means(own, own, np.random.default_rng(2)) == pytest.approx((1, 1, 1))


def test_a_stage_that_is_always_right_never_exceeds_the_bound():
    found = resampled(np.full(2000, 0.9), np.zeros(2000, dtype=bool), calibrations=5, texts=400, seed=0)

    assert (found["beyond"], found["answered"], found["p_value"]) == (0, 1.0, 1.0)


def test_what_exceeds_the_bound_is_counted(monkeypatch):
    """Without a test every stage answers all texts, of which 5 % get another class."""
    monkeypatch.setattr(
        "deploybench.suites.studies.cascades.guarantee.certify",
        lambda confident, differs: type("Found", (), {"threshold": 0.0}),
    )
    differs = np.arange(2000) % 20 == 0
    found = resampled(np.full(2000, 0.9), differs, calibrations=20, texts=400, seed=0)

    assert found["beyond"] == 20
    assert found["p_value"] < 1e-9
    assert found["other_classes"] == [0.05] * 3


def test_simulated_laws_keep_the_bound():
    rows = simulated(calibrations=20, texts=600, seed=3)

    assert all(row["p_value"] > 0.001 for row in rows)
    assert rows[0]["answered"] > rows[-1]["answered"]
