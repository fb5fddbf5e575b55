"""Parity: which differences of logits are accepted."""

import numpy as np
import pytest

from deploybench.exporters.artifacts.parity import compare_logits
from deploybench.exporters.errors import ParityError
from deploybench.exporters.variant import Variant

REFERENCE = [np.array([[1.0, -1.0], [0.5, 0.2]], dtype=np.float32), np.array([[-2.0, 2.0]], dtype=np.float32)]


def variant(**fields):
    given = {
        "runtime": "fake",
        "precision": "fp32",
        "packages": (),
        "imports": (),
        "export": None,
        "load": None,
        **fields,
    }
    return Variant(**given)


FLOAT = variant(logits_atol=1e-4)
INT8 = variant(precision="int8", min_agreement=0.6)


def test_equal_logits_are_at_parity():
    parity = compare_logits(FLOAT, REFERENCE, REFERENCE)

    assert (parity.max_abs_diff, parity.agreement, parity.examples) == (0.0, 1.0, 3)


def test_the_tolerance_is_a_bound():
    near = [batch + np.float32(9e-5) for batch in REFERENCE]
    far = [batch + np.float32(2e-4) for batch in REFERENCE]

    assert compare_logits(FLOAT, REFERENCE, near).max_abs_diff == pytest.approx(9e-5, rel=1e-2)
    with pytest.raises(ParityError, match=r"logits differ by up to 2\.00e-04, at most 1e-04 is allowed"):
        compare_logits(FLOAT, REFERENCE, far)


def test_int8_is_judged_by_labels_and_not_by_values():
    shifted = [batch * 3 for batch in REFERENCE]
    one_flip = [REFERENCE[0], -REFERENCE[1]]
    two_flips = [REFERENCE[0] * [[1, 1], [-1, -1]], -REFERENCE[1]]

    assert compare_logits(INT8, REFERENCE, shifted).agreement == 1.0
    assert compare_logits(INT8, REFERENCE, one_flip).agreement == pytest.approx(2 / 3)
    with pytest.raises(ParityError, match=r"labels agree on 0\.333 of 3 texts, at least 0\.600 is asked"):
        compare_logits(INT8, REFERENCE, two_flips)


def test_another_shape_is_another_model():
    with pytest.raises(ParityError, match=r"logits have shape \(2, 3\), torch-eager has \(2, 2\)"):
        compare_logits(FLOAT, REFERENCE, [np.zeros((2, 3), dtype=np.float32), REFERENCE[1]])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_named(bad):
    broken = [REFERENCE[0], np.array([[bad, 2.0]], dtype=np.float32)]

    with pytest.raises(ParityError, match="not finite in 1 of 3 texts"):
        compare_logits(INT8, REFERENCE, broken)


@pytest.mark.parametrize("strange", [None, [[1.0, -1.0]], "logits"])
def test_a_predictor_that_returns_no_array_is_named(strange):
    with pytest.raises(ParityError, match=f"its predictor returns {type(strange).__name__}, expected an array of log"):
        compare_logits(FLOAT, REFERENCE, [strange, *REFERENCE[1:]])
