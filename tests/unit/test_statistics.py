"""Intervals, against other people's formulas, by hand and by simulation."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, t

from deploybench.bench.statistics import (
    LEVEL,
    LogRatio,
    discoveries,
    interval_factors,
    mcnemar,
    paired_interval,
    quantile_interval,
    ratios,
    resampled_counts,
    wilson_interval,
)


def ratio_intervals(pairs, processes=()):
    return [one.interval(LEVEL) for one in ratios(pairs, processes)]


@given(st.integers(1, 5000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilson_interval_follows_his_formula(counts):
    """Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927)."""
    successes, trials = counts
    share, z = successes / trials, statistics.NormalDist().inv_cdf(0.975)
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    low, high = wilson_interval(successes, trials)

    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert (low == 0.0, high == 1.0) == (successes == 0, successes == trials)


def test_no_trials_have_no_interval():
    assert wilson_interval(0, 0) == (None, None)


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_the_interval_covers_the_true_time_at_its_level(processes):
    """Of rows whose processes vary by 5 %, for as few processes as a quick run has."""
    random = np.random.default_rng(3)
    held = []
    for _ in range(100):
        rows = np.exp(random.normal(0, 0.05, (20, processes)))
        factors = interval_factors(rows.tolist())
        held += [
            1 / factor <= math.exp(np.log(row).mean()) <= factor for row, factor in zip(rows, factors, strict=True)
        ]

    assert 0.93 < np.mean(held) < 0.97


def test_a_row_alone_has_the_plain_t_interval():
    row = [1.0, 1.1, 1.3]
    logs = np.log(row)
    expected = math.exp(t.ppf(0.975, 2) * logs.std(ddof=1) / math.sqrt(3))

    assert interval_factors([row]) == [pytest.approx(expected)]


def test_one_process_leaves_a_time_open():
    assert interval_factors([[1.0], [1.0, 1.1], [2.0, 2.1], [3.0, 3.3]])[0] == math.inf
    assert interval_factors([]) == []


@given(st.lists(st.lists(st.floats(1e-5, 100), min_size=2, max_size=5), min_size=1, max_size=8), st.floats(0.1, 10))
def test_a_margin_knows_no_unit(rows, unit):
    factors = interval_factors(rows)

    assert all(factor >= 1 for factor in factors)
    assert factors == pytest.approx(interval_factors([[unit * value for value in row] for row in rows]), rel=1e-3)


SIDE = st.lists(st.floats(0.5, 2), min_size=2, max_size=8)


@given(st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=6), st.floats(0.1, 10))
def test_ratio_intervals_hold_their_ratios_and_know_no_unit(pairs, unit):
    found = ratio_intervals(pairs)
    swapped = ratio_intervals([(contender, base) for base, contender in pairs])
    other_unit = ratio_intervals(
        [([unit * v for v in base], [unit * v for v in contender]) for base, contender in pairs]
    )

    for (ratio, low, high), (inverse, _, _), (same, _, _) in zip(found, swapped, other_unit, strict=True):
        assert low <= ratio * (1 + 1e-9)
        assert ratio <= high * (1 + 1e-9)
        assert inverse == pytest.approx(1 / ratio)
        assert same == pytest.approx(ratio)


@pytest.mark.parametrize("processes", [2, 3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.7], ids=["rows alike", "rows unlike"])
def test_ratio_intervals_miss_no_more_than_they_may(processes, spread):
    """Of identical sides, 95 % intervals leave out 1 about 5 times in 100, whether the rows' noise is alike or not."""
    random = np.random.default_rng(0)
    missed = []
    for _ in range(100):
        noise = 0.05 * np.exp(random.normal(0, spread, 40))
        sides = np.exp(random.normal(0, 1, (2, 40, processes)) * noise[:, np.newaxis])
        missed += [not low <= 1 <= high for _, low, high in ratio_intervals(list(zip(*sides.tolist(), strict=True)))]

    assert 0.03 < np.mean(missed) < 0.06


def test_rows_with_one_variance_share_their_degrees_of_freedom():
    random = np.random.default_rng(0)
    rows = [tuple(np.exp(random.normal(0, 0.01, (2, 2))).tolist()) for _ in range(40)]
    alone = [ratio_intervals([row])[0] for row in rows]
    together = ratio_intervals(rows)

    assert np.median([high / low for _, low, high in together]) < np.median([high / low for _, low, high in alone])


def test_one_process_leaves_a_ratio_open():
    assert ratio_intervals([([1.0], [2.0])]) == [(pytest.approx(2.0), 0.0, math.inf)]
    assert ratio_intervals([]) == []


@pytest.mark.parametrize("rows", [3, 6])
def test_rows_of_the_same_processes_know_no_more_than_one(rows):
    """Copies of one row: their intervals miss as often as that of one, not more often for being many."""
    random = np.random.default_rng(5)
    missed = {"own": [], "same": []}
    for _ in range(2000):
        sides = np.exp(random.normal(0, 0.05, (2, 5))).tolist()
        for kind, labels in (("own", ()), ("same", ["one"] * rows)):
            _, low, high = ratio_intervals([sides] * rows, labels)[0]
            missed[kind].append(not low <= 1 <= high)

    assert np.mean(missed["same"]) < 0.06
    assert np.mean(missed["own"]) > 0.06  # taken for independent, they would seem to know more


