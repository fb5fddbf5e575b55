"""Times that depend on the text: means over texts, ratios of means with their interval, the worst case, and the stage mix."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from slices import OWN_TEXTS, row_of

from deploybench.bench.analysis.figures import figures
from deploybench.bench.analysis.objectives import Aim, limits
from deploybench.bench.analysis.selection import select
from deploybench.bench.analysis.speed_ups import speed_ups
from deploybench.bench.compare.terms import terms_of
from deploybench.bench.report.messages.first_screen import first_screen
from deploybench.bench.report.render import render
from deploybench.bench.runs.measurement import (
    Measurement,
    common_seconds,
    launch_ratios,
    per_text,
    process_averages,
    process_means,
)
from deploybench.bench.runs.store import read_run
from deploybench.bench.statistics import LEVEL, ratios_of_means
from deploybench.exporters.cascades.names import worst_case
from deploybench.exporters.variant import REFERENCE

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
WHOLE, FIRST = "onnx-fp32", "linear-tokens"
CASCADE = f"{FIRST}+{WHOLE}"
TEXTS, LAUNCHES = 64, 3
SURE = np.arange(TEXTS) % 4 > 0  # three quarters are answered by the first stage


def made_run(seed=0, sure=SURE, noise=0.02):
    """A run of texts of 10 to 30 ms, of which the last stage takes a third and the first stage a hundredth."""
    draw = np.random.default_rng(seed)
    of_text = draw.uniform(0.01, 0.03, len(sure))
    times = {
        REFERENCE: of_text,
        WHOLE: of_text / 3,
        FIRST: of_text / 300,
        CASCADE: of_text / 300 + np.where(sure, 0, of_text / 3),
        worst_case(CASCADE): of_text / 300 + of_text / 3,
    }
    rows = []
    for name, mean in times.items():
        seconds = mean * np.exp(draw.normal(0, noise, (LAUNCHES, len(sure))) + draw.normal(0, noise / 2, (LAUNCHES, 1)))
        rows.append(row_of(seconds, name, np.full(seconds.shape, 0.003), OWN_TEXTS))
    run = read_run(SAMPLE)
    names = (REFERENCE, WHOLE, CASCADE)
    infos = {name: run.variants[REFERENCE if name == CASCADE else name] for name in names}
    shares = [
        Measurement(
            variant=CASCADE, metric="stage_share", data=one.name, values=(float(sure.mean()), 1 - float(sure.mean()))
        )
        for one in run.sets
    ]
    plan = replace(
        run.plan,
        variants=names,
        batch_sizes=(1,),
        sequence_lengths=(128,),
        text_lengths=(20,) * TEXTS,
        text_means=True,
        threads=OWN_TEXTS.threads,
    )
    others = [one for one in run.measurements if one.metric != "latency" and one.variant in names]
    return replace(run, plan=plan, variants=infos, measurements=(*rows, *shares, *others), operations={}, ledgers=())


def of(run, metric, variant=CASCADE, label=None):
    [found] = [
        one
        for one in figures(run)
        if (one.variant, one.metric, one.label) == (variant, metric, label) and one.data is None
    ]
    return found


# Means


def test_a_text_that_was_timed_more_often_counts_once():
    often = Measurement(
        variant="a", metric="latency", values=(1, 1, 1, 5, 3, 9), launches=(0, 0, 0, 0, 1, 1), blocks=(0, 0, 0, 1, 0, 1)
    )

    assert process_means(often) == [3, 6]
    assert process_averages(often) == [1, 6]
    assert process_averages(replace(often, variant=CASCADE)) == [3, 6]
    assert (per_text(often).values, per_text(often).blocks) == ((2, 7), (0, 1))


def test_a_cascades_launches_are_compared_by_their_means():
    """Of three texts that are answered at once and one that is not, the long one decides."""
    before = row_of(np.array([[1.0, 1, 1, 100], [1, 1, 1, 100]]), CASCADE)
    after = row_of(np.array([[1.0, 1, 1, 110], [1, 1, 1, 110]]), CASCADE)

    assert launch_ratios(before, after) == pytest.approx([np.log(113 / 103)] * 2)


def test_processor_time_is_that_of_each_text():
    often = Measurement(
        variant="a", metric="latency", values=(1, 1, 4), launches=(0, 0, 0), blocks=(0, 0, 1), cpu_seconds=(0, 2, 8)
    )

    assert per_text(often).cpu_seconds == (1, 8)


def test_only_texts_and_launches_that_both_rows_have_are_compared():
    whole = row_of(np.array([[1.0, 2], [3, 4], [5, 6]]))
    part = replace(
        row_of(np.array([[10.0, 20], [30, 40]])), values=(10.0, 20, 30), launches=(0, 0, 1), blocks=(0, 1, 0)
    )

    assert common_seconds(whole, part) == [[[1.0], [3.0]], [[10.0], [30.0]]]


def test_the_latency_of_such_a_run_is_a_mean_over_texts():
    run = made_run()
    own = next(one for one in run.measurements if one.variant == CASCADE)

    [seconds] = common_seconds(own)
    of_each = np.median(seconds, axis=0)

    assert (of(run, "latency").value, of(run, "latency").n) == (pytest.approx(of_each.mean()), TEXTS)
    assert of(run, "latency_p50").value == pytest.approx(np.median(of_each))
    assert of(run, "latency_p50").value < 0.1 * of(run, "latency").value
    assert of(run, "latency").low < of(run, "latency").value < of(run, "latency").high
    assert "latency: mean for 1 text" in first_screen(run)


def test_without_a_cascade_it_is_the_median():
    run = made_run()
    run = replace(run, plan=replace(run.plan, variants=(REFERENCE, WHOLE), text_means=False))
    own = next(one for one in run.measurements if one.variant == WHOLE)

    assert of(run, "latency", WHOLE).value == pytest.approx(np.median(own.values))
    assert "latency: median for 1 text" in first_screen(run)


# Ratios


def test_a_speed_up_is_the_ratio_of_the_means():
    run = made_run()
    found = speed_ups(run)
    own, over = common_seconds(
        *(next(one for one in run.measurements if one.variant == name) for name in (CASCADE, REFERENCE))
    )

    assert found[CASCADE, 1].value == pytest.approx(np.mean(over) / np.mean(own), rel=0.01)
    assert found[CASCADE, 1].value < 0.2 * np.median(np.divide(over, own))  # that of the usual text
    assert found[WHOLE, 1].value == pytest.approx(3, rel=0.05)
    assert found[CASCADE, 1].high / found[CASCADE, 1].low > 1.5  # the texts are a sample
    assert found[WHOLE, 1].high / found[WHOLE, 1].low < 1.2


def test_its_interval_covers_the_truth():
    """100 runs of a cascade with texts of which each is answered early by chance."""
    covered = 0
    for seed in range(100):
        draw = np.random.default_rng(1000 + seed)
        run = made_run(seed, sure=draw.random(TEXTS) < 0.75)
        one = speed_ups(run)[CASCADE, 1]
        covered += one.low <= 1 / (1 / 300 + 0.25 / 3) <= one.high
    assert covered >= 88  # 95 are expected


def test_equal_times_have_the_ratio_one():
    own = np.random.default_rng(1).gamma(5, 1, (3, 50))

    assert ratios_of_means([(own, own)])[0].interval(LEVEL) == pytest.approx((1, 1, 1))


# The worst case


def test_the_worst_case_is_held_against_the_last_stage():
    run = made_run()
    ratio = of(run, "worst_ratio")

    assert ratio.low < 1.01 < ratio.high
    assert ratio.high / ratio.low < 1.15
    assert of(run, "worst_latency").value == pytest.approx(0.0067, rel=0.1)


def test_a_limit_of_time_holds_where_every_stage_computes():
    """A limit between the 95th percentiles of all texts of the cascade, and of its worst case."""
    run = made_run(sure=np.arange(TEXTS) > 0)
    p95, worst = of(run, "latency_p95").value, of(run, "worst_latency_p95").value
    within = {
        most: {one.variant: one for one in select(run, {}, Aim(limits=limits({"max_p95_ms": most * 1e3}))).candidates}
        for most in ((p95 + worst) / 2, 3 * worst)
    }
    [strict, loose] = [one[CASCADE].findings[-1] for one in within.values()]

    assert p95 < 0.1 * worst
    assert (strict.standing, loose.standing) == ("out", "in")
    assert "where every stage computes is above --max-p95-ms" in strict.why


def test_without_its_row_the_worst_case_is_unknown():
    run = made_run()
    run = replace(run, measurements=tuple(one for one in run.measurements if one.variant != worst_case(CASCADE)))

    assert of(run, "worst_ratio").value is None
    assert "every stage computes" not in first_screen(run)


# The stage mix


def test_the_mix_and_the_worst_case_are_told():
    run = made_run()
    screen, table = " ".join(first_screen(run).split()), render(run, "text", ["cascades"])

    assert f"{CASCADE}: {FIRST} answers 75.0 % of" in screen
    assert "a text that every stage computes takes 1.0" in screen
    assert all(len(line) <= 80 for line in first_screen(run).splitlines() if "deploybench report" not in line)
    assert "over last" in " ".join(table.split()) or "over" in table
    assert WHOLE not in {line.split(" ")[0] for line in table.splitlines()}


def test_a_changed_mix_is_a_reason():
    before, after = made_run(), made_run(sure=np.arange(TEXTS) % 2 > 0)
    row = (CASCADE, "latency", replace(OWN_TEXTS, threads=0), None)

    name = before.sets[0].name
    assert (
        f"the stage mix changed: its first stages answer 75% of {name} in the base, 50% now"
        in terms_of(before, after, ())(row).note
    )
    assert terms_of(before, made_run(1), ())(row).note == ""
