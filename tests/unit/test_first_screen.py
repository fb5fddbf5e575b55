"""What `deploybench run` prints first: at most 40 lines of 80 characters that end with a decision and commands that work."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from shipped import ROOT, shipped

from deploybench.bench.analysis.objectives import Aim
from deploybench.bench.analysis.selection import default_selection
from deploybench.bench.analysis.speed_ups import speed_ups
from deploybench.bench.cli import main
from deploybench.bench.report.messages.first_screen import first_screen
from deploybench.bench.report.messages.screen import _with_both_ends
from deploybench.bench.runs.predictions import read_scored
from deploybench.bench.runs.store import read_run

GOLDEN = ROOT / "tests" / "data" / "first-screen.txt"
SHIPPED = {path.name[:4]: path for path in shipped("*/0*.json")}
BEFORE = 15  # lines: five labelled files and ten stages


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def renamed(run, monkeypatch, variants=19, sets=5, name="{}-mögliche-{}-" + "x" * 60, **changes):
    """The run with more variants and labelled sets, each with a long name of no ASCII characters."""
    names = {name.format("variante", place): old for place, old in enumerate(run.plan.variants[1:] * 3)}
    names = {"torch-eager": "torch-eager", **dict([*names.items()][: variants - 1])}
    places = {name.format("daten", place): old for place, old in enumerate([one.name for one in run.sets] * 3)}
    places = dict([*places.items()][:sets])
    scored = {
        new: replace(of, logits={one: of.logits[names[one]] for one in names if names[one] in of.logits})
        for new, old in places.items()
        for of in [read_scored(run)[old]]
    }
    monkeypatch.setattr("deploybench.bench.analysis.selection.read_scored", lambda _: scored)
    measurements = [
        replace(one, variant=variant, data=place)
        for one in run.measurements
        for variant, old in names.items()
        for place, data in (places.items() if one.data else [(None, None)])
        if one.variant == old and one.data == data
    ]
    infos = {one.name: one for one in run.sets}
    return replace(
        run,
        plan=replace(run.plan, variants=tuple(names), profile="standard"),
        checkpoint=replace(run.checkpoint, name=name.format("prüfpunkt", 1), **changes),
        sets=tuple(replace(infos[old], name=new) for new, old in places.items()),
        variants={new: run.variants[old] for new, old in names.items()},
        measurements=tuple(measurements),
        predictions="",
    )


def failing(run, count):
    reason = "the worker was killed by signal 9; last output: " + "y" * 200
    failed = {name: replace(run.variants[name], failed=reason) for name in run.plan.variants[1 : count + 1]}
    return replace(run, variants={**run.variants, **failed})


def fits(screen, room):
    lines = screen.splitlines()
    assert len(lines) <= room, screen
    assert max(map(len, lines)) <= 80, screen


def commands(screen):
    return re.findall(r"deploybench .*", screen)


def test_the_screen_of_saved_runs():
    found = "\n\n\n".join(first_screen(read_run(SHIPPED[number])) for number in ("0024", "0025")) + "\n"

    assert found == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", SHIPPED)
def test_every_saved_run_fits_with_all_its_variants_and_ends_with_commands_for_it_alone(number):
    run = read_run(SHIPPED[number])
    screen = first_screen(run, 40 - 7)

    fits(screen, 33)
    assert all(re.search(rf"^{name}[!‡]? ", screen, re.MULTILINE) for name in run.plan.variants)
    assert re.search("^take ", screen, re.MULTILINE)
    for line in commands(screen)[-3:]:
        [path] = Path().glob(line.split()[2])
        assert path == SHIPPED[number].relative_to(ROOT)


def test_many_variants_and_sets_with_long_names_fit(monkeypatch):
    run = renamed(read_run(SHIPPED["0025"]), monkeypatch)
    screen = first_screen(run, 40 - BEFORE)

    fits(screen, 40 - BEFORE)
    assert re.search(r"^and 1\d variants more($|; )", screen, re.MULTILINE)
    assert "torch-eager " in screen
    assert "daten-mög" in screen


def test_failures_are_one_line_each_and_at_most_three(monkeypatch):
    run = failing(renamed(read_run(SHIPPED["0025"]), monkeypatch), 12)
    screen = first_screen(run)

    fits(screen, 40)
    assert len(re.findall(r"^failed: .*the worker.*…$", screen, re.MULTILINE)) == 3
    assert re.search(r"^and \d+ more failed$", screen, re.MULTILINE)
    fits(first_screen(run, 40 - BEFORE), 40 - BEFORE)


def test_texts_and_figures_that_a_budget_left_out_are_told():
    run = read_run(SHIPPED["0025"])
    reason = "time budget of 20 s used up"
    late = [
        replace(one, values=(), confusion=(), status="not_measured", reason=reason)
        if one.variant == "openvino-int8-bf16" and one.metric in ("accuracy", "peak_memory")
        else one
        for one in run.measurements
    ]
    sets = tuple(replace(one, unscored=940) for one in run.sets)
    screen = first_screen(replace(run, measurements=tuple(late), sets=sets), 40, Path("my work"))

    fits("\n".join(line for line in screen.splitlines() if "--work-dir" not in line), 40)
    assert re.search(r"\(\d+ of \d+ texts\)", screen)
    assert f"–: {reason}" in screen
    assert "--copy-to best --work-dir 'my work'" in screen


def test_a_speed_up_that_is_hardly_known_is_told_by_both_ends(monkeypatch):
    run = read_run(SHIPPED["0025"])
    found = {
        key: replace(one, value=7.46, low=3.29, high=16.9) if key[0] != "torch-eager" else one
        for key, one in speed_ups(run).items()
    }
    for place in ("deploybench.bench.report.messages.first_screen", "deploybench.bench.analysis.selection"):
        monkeypatch.setattr(f"{place}.speed_ups", lambda _: found)
    default_selection.cache_clear()
    screen = first_screen(run)
    default_selection.cache_clear()

    fits(screen, 40)
    assert "3.29 to 16.9" in screen
    assert "±9.4" not in screen
    assert "7.46 times as fast as torch-eager (95 %: 3.29 to 16.90)" in " ".join(screen.split())


def test_a_failed_variant_has_that_one_word_in_its_row():
    run = failing(read_run(SHIPPED["0024"]), 1)

    assert re.search(rf"^{run.plan.variants[1]} +failed$", first_screen(run), re.MULTILINE)


def test_random_weights_without_sets_fit_and_have_no_accuracy(monkeypatch):
    run = renamed(read_run(SHIPPED["0025"]), monkeypatch, sets=0, random_weights=True)
    screen = first_screen(run, 40 - BEFORE)

    fits(screen, 40 - BEFORE)
    assert "accuracy of torch-eager" not in screen
    assert "classes" in screen
    assert "accuracy means nothing" in screen


def test_an_undecided_variant_is_named_with_what_would_decide(monkeypatch):
    strict = Aim(max_drop=1e-4)
    monkeypatch.setattr("deploybench.bench.analysis.selection.Aim", lambda: strict)
    screen = first_screen(read_run(SHIPPED["0025"]))

    fits(screen, 40)
    assert re.search(r"^take openvino-fp32: .* the same model", screen, re.MULTILINE)
    assert re.search(r"undecided, and faster: .*; .* would decide", screen.replace("\n  ", " "))


def test_where_no_variant_can_be_taken_the_screen_says_so():
    run = read_run(SHIPPED["0024"])
    infos = {name: replace(info, executed_problem="runs bf16") for name, info in run.variants.items()}
    screen = first_screen(replace(run, variants=infos))

    fits(screen, 40)
    assert "\ntake none: " in screen
    assert "--copy-to" not in screen


def test_a_path_outside_the_folder_is_written_out_and_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "two words"
    folder.mkdir()
    run = replace(read_run(SHIPPED["0024"]), path=folder / "0001_x.json")

    assert "report 'two words/0001_x.json'" in first_screen(run)


def test_an_empty_cell_has_a_reason_under_the_table():
    run = read_run(ROOT / "results" / "studies" / "quick" / "minilm-newsmix.json")

    assert "–: time budget of 160 s used up" in first_screen(run)
    assert "–: " not in first_screen(read_run(SHIPPED["0025"]))


@pytest.mark.parametrize(("flags", "tables"), [([], False), (["--tables"], True)])
def test_a_run_prints_the_screen_and_the_tables_where_they_are_asked_for(flags, tables, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deploybench.bench.pipeline.measuring.measure_models", lambda *_: (SHIPPED["0024"], 0))

    assert main(["run", *flags]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.count("\ntake openvino-int8-bf16: ") == 1
    assert ("\nSummary\n" in printed.out) == tables
    assert (len(printed.out.splitlines()) > 40) == tables


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(1.9, 2.1, "2.0 ±0.1"), (1.0, 4.0, "1 to 4"), (0.02, 4.0, "undecided"), (None, None, "2.0 ±0.1")],
)
def test_a_figure_that_is_hardly_known_is_told_by_its_ends(low, high, told):
    figure = SimpleNamespace(value=2.0, low=low, high=high)

    assert _with_both_ends(["2.0 ±0.1"], {"a": [figure]}, 0) == [told]
