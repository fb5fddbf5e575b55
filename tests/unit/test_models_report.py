"""What is printed of a run of several models: the first screen, the tables, and the recommendation, word by word."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from several import MODELS, read_models, save_models

from deploybench.bench.analysis.models.selection import default_models_selection, select_models
from deploybench.bench.analysis.objectives import Aim
from deploybench.bench.cli import main
from deploybench.bench.commands.common import RESULTS
from deploybench.bench.report.messages.models_screen import models_screen
from deploybench.bench.report.messages.models_selection import render_selection_of
from deploybench.bench.report.render import render_models
from deploybench.bench.report.tables import OF_SEVERAL, SHOWN, TABLES
from deploybench.bench.runs.measurement import Workload
from deploybench.bench.runs.store import read_runs
from deploybench.exporters.errors import RunFileError

STUDIES = Path(__file__).parents[2] / "results" / "studies"
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_models(folder)
    return folder


@pytest.fixture(autouse=True)
def in_the_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture
def runs():
    return read_runs(next(Path().glob(f"{RESULTS}/*/*.json")))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    return read_models(tmp_path_factory.mktemp("untrained"), random_weights=True)


def renamed(runs, name="ein-modell-{}-" + "ö" * 60):
    named = [name.format(place) for place in range(len(runs))]
    return tuple(
        replace(run, checkpoint=replace(run.checkpoint, name=name)) for run, name in zip(runs, named, strict=True)
    )


def fits(screen, room):
    lines = screen.splitlines()
    body = lines[:-3]  # commands are as long as the path
    assert len(lines) <= room, screen
    assert max(map(len, body)) <= 80, screen


def test_what_is_printed_of_several_models(runs, capsys):
    """The first screen, the recommendation within limits, and the table of models."""
    parts = [models_screen(runs)]
    assert max(map(len, parts[0].splitlines())) <= 80
    for arguments in (
        ["recommend", "--max-size-mb", "15", "--max-accuracy-drop", "0.01"],
        ["report", "--table", "models"],
    ):
        assert main([arguments[0], str(runs[0].path), *arguments[1:]]) == 0
        parts.append(capsys.readouterr().out)

    assert "\n\n\n".join(part.rstrip("\n") for part in parts) + "\n" == (DATA / "models.txt").read_text(
        encoding="utf-8"
    )


def test_texts_that_a_budget_left_out_and_the_work_folder_are_told(runs):
    cut = tuple(replace(run, sets=tuple(replace(one, unscored=940) for one in run.sets)) for run in runs)
    screen = models_screen(cut, work_dir=Path("my work"))

    assert re.search(r"\(\d+ of \d+ texts\)", screen)
    assert "--copy-to best --work-dir 'my work'" in screen
    assert select_models(cut, Aim()).unscored == 940 * len(runs[0].sets)


def test_without_accuracy_every_text_says_that_it_is_not_measured(untrained, capsys):
    screen = models_screen(untrained)
    path = str(untrained[0].path)
    assert main(["recommend", path]) == 0
    recommended = capsys.readouterr().out
    tables = render_models(untrained, "text", ["models"])

    fits(screen, 40)
    for text in (screen, recommended, tables):
        assert "accuracy is not measured: random weights; costs alone decide" in text
        assert not re.search(r"\d of accuracy|accuracy lost|accuracy change", " ".join(text.split()))
    assert "take tiny/openvino-int8: " in screen
    assert "take tiny/openvino-int8: " in recommended


@pytest.mark.parametrize("room", [40, 25, 22])
def test_the_screen_fits_with_many_models_and_long_names(runs, room):
    many = renamed(runs * 4)  # twelve
    screen = models_screen(many, room)

    fits(screen, room)
    assert ("and 9 more" in screen) == (room == 40)
    assert re.search(r"and \d+ variants more", screen)


def test_where_room_is_short_the_best_of_each_model_comes_before_better_variants_of_one(runs):
    rows = re.findall(r"^(\S+/(?:torch|onnx|openvino)\S+) ", models_screen(runs, 25), re.MULTILINE)

    assert [row for row in rows if row != "albert/torch-eager"] == [f"{name}/openvino-int8" for name in MODELS]


def test_a_failed_variant_is_named_with_its_model(runs):
    info = replace(runs[2].variants["openvino-int8"], failed="it crashed")
    failing = (*runs[:2], replace(runs[2], variants={**runs[2].variants, "openvino-int8": info}))

    assert re.search(r"^tiny/openvino-int8 +failed$", models_screen(failing), re.MULTILINE)
    assert "\nfailed: tiny/openvino-int8: it crashed\n" in models_screen(failing)


def test_where_no_pair_can_be_taken_the_screen_says_so(runs):
    blocked = tuple(
        replace(
            run, variants={name: replace(info, executed_problem="runs bf16") for name, info in run.variants.items()}
        )
        for run in runs
    )
    screen = models_screen(blocked)

    assert "\ntake none: no variant is certain to lose at most 0.01 of accuracy\n" in screen
    assert "--copy-to" not in screen


def test_the_tables_of_each_model_stand_under_its_name(runs):
    text, markdown = (render_models(runs, form, (*OF_SEVERAL, *SHOWN)) for form in ("text", "md"))

    for name in MODELS:
        assert text.count(f"\n{name}\n{'=' * len(name)}\n\nSummary\n") == 1
        assert markdown.count(f"\n## {name}\n\n### Summary\n") == 1
    assert text.startswith("Models\n")
    assert text.index("Best variant of each model") < text.index("\nalbert\n=")


def test_every_table_of_csv_has_the_name_of_its_model(runs):
    lines = [*csv.reader(io.StringIO(render_models(runs, "csv", ["models", "summary"])))]
    titles = [line[0] for before, line in zip([[], *lines], lines, strict=False) if not before and line]

    assert titles == ["Models", "Best variant of each model", *(f"{name}: Summary" for name in MODELS)]
    assert ["org/minilm", "22713986"] in [line[:2] for line in lines]


def test_a_table_in_latex_has_the_name_of_its_model(runs):
    assert r"\caption{tiny: Summary" in render_models(runs, "latex", ["summary"])


def test_every_figure_of_json_says_of_which_model_it_is(runs):
    found = json.loads(render_models(runs, "json", TABLES))
    latencies = {(one["model"], one["variant"]) for one in found if one["metric"] == "latency"}

    assert {model for model, _ in latencies} == {*MODELS}
    assert len(latencies) == 9
    assert [one["label"] for one in found if one["metric"] == "mcnemar_p"][-1] == "against org/minilm"


def test_speed_ups_across_models_are_figures_of_json(runs):
    found = json.loads(render_models(runs, "json", TABLES))
    speed_ups = [one for one in found if one["metric"] == "speed_up"]
    [one] = [
        one
        for one in speed_ups
        if (one["model"], one["variant"], one["workload"]["batch_size"]) == ("tiny", "openvino-int8", 1)
    ]

    assert {one["label"] for one in speed_ups} == {"over albert/torch-eager"}
    assert len(speed_ups) == 3 * 3 * 2  # models, variants, batch sizes
    assert one["low"] < one["value"] < one["high"]
    assert one["value"] == pytest.approx(0.1 / 0.008 * 3, rel=0.02)


def test_effective_parameters_that_a_file_lacks_are_not_counted(runs):
    """Files saved before they were counted."""
    path = runs[0].path
    saved = json.loads(path.read_text())
    for block in saved["deploybench"]["models"]:
        assert block["checkpoint"].pop("effective_parameters") > 0
    old = path.with_name("0000_old.json")
    old.write_text(json.dumps(saved))
    read = read_runs(old)

    assert {run.checkpoint.effective_parameters for run in read} == {None}
    assert re.search(r"^tiny +4,387,442 +not counted +7\.73 ", render_models(read, "text", ["models"]), re.MULTILINE)
    old.unlink()


def test_with_names_of_30_characters_nothing_is_wider_than_a_terminal(runs):
    names = [
        "bert-base-uncased-finetuned-newsmix",
        "distilbert-base-uncased-finetuned",
        "google/mobilebert-uncased-news",
    ]
    several = tuple(
        replace(run, checkpoint=replace(run.checkpoint, name=name)) for run, name in zip(runs, names, strict=True)
    )
    screen = models_screen(several)
    selection = render_selection_of(several, select_models(several, Aim()))
    tables = render_models(several, "text", ["models"])

    fits(screen, 40)
    assert max(map(len, f"{selection}\n{tables}".splitlines())) <= 80
    for name in names:
        assert f"\n{name}/openvino-int8" in selection
    assert re.search(r"^bert-\S*…\S*/openvino-int8 ", screen, re.MULTILINE)  # its variant is whole


def test_a_model_with_random_weights_beside_others_is_marked(runs):
    mixed = (*runs[:2], replace(runs[2], checkpoint=replace(runs[2].checkpoint, random_weights=True)))

    assert "\ntiny: albert, 4.4 M parameters; median text 393 tokens; random weights\n" in models_screen(mixed)


def test_names_of_models_are_printed_without_control_characters(runs):
    odd = renamed(runs, "a\x1b[31m{}")

    for text in (
        models_screen(odd),
        *(render_models(odd, form, ["models", "summary"]) for form in ("text", "md", "csv")),
    ):
        assert "\x1b" not in text
        assert "x1b" in text


def test_a_gain_is_over_the_reference_also_where_another_model_is_the_first(runs):
    screen = models_screen(runs[::-1])

    assert re.search(
        r"^take albert/openvino-int8: (2.9|3.0)\d times as fast as albert/torch-eager; ", screen, re.MULTILINE
    )
    assert "speed-up: over tiny/torch-eager" in screen


def test_without_labelled_sets_costs_alone_decide_and_the_reason_is_told(runs):
    bare = tuple(replace(run, sets=(), predictions="") for run in runs)
    selection = select_models(bare, Aim())

    assert "accuracy is not measured: no labelled set was given; costs alone decide" in models_screen(bare)
    assert "take tiny/openvino-int8: " in render_selection_of(bare, selection)


def test_where_predictions_are_missing_no_pair_is_taken(runs):
    lost = tuple(replace(run, predictions="") for run in runs)
    text = render_selection_of(lost, select_models(lost, Aim()))

    assert text.startswith("accuracy is not measured\n")
    assert "albert/openvino-int8, " in text
    assert ": its accuracy was not measured" in text
    assert "take none: no variant is certain to be within every limit" in text


def test_where_lines_were_printed_before_the_decision_still_stands_whole(runs):
    """The models then share one line, if there is one left; the best pair of all is the first row."""
    screen = models_screen(runs, 26)
    best = default_models_selection(runs).best

    assert "models and their parameters: albert" in screen
    for room in range(22, 41):
        fits(models_screen(runs, room), room)
        assert "\n…" not in models_screen(runs, room)
    assert next(line for line in screen.splitlines() if "/" in line and "within" in line).startswith(best.variant)
    assert "models and their parameters" not in models_screen(runs, 40)


def test_lost_predictions_are_named(runs):
    """Not "accuracy is not measured": it was, and its file was not kept beside the run."""
    lost = tuple(replace(run, predictions="gone.parquet") for run in runs)
    text = render_selection_of(lost, select_models(lost, Aim()))

    assert " ".join(text.split()).startswith(
        f"accuracies cannot be compared: gone.parquet is not beside {runs[0].path.name} "
    )
    one = (*runs[:2], replace(runs[2], predictions="gone.parquet"))
    assert "accuracy of tiny is not measured: not judged" in models_screen(one)


def test_texts_are_said_to_be_cut_where_their_accuracy_was_measured(runs):
    """A checkpoint that takes 512 tokens may be scored at 128, as it was trained."""
    at = Workload(batch_size=8, sequence_length=2, padding="longest", threads=2)
    cut = [replace(one, workload=at) if one.metric == "accuracy" else one for one in runs[0].measurements]

    screen = models_screen((replace(runs[0], measurements=tuple(cut)), *runs[1:]))
    assert "100.0 % of texts cut to 2" in " ".join(screen.split())


def test_a_model_without_a_variant_of_its_plan_is_one_line(runs, tmp_path):
    saved = json.loads(runs[0].path.read_text())
    del saved["deploybench"]["models"][1]["variants"]["torch-eager"]
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(saved))

    with pytest.raises(RunFileError, match="no variant 'torch-eager' in a model whose plan names it"):
        read_runs(file)


def test_a_linear_model_beside_each_is_a_row_of_the_table_of_models():
    table = render_models(read_runs(STUDIES / "models" / "newsmix.json"), "csv", ["models"])
    rows = {row[0]: row for row in csv.reader(io.StringIO(table)) if row}

    for model in ("albert", "tinybert", "minilm"):
        assert rows[f"{model}/linear-tokens"][1] == "not measured: another model"
        assert 0.7 < float(rows[f"{model}/linear-tokens"][-1]) < 0.8
    text = render_models(read_runs(STUDIES / "models" / "newsmix.json"), "text", ["models"])
    assert "minilm/linear-tokens\N{DOUBLE DAGGER}" in text
    assert "and of another model (\N{DOUBLE DAGGER}) beside each" in " ".join(text.split())
