"""The studies of cascades: what they gain, and calibrations that are counted."""

import numpy as np

from deploybench.exporters.variant import REFERENCE
from deploybench.suites.studies.cascades.gains import _row, shown
from deploybench.suites.studies.cascades.guarantee import resampled, simulated


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


def test_the_interval_of_a_gain_is_on_its_side():
    right = {REFERENCE: np.arange(500) >= 40, "onnx-fp32": np.ones(500, dtype=bool)}
    row = _row("onnx-fp32", np.ones((2, 3)), right)
    low, high = row["change_interval"]

    assert 0 < low < row["change"] == 0.08 < high


def test_a_variant_without_a_row_is_named_with_the_reason():
    row = _row("onnx-fp32", np.ones((2, 3)), dict.fromkeys((REFERENCE, "onnx-fp32"), np.ones(9, dtype=bool)))
    row |= {"over_eager": [1.0] * 3, "over_fastest": [1.0] * 3}
    found = {"set": "small", "texts": 9, "timed": 3, "fastest_single": "onnx-fp32", "rows": [row]}
    printed = shown([found], {"torch-int8-dynamic": "the labels of 2 texts differ"})

    assert printed.endswith("\n\nleft out: torch-int8-dynamic: the labels of 2 texts differ\n")
