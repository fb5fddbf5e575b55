"""A change that all rows share is told apart from the change of one."""

import math

import pytest

from deploybench.bench.compare.judging import Change
from deploybench.bench.compare.together import told_apart


def row(name, change, half=0.02, metric="latency", verdict=None):
    return Change(
        variant=name,
        metric=metric,
        workload=None,
        data=None,
        base=1.0,
        contender=1.0 + change,
        change=change,
        low=change - half,
        high=change + half,
        verdict=verdict or ("worse" if change > half else "no detectable change"),
    )


def reasons(changes):
    return {one.variant: one.reason for one in changes}


def test_what_all_rows_share_is_said_once_and_marked():
    shared = [row(f"v{number}", 0.06 + 0.001 * number) for number in range(6)]
    changes, notes = told_apart([*shared, row("slow", 0.3)])

    assert notes == ("latency: 7 rows moved by +6.3 % together, by a cause that they share",)
    assert reasons(changes) == {**{one.variant: "as most other rows did" for one in shared}, "slow": ""}
    assert [one.verdict for one in changes] == ["worse"] * 7


def test_a_single_change_is_no_common_one():
    rows = [row(f"v{number}", 0.001 * (number - 3)) for number in range(6)]
    changes, notes = told_apart([*rows, row("slow", 0.3)])

    assert notes == ()
    assert {*reasons(changes).values()} == {""}


@pytest.mark.parametrize("changes", [[0.05] * 4, [0.05, 0.05, 0.05, -0.02, -0.02], [0.005] * 8])
def test_few_divided_or_small_movements_are_not_common(changes):
    rows = [row(f"v{number}", change) for number, change in enumerate(changes)]

    assert told_apart(rows) == (tuple(rows), ())


def test_metrics_have_common_changes_of_their_own():
    rows = [row(f"v{number}", -0.2, metric="load_time") for number in range(5)] + [row("one", 0.3)]
    changes, notes = told_apart(rows)

    assert notes == ("load time: 5 rows moved by -20.0 % together, by a cause that they share",)
    assert reasons(changes)["one"] == ""


def test_rows_without_a_value_are_left_alone():
    missing = Change(
        variant="gone", metric="latency", workload=None, data=None, base=1.0, contender=None, verdict="missing"
    )
    changes, notes = told_apart([missing, *(row(f"v{number}", math.expm1(0.1)) for number in range(5))])

    assert changes[0] == missing
    assert len(notes) == 1
