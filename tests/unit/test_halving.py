"""Successive halving: which rows a further launch leaves out."""

from pathlib import Path

import pytest

from deploybench.bench.measure.halving import left_out
from deploybench.bench.measure.schedule import TimedArtifact

ROWS = [
    *(TimedArtifact(name=f"a/{place}", artifact=Path(), group="a") for place in range(8)),
    *(TimedArtifact(name=f"b/{place}", artifact=Path(), group="b") for place in range(4)),
    TimedArtifact(name="a/reference", artifact=Path()),
]
SECONDS = {one.name: 1 + place for place, one in enumerate(ROWS)}


@pytest.mark.parametrize(("halvings", "stay"), [(0, (8, 4)), (1, (4, 3)), (2, (3, 3)), (3, (3, 3)), (40, (3, 3))])
def test_the_faster_half_of_each_group_stays_and_three_at_least(halvings, stay):
    out = left_out(ROWS, SECONDS, halvings)

    assert out == {*(f"a/{place}" for place in range(stay[0], 8)), *(f"b/{place}" for place in range(stay[1], 4))}


def test_a_row_without_a_group_stays_however_slow():
    assert "a/reference" not in left_out(ROWS, {**SECONDS, "a/reference": 1e6}, 3)


def test_a_row_without_seconds_is_the_slowest():
    """It failed, or was left out before."""
    known = {name: seconds for name, seconds in SECONDS.items() if name != "a/0"}
    assert "a/0" in left_out(ROWS, known, 1)
    assert "a/3" not in left_out(ROWS, known, 1)
    assert {f"a/{place}" for place in range(4)} & left_out(ROWS, known, 1) == {"a/0"}
