"""Saved runs of every schema version say what they said before the files of the code were moved."""

import math

import golden
import pytest


@pytest.fixture(scope="module")
def found():
    return golden.computed()


@pytest.fixture(scope="module")
def kept():
    return golden.read()


def alike(one, other):
    """Equal; numbers to ten digits, for the last few of a logarithm depend on the CPU."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-10, abs_tol=1e-11)
    return one == other


def differences(before, after):
    """A line for each place whose values differ, or that only one side has."""
    return [
        f"{place}: {before.get(place)} is now {after.get(place)}"
        for place in {**before, **after}
        if len(old := before.get(place, [])) != len(new := after.get(place, [])) or not all(map(alike, old, new))
    ]


@pytest.mark.parametrize("kind", ["figures", "recommend", "compare"])
def test_saved_runs_say_what_they_said(found, kept, kind):
    assert found[kind].keys() == kept[kind].keys()
    changed = {run: differences(kept[kind][run], found[kind][run]) for run in kept[kind]}

    assert not {run: lines[:5] for run, lines in changed.items() if lines}


@pytest.mark.parametrize("after", [[1.0, 3, "ok"], [1.0 + 1e-8, 2, "ok"], [1.0, 2, "failed"], [1.0, 2], None])
def test_a_change_is_found(after):
    assert differences({"a": [1.0, 2, "ok"]}, {} if after is None else {"a": after})
    assert not differences({"a": [1.0, 2, "ok"]}, {"a": [1.0 + 1e-14, 2, "ok"]})
