"""Numbers as people read them."""

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deploybench.bench.analysis.precision
import deploybench.bench.measure.memory.leaks
import deploybench.bench.printable
import deploybench.bench.units
import deploybench.exporters.inspection.product
from deploybench.bench.units import (
    COUNT,
    MEGABYTES,
    MILLISECONDS,
    PER_SECOND,
    RATIO,
    SECONDS,
    SHARE,
    column_decimals,
    format_bytes,
    format_duration,
    format_number,
    format_seconds,
)

POSITIVE = st.floats(min_value=1e-6, max_value=1e6)


@pytest.mark.parametrize(
    "module",
    [
        deploybench.bench.units,
        deploybench.bench.printable,
        deploybench.bench.measure.memory.leaks,
        deploybench.bench.analysis.precision,
        deploybench.exporters.inspection.product,
    ],
)
def test_examples_in_docstrings_are_true(module):
    result = doctest.testmod(module)

    assert result.attempted > 0
    assert result.failed == 0


@given(POSITIVE)
def test_seconds_keep_three_digits(seconds):
    number, unit = format_seconds(seconds).split()
    factor = {"s": 1, "ms": 1e3, "µs": 1e6}[unit]

    assert math.isclose(seconds, float(number) / factor, rel_tol=0.005)
    assert unit == "s" or 0.995 <= float(number) < 1000


@given(POSITIVE)
def test_seconds_and_their_negative_differ_in_the_sign_only(seconds):
    assert f"-{format_seconds(seconds)}" == format_seconds(-seconds)


@given(st.floats(min_value=0, max_value=1e12))
def test_bytes_are_megabytes_of_a_million(size):
    number, unit = format_bytes(size).split()

    assert unit == "MB"
    assert math.isclose(size / 1e6, float(number), rel_tol=0.005, abs_tol=0.0005)


@given(st.floats(min_value=0, max_value=1e6))
def test_durations_are_off_by_half_a_last_part_at_most(seconds):
    words = format_duration(seconds).split()
    parts = {unit: int(number) for number, unit in zip(words[::2], words[1::2], strict=True)}
    total = 3600 * parts.get("h", 0) + 60 * parts.get("min", 0) + parts.get("s", 0)

    assert abs(total - seconds) <= (30 if "h" in parts else 0.5) + 1e-6
    assert parts.get("s", 0) < 60
    assert parts.get("min", 0) < 60


@given(
    st.lists(POSITIVE, min_size=1), st.sampled_from([COUNT, MEGABYTES, MILLISECONDS, PER_SECOND, RATIO, SECONDS, SHARE])
)
def test_decimals_of_a_column_line_up(values, scale):
    decimals = column_decimals(values, scale)
    texts = [format_number(value, scale, decimals).removesuffix(scale.mark) for value in values]

    assert {decimals} == {len(text.partition(".")[2]) for text in texts}
