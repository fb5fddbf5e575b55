"""What a run says of servers under load: table, plot, selection and comparison."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploybench.bench import cli
from deploybench.bench.analysis.figures import figures
from deploybench.bench.analysis.objectives import Aim, ServiceLevel, service_level_of
from deploybench.bench.analysis.selection import select
from deploybench.bench.compare import terms
from deploybench.bench.compare.changes import compare_runs
from deploybench.bench.compare.matching import Matched
from deploybench.bench.compare.thresholds import Thresholds
from deploybench.bench.report.page.material import gather
from deploybench.bench.report.page.plot import as_svg
from deploybench.bench.report.page.server import server_plots
from deploybench.bench.report.render import render
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.metrics import OF_A_TRIAL
from deploybench.bench.runs.predictions import read_scored
from deploybench.bench.runs.store import read_run
from deploybench.exporters.errors import UserError

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"


def served(variant, data, rates, trials):
    """Rows of a variant whose trials are (rate, p99, low, high)."""
    at = Workload(batch_size=8, sequence_length=128, padding="bucketed", threads=1, instances=2)
    own = {"variant": variant, "data": data, "workload": at}
    columns = dict(
        zip(
            ("request_rate", "request_p99", "request_p99_low", "request_p99_high"),
            zip(*trials, strict=True),
            strict=True,
        )
    )
    columns |= {"request_p50": (0.01,) * len(trials), "request_p95": (0.02,) * len(trials)}
    columns |= {"goodput": columns["request_rate"], "request_cpu": (5.0,) * len(trials)}
    yield Measurement(metric="rate_at_p99", values=rates, launches=tuple(range(len(rates))), **own)
    for metric in OF_A_TRIAL:
        yield Measurement(metric=metric, values=columns[metric], **own)


@pytest.fixture
def run():
    """A saved run with two servers: one answers 100 requests a second within 100 ms, the other 20."""
    saved = read_run(SAMPLE)
    data = saved.sets[0].name
    fast = [(40.0, 0.02, 0.015, 0.03), (100.0, 0.09, 0.08, 0.099), (120.0, 0.2, 0.15, 60.0)]
    slow = [(10.0, 0.05, 0.04, 0.06), (20.0, 0.095, 0.07, 0.12), (40.0, 60.0, 60.0, 60.0)]
    rows = [
        *served("onnx-fp32", data, (100.0, 101.0, 99.0), fast),
        *served("torch-eager", data, (20.0, 20.2, 19.8), slow),
    ]
    return replace(saved, plan=replace(saved.plan, p99_limit=0.1), measurements=(*saved.measurements, *rows))


def test_the_table_has_the_rate_and_what_it_was_like_there(run):
    text = render(run, "csv", ["server"])
    lines = {line.split(",")[0]: line.split(",") for line in text.splitlines() if line}
    heads = next(line for line in text.splitlines() if line.startswith("variant,")).split(",")
    row = dict(zip(heads, lines["onnx-fp32"], strict=True))

    assert float(row["highest_rate_per_s"]) == 100
    assert float(row["highest_rate_per_s_low"]) < 100 < float(row["highest_rate_per_s_high"])
    assert float(row["ratio"]) == pytest.approx(5)
    assert float(row["instances"]) == 2
    assert float(row["p99_s"]) == pytest.approx(0.09)
    assert "p99 within 100 ms" in render(run, "text", ["server"])


def test_a_run_without_servers_has_no_table_and_no_plot():
    saved = read_run(SAMPLE)
    assert "Server" not in render(saved, "text", ["server"])
    assert server_plots(gather(saved)) == ()
    assert not [one for one in figures(saved) if one.metric == "rate_at_p99"]


def test_a_variant_that_is_never_fast_enough(run):
    rows = [
        one for one in run.measurements if one.variant != "onnx-fp32" or one.metric not in {"rate_at_p99", *OF_A_TRIAL}
    ]
    slow = [(1.0, 0.5, 0.4, 0.6)]
    never = replace(run, measurements=(*rows, *served("onnx-fp32", run.sets[0].name, (0.0, 0.0, 0.0), slow)))
    found = {one.metric: one for one in figures(never) if one.variant == "onnx-fp32"}

    assert found["rate_at_p99"].value == 0
    assert (found["request_p99"].value, found["request_p99"].reason) == (None, "no rate was slow enough")
    render(never, "text", ["server"])


@pytest.mark.parametrize(
    ("rate", "p99", "standings"),
    [
        (50, 0.1, {"onnx-fp32": "in", "torch-eager": "out"}),
        (20, 0.1, {"onnx-fp32": "in", "torch-eager": "undecided"}),
        (10, 0.1, {"onnx-fp32": "in", "torch-eager": "in"}),
        (100, 0.1, {"onnx-fp32": "undecided", "torch-eager": "out"}),
        (110, 0.1, {"onnx-fp32": "out", "torch-eager": "out"}),
        (130, 0.1, {"onnx-fp32": "out", "torch-eager": "out"}),
        (50, 0.05, {"onnx-fp32": "undecided", "torch-eager": "out"}),
    ],
)
def test_a_load_is_borne_refused_or_undecided(run, rate, p99, standings):
    aim = Aim(service_level=ServiceLevel(rate=rate, p99=p99), max_drop=0.99)
    selection = select(run, read_scored(run), aim)
    found = {one.variant: one for one in selection.candidates}

    for variant, standing in standings.items():
        [finding] = [one for one in found[variant].findings if one.flag == "--at-rate"]
        assert finding.standing == standing, variant
        assert bool(finding.why) == (standing != "in")
    unmeasured = [one for one in selection.candidates if one.variant not in standings and one.findings]
    assert all("its server was not measured" in one.why for one in unmeasured)


def test_half_a_load_is_a_mistake(capsys):
    assert service_level_of(None, None) is None
    assert service_level_of(50, 100) == ServiceLevel(rate=50, p99=0.1)
    with pytest.raises(UserError, match="--at-rate: was given without --max-p99-ms"):
        service_level_of(50, None)
    assert cli.main(["recommend", str(SAMPLE), "--max-p99-ms", "100"]) == 2
    assert "--max-p99-ms: was given without --at-rate; pass both" in capsys.readouterr().err


def test_the_plot_has_a_line_for_each_server(run):
    [plot] = server_plots(gather(run))
    assert "onnx-fp32: 20 ms at 40, 90 ms at 100, 200 ms at 120" in plot.words
    assert "torch-eager: 50 ms at 10, 95 ms at 20, 1e+03 ms at 40" in plot.words
    assert as_svg(plot).startswith(b"<?xml")


def test_a_lower_rate_is_worse(run):
    rows = [
        replace(one, values=tuple(value / 2 for value in one.values))
        if (one.metric, one.variant) == ("rate_at_p99", "onnx-fp32")
        else one
        for one in run.measurements
    ]
    after = replace(run, measurements=tuple(rows))
    matched = Matched(model="", base=run, contender=after, right=({}, {}))
    changes = {one.variant: one for one in compare_runs([matched], Thresholds()).changes if one.metric == "rate_at_p99"}

    assert changes["onnx-fp32"].verdict == "worse"
    assert changes["onnx-fp32"].change == pytest.approx(-0.5)
    assert changes["torch-eager"].verdict == "no detectable change"


def test_a_slower_machine_lowers_rates_and_raises_times(run, monkeypatch):
    after = replace(run)
    speeds = {id(run): 1.0, id(after): 0.8}

    def readings(of):
        return dict.fromkeys(("yardstick_python", "yardstick_fp32"), SimpleNamespace(values=(speeds[id(of)],)))

    monkeypatch.setattr(terms, "yardstick_readings", readings)
    of_row = terms.terms_of(run, after, ())
    rate = of_row(("onnx-fp32", "rate_at_p99", None, run.sets[0].name))

    assert of_row(("onnx-fp32", "load_time", None, None)).drift == pytest.approx(0.25)
    assert rate.drift == pytest.approx(-0.25)
    assert rate.threshold(0.05, -0.1) == pytest.approx(
        0.25
    )  # a lower rate has to exceed the drift, a higher one has not
    assert rate.threshold(0.05, 0.1) == pytest.approx(0.05)