def test_a_few_rows_have_no_more_freedom_than_they_are():
    random = np.random.default_rng(6)
    missed = []
    for _ in range(3000):
        sides = np.exp(random.normal(0, 0.05, (2, 3, 3)))
        missed += [not low <= 1 <= high for _, low, high in ratio_intervals(list(zip(*sides.tolist(), strict=True)))]

    assert 0.04 < np.mean(missed) < 0.07  # three rows cannot say for sure how alike they are


def test_p_and_interval_agree():
    ratio = LogRatio(0.1, 0.04, 7)
    p = ratio.p()

    assert p == pytest.approx(2 * t.sf(2.5, 7))
    assert ratio.interval(p)[1] == pytest.approx(1)
    assert ratio.times(math.exp(-0.1)).p() == pytest.approx(1)
    assert ratio.detectable(p) == pytest.approx(math.exp(0.1))
    assert LogRatio(0.1, 0.0, 3).p() == 0
    assert LogRatio(0.0, 0.0, 3).p() == LogRatio(0.1, math.inf, 0).p() == 1


@given(st.lists(st.floats(0, 1), max_size=30))
def test_discoveries_follow_the_procedure(p_values):
    """Benjamini and Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57 (1995)."""
    ranked = sorted(p_values)
    last = max((p for rank, p in enumerate(ranked, 1) if p <= 0.05 * rank / len(ranked)), default=-1.0)

    assert discoveries(p_values, 0.05) == [p <= last for p in p_values]


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1
    assert mcnemar(0, 6) == pytest.approx(2 / 2**6)
    assert mcnemar(5, 5) == 1


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 200))
def test_a_paired_interval_ends_where_the_score_test_begins_to_refuse(lost, won, rest):
    """With the likeliest shares under the hypothesis, as found by a search and not by the formula."""
    examples = lost + won + rest

    def score(change):
        def unlikely(share):
            shares = np.array([share + change, share, 1 - 2 * share - change])
            return -float(np.sum(np.array([won, lost, rest]) * np.log(np.maximum(shares, 1e-300))))

        bounds = (max(0.0, -change), (1 - change) / 2)
        share = minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        return (won - lost - examples * change) / math.sqrt(examples * (2 * share + change * (1 - change)))

    low, high = paired_interval(lost, won, examples)

    assert low < (won - lost) / examples < high
    assert score(low) == pytest.approx(1.959964, abs=1e-3)
    assert score(high) == pytest.approx(-1.959964, abs=1e-3)


def test_a_paired_interval_is_there_for_all_small_counts():
    """Rounding must not take the root of a number that is 0."""
    for examples in range(1, 9):
        for lost in range(examples + 1):
            for won in range(examples + 1 - lost):
                low, high = paired_interval(lost, won, examples)
                assert -1 <= low <= (won - lost) / examples + 1e-9
                assert (won - lost) / examples - 1e-9 <= high <= 1


def test_a_paired_interval_without_changes_has_a_width():
    assert paired_interval(0, 0, 268) == pytest.approx((-0.01413, 0.01413), abs=1e-5)
    assert paired_interval(0, 0, 0) == (-1, 1)
    assert paired_interval(10, 0, 10)[0] == -1  # no share is below that


LAWS = {
    "log-normal": (lambda random, n: np.exp(0.05 * random.standard_normal(n)), math.exp(0.05 * 1.644854)),
    "exponential above a floor": (lambda random, n: 1 + 0.02 * random.exponential(size=n), 1 + 0.02 * math.log(20)),
}


@pytest.mark.parametrize("count", [4, 8, 20, 72, 200])
@pytest.mark.parametrize("law", LAWS)
def test_the_interval_of_a_quantile_is_rarely_below_it(law, count):
    """The quantile is above it in about 2.5 % of samples, and below it in few."""
    draw, true = LAWS[law]
    random = np.random.default_rng(7)
    found = [quantile_interval(draw(random, count), 0.95) for _ in range(600)]

    assert sum(high < true for _, high in found) / 600 < 0.05
    assert sum(low > true for low, _ in found) / 600 < 0.08
    assert statistics.median(high for _, high in found) < 2 * true


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_ranks_of_a_quantile_miss_it_as_seldom_as_they_can(share):
    """The quantile is below the value of a rank where fewer values than that are below the quantile."""
    count = 1000
    low, high = map(int, quantile_interval(range(1, count + 1), share))
    below = binom(count, share)

    assert below.cdf(low - 1) <= 0.025 < below.cdf(low)
    assert below.sf(high - 1) <= 0.025 < below.sf(high - 2)


def test_one_value_leaves_a_quantile_open():
    assert quantile_interval([3.0], 0.95) == (0.0, None)
    assert quantile_interval([3.0, 3.0], 0.95) == pytest.approx((3.0, 3.0))


def test_resampled_counts_are_as_many_as_the_examples():
    draws = resampled_counts(np.array([3, 0, 7]))

    assert {10} == set(draws.sum(axis=1).tolist())
    assert {0} == set(draws[:, 1].tolist())
    assert draws.mean(axis=0).tolist() == pytest.approx([3, 0, 7], abs=0.2)
