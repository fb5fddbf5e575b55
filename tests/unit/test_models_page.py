"""The page of a run of several models: what is on it, its plots, and what a real browser makes of it."""

import html
import re
import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from several import MODELS, VARIANTS, read_models

from deploybench.bench.analysis.models.selection import best_of_each, default_models_selection
from deploybench.bench.cli import main
from deploybench.bench.report.page.models_page import render_models_page
from deploybench.bench.report.page.models_pareto import models_pareto_plots
from deploybench.bench.report.page.plot import WIDTH, as_svg, styled
from deploybench.bench.report.page.point_names import name_points

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "<script>document.title = 'ran'</script>\u202e\x1b[31m{{ 7 * 7 }} $x^2$"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return read_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    return read_models(tmp_path_factory.mktemp("untrained"), random_weights=True)


@pytest.fixture(scope="module")
def page(runs):
    return render_models_page(runs)


def words(text):
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)).split())


def drawn(plot):
    with styled():
        figure = Figure(figsize=(WIDTH, plot.height), layout="constrained")
        plot.draw(figure)
        figure.draw_without_rendering()
    return figure


def test_the_page_begins_with_the_answer_and_its_reference_and_has_all_parts_in_order(page):
    text = words(page)

    assert text.index("Take albert/openvino-int8: 31.8 ms for 1 text") < text.index(
        "accuracy lost: against albert/torch-eager, the most accurate of the models on these texts"
    )
    assert re.findall(r'<h2 id="[^"]+">(.*?)</h2>', page) == [
        *("Models", "Models and variants", "Pages of one model", "Environment and provenance")
    ]


def test_the_page_has_the_tables_of_models_with_the_row_to_take_and_the_commands_of_each(runs, page):
    text = words(page)
    [models] = re.findall(r"<tbody>.*?</tbody>", page[: page.index("Best variant of each model")], re.DOTALL)

    assert words(models).startswith("albert 11,685,122 89,651,714 96.52 70.1 46.7 0.870 0.900 org/minilm 22,713,986 ")
    assert [words(one).split()[0] for one in re.findall(r'<tr class="taken">.*?</tr>', page)] == [
        "albert/openvino-int8",
        "albert/openvino-int8*",
    ]
    for name in MODELS:
        assert f"deploybench report {runs[0].path.name} --format html -o page.html --model {name}" in text
    assert "tokenizer sha256" not in text


def test_every_pair_is_a_point_of_every_cost(runs):
    plots = models_pareto_plots(runs)

    assert [one.name for one in plots] == [
        f"pareto-{cost}-accuracy-loss" for cost in ("latency", "peak-memory", "size-on-disk")
    ]
    for plot in plots:
        assert plot.words.startswith(f"{plot.title}; lower left is better. On the Pareto front: albert/openvino-int8, ")
        assert {f"{model}/{variant}" for model in MODELS for variant in VARIANTS} == set(
            re.findall(r"(?<=[.;] )(\S+): ", plot.words)
        )
    assert "; tiny/openvino-int8: 2.59 ms, +0.123" in plots[0].words


def test_without_accuracy_costs_are_drawn_against_latency(untrained):
    plots = models_pareto_plots(untrained)
    page = words(render_models_page(untrained))

    assert [one.title for one in plots] == ["Peak memory against latency", "Size on disk against latency"]
    assert "Take tiny/openvino-int8: 2.59 ms for 1 text" in page
    assert "accuracy is not measured: random weights; costs alone decide" in page
    assert "certain to lose" not in page
    assert "Costs alone decide" in page
    for plot in plots:
        assert as_svg(plot)


def test_a_pair_without_a_figure_is_no_point(runs):
    kept = tuple(one for one in runs[2].measurements if (one.variant, one.metric) != ("onnx-fp32", "artifact_size"))
    plots = models_pareto_plots((*runs[:2], replace(runs[2], measurements=kept)))

    assert ["tiny/onnx-fp32: " in one.words for one in plots] == [True, True, False]


def test_the_best_of_each_model_is_named_in_the_plot_and_a_legend_names_the_models(runs):
    [axes] = drawn(models_pareto_plots(runs)[2]).axes
    names = [one.get_text() for one in axes.texts]
    best = best_of_each(runs, default_models_selection(runs)).values()

    assert names.count("openvino-int8") == len(best)
    assert [one.get_label() for one in axes.lines if one.get_label() in MODELS] == [*MODELS]


def test_names_cover_neither_each_other_nor_points():
    figure = Figure(figsize=(WIDTH, 5), layout="constrained")
    axes = figure.subplots()
    points = [(place % 10, place // 10 + place % 3 / 9) for place in range(50)]
    axes.plot(*zip(*points, strict=True), "o", markersize=6)
    name_points(figure, axes, points, {place: f"openvino-int8-{place}" for place in range(50)})
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(one) for one in axes.texts]
    places = axes.transData.transform(points)

    assert len(boxes) > 5
    assert not [1 for one, other in combinations(boxes, 2) if Bbox.intersection(one.padded(-1), other.padded(-1))]
    assert not [1 for box in boxes if box.count_contains(places)]
    assert all(axes.bbox.padded(1).count_contains(box.corners()) == 4 for box in boxes)


def test_a_name_without_room_is_left_out():
    figure = Figure(figsize=(2, 2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0], [0], "o")
    name_points(figure, axes, [(0, 0)], {0: "a name as long as the plot is wide, and longer"})

    assert not axes.texts


def test_a_name_is_a_text_and_nothing_else(runs):
    odd = tuple(
        replace(run, checkpoint=replace(run.checkpoint, name=f"{HOSTILE}{place}")) for place, run in enumerate(runs)
    )
    page = render_models_page(odd)

    assert "<script" not in page
    assert page.isascii()
    assert "\x1b" not in page
    assert "{{ 7 * 7 }}" in words(page)


@pytest.mark.parametrize("arguments", [["--format", "html"], ["--table", "models", "--plots", "plots"]])
def test_the_command_writes_the_page_and_the_plots(runs, page, tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(runs[0].path), *arguments]) == 0
    printed = capsys.readouterr()

    if "html" in arguments:
        assert printed.out.strip() == page.strip()
    else:
        assert "written: 6 files in plots" in printed.err
        assert sorted(path.name for path in Path("plots").iterdir())[:2] == [
            "pareto-latency-accuracy-loss.png",
            "pareto-latency-accuracy-loss.svg",
        ]


@pytest.mark.process
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_a_browser_draws_every_plot_and_scrolls_only_tables(page, tmp_path, width, scheme):
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine; Debian's package is called chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        seen = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        seen.goto((tmp_path / "page.html").as_uri())

        assert seen.evaluate("[...document.images].map(one => one.complete && one.naturalWidth > 0)") == [True] * 3
        assert seen.evaluate("document.scrollingElement.scrollWidth") <= width
        assert seen.evaluate("document.scripts.length") == 0
