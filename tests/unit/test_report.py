"""Tables of a saved run, in every format.

The expected texts are ``tests/data/report.*``; after a wanted change write them anew and read their diff:
``UPDATE_GOLDEN=1 pytest tests/unit/test_report.py``.
"""

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from deploybench.bench.analysis.figures import figures
from deploybench.bench.commands.common import print_runs
from deploybench.bench.report.formats.terminal import coloured
from deploybench.bench.report.render import render
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.store import VariantInfo, read_run

DATA = Path(__file__).parents[1] / "data"
GOLDEN = {"text": "report.txt", "md": "report.md", "csv": "report.csv", "latex": "report.tex", "json": "report.json"}
TEXT_FORMATS = ("text", "md", "csv", "latex")
HOSTILE = "=1+1|\x1b[31m\r\n\u202e<b>&%_"


@pytest.fixture
def run():
    return read_run(DATA / "run-schema-1.json")


def find(run, **places):
    """The one figure at these places."""
    [figure] = [
        figure for figure in figures(run) if all(getattr(figure, name) == place for name, place in places.items())
    ]
    return figure


def change(run, variant, metric, **changes):
    """The run with another measurement, or several, of one metric."""
    changed = tuple(
        replace(found, **changes) if (found.variant, found.metric) == (variant, metric) else found
        for found in run.measurements
    )
    return replace(run, measurements=changed)


def with_labels(run, *labels):
    """The run of a classifier with these labels, every matrix with a strong diagonal."""
    size = len(labels)
    matrix = tuple(tuple(20 if row == column else row + column for column in range(size)) for row in range(size))
    measurements = tuple(replace(found, confusion=matrix if found.confusion else ()) for found in run.measurements)
    return replace(run, checkpoint=replace(run.checkpoint, labels=labels), measurements=measurements)


def with_sets(run, *names):
    """The run with its set under several names, scored alike."""
    sets = tuple(replace(run.sets[0], name=name) for name in names)
    others = [found for found in run.measurements if not found.data]
    scored = [replace(found, data=name) for found in run.measurements if found.data for name in names]
    return replace(run, sets=sets, measurements=(*others, *scored))


def with_yardsticks(run):
    """The run as it is made today: its operations counted, the machine's yardsticks read before and after."""
    rates = {
        "fp32": (9e10, 11e10),
        "bf16": (4e11, 4e11),
        "int8": (8e11, 8e11),
        "copy": (9e9, 9e9),
        "python": (2e7, 2e7),
    }
    read = [
        Measurement(variant="machine", metric=f"yardstick_{name}", values=values, launches=(0, 1))
        for name, values in rates.items()
    ]
    return replace(run, operations={"1x128": 1e10, "8x128": 8e10}, measurements=(*run.measurements, *read))


@pytest.mark.parametrize("fmt", GOLDEN)
def test_report_looks_like_this(run, fmt):
    golden = DATA / GOLDEN[fmt]
    text = render(run, fmt)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert golden.read_text(encoding="utf-8") == text


# figures


def test_every_variant_has_the_same_cells(run):
    cells = {}
    for figure in figures(run):
        workload = None if figure.data else figure.workload
        cells.setdefault(figure.variant, []).append((figure.metric, workload, figure.data, figure.label))

    assert list(run.plan.variants) == list(cells)
    assert all(one == other for one, other in pairwise(cells.values()))
    assert len(set(cells["torch-eager"])) == len(cells["torch-eager"])


def test_every_cell_has_a_value_or_a_reason(run):
    for figure in figures(replace(run, measurements=run.measurements[::2])):
        assert (figure.value is None) == bool(figure.reason) == (figure.status != "ok")
        assert (figure.low is None) == (figure.high is None)


def test_cell_without_measurement_was_not_run(run):
    figure = find(replace(run, measurements=()), variant="torch-eager", metric="load_time")

    assert (figure.status, figure.reason, figure.n) == ("not_measured", "not run", 0)


def test_failed_variant_has_its_reason_in_every_cell(run):
    reasons = {(figure.status, figure.reason) for figure in figures(run) if figure.variant == "torchscript"}

    assert {("failed", run.variants["torchscript"].failed)} == reasons


def test_failed_measurement_fails_its_cell_and_what_follows_from_it(run):
    run = change(run, "onnx-fp32", "latency", status="failed", reason="worker died")
    failed = {
        figure.metric for figure in figures(run) if figure.variant == "onnx-fp32" and figure.reason == "worker died"
    }

    spread = {"latency", "latency_mean", "latency_p90", "latency_p95", "latency_p99", "latency_max", "cpu_time"}
    assert {*spread, "throughput", "achieved", "yardstick_share"} == failed


def test_random_weights_have_no_accuracy(run):
    run = replace(run, checkpoint=replace(run.checkpoint, random_weights=True))
    scored = [figure for figure in figures(run) if figure.data and figure.variant != "torchscript"]

    assert {("not_measured", "random weights", None)} == {(each.status, each.reason, each.value) for each in scored}
    assert find(run, variant="torch-eager", metric="load_time").value is not None


def test_high_latency_is_low_throughput(run):
    workload = Workload(batch_size=8, sequence_length=128, padding="full", threads=2)
    latency = find(run, variant="onnx-fp32", metric="latency", workload=workload)
    throughput = find(run, variant="onnx-fp32", metric="throughput", workload=workload)

    assert 8 / latency.value == throughput.value
    assert (8 / latency.high, 8 / latency.low) == (throughput.low, throughput.high)
    assert throughput.low < throughput.value < throughput.high


def test_latency_of_nothing_is_no_throughput(run):
    run = change(run, "onnx-fp32", "latency", values=(0.0,), launches=(), blocks=())
    throughput = [figure for figure in figures(run) if (figure.variant, figure.metric) == ("onnx-fp32", "throughput")]

    assert {"latency is below what the clock can tell"} == {figure.reason for figure in throughput}
    assert "needs the latency of torch-eager" in render(run, "text", ["summary"])


def test_time_per_sample_is_derived(run):
    whole = find(run, variant="onnx-fp32", metric="scoring_time")

    assert find(run, variant="onnx-fp32", metric="scoring_time_per_sample").value == whole.value / 268


def test_accuracy_without_a_matrix_is_not_measured(run):
    figure = find(change(run, "onnx-fp32", "accuracy", confusion=()), variant="onnx-fp32", metric="accuracy")

    assert figure.reason == "no confusion matrix was saved"


# tables


@pytest.mark.parametrize("fmt", TEXT_FORMATS)
def test_reference_that_failed_leaves_no_speed_up(run, fmt):
    info = replace(run.variants["torch-eager"], failed="out of memory")
    text = render(replace(run, variants={**run.variants, "torch-eager": info}), fmt, ["summary"])

    assert "needs the latency of torch-eager" in text
    assert "out of memory" in text


def test_notes_say_what_is_empty_and_why(run):
    run = change(run, "openvino-fp32", "peak_memory", status="failed", reason="worker died: killed by signal 9")
    run = replace(run, checkpoint=replace(run.checkpoint, random_weights=True))
    text = render(run, "md", ["summary"])

    assert "- failed: openvino-fp32: peak memory: worker died: killed by signal 9\n" in text
    assert (
        text.count("| random weights | random weights | random weights |") == len(run.plan.variants) - 1
    )  # one failed
    assert "random weights, so accuracy means nothing" in text
    assert text.count(run.variants["torchscript"].failed.replace("|", "&#124;")) == 1


def test_demonstration_says_that_it_is_one(run):
    run = replace(run, checkpoint=replace(run.checkpoint, demonstration=True))

    for fmt in ("md", "latex"):
        assert "demonstration, trained on a made-up corpus: its accuracy says nothing about real texts" in render(
            run, fmt
        )


def test_run_without_sets_says_so(run):
    run = replace(run, sets=())
    text = render(run, "text")
    tidy = json.loads(render(run, "json"))
    accuracies = [figure for figure in tidy if figure["metric"] == "accuracy" and figure["status"] != "failed"]

    assert "torch-eager          no labelled set  no labelled set  no labelled set\n" in text
    assert "Accuracy on" not in text
    assert {(figure["value"], figure["status"], figure["reason"], figure["data"]) for figure in accuracies} == {
        (None, "not_measured", "no labelled set", None)
    }


def test_random_weights_without_sets_say_random_weights(run):
    run = replace(run, sets=(), checkpoint=replace(run.checkpoint, random_weights=True))

    assert "torch-eager          random weights  random weights  random weights\n" in render(run, "text")


def test_summary_has_a_column_for_each_set(run):
    text = render(with_sets(run, "newsmix", "politifact"), "csv", ["summary"])

    assert text.startswith("variant,accuracy_newsmix,accuracy_politifact,F1,recall_fake,latency_s,")


@pytest.mark.parametrize("number", [3, 4, 5])
def test_more_labels_have_recalls_instead_of_error_rates(run, number):
    labels = ("world", "sports", "business", "science", "art")[:number]
    text = render(with_labels(run, *labels), "csv", ["accuracy"])

    assert "recall_sports" in text
    assert "FPR" not in text
    assert ("world_as_sports" in text) == (number < 5)


# variants that are not what they are called


PROBLEM = "runs bf16 in 100 % of its multiply-adds, called fp32"


@pytest.fixture
def cautioned(run):
    """A run in which OpenVINO chose its precision, PyTorch's int8 left a layer out, and ONNX Runtime was not watched."""
    found = {
        "torch-eager": {"executed": {"fp32": 4e10}, "executed_attention": {"fp32": 5e9}},
        "torch-int8-dynamic": {"executed": {"int8": 39e9, "fp32": 1e9}, "executed_attention": {"fp32": 5e9}},
        "onnx-fp32": {"executed_unknown": "the worker was killed by signal 9"},
        "openvino-fp32": {
            "executed": {"bf16": 4e10},
            "executed_attention": {"bf16": 5e9},
            "executed_problem": PROBLEM,
        },
    }
    changed = {name: replace(run.variants[name], **facts) for name, facts in found.items()}
    return replace(run, variants={**run.variants, **changed})


@pytest.mark.parametrize("fmt", ["text", "md", "latex"])
def test_a_variant_that_is_not_what_it_is_called_is_marked_in_every_table(cautioned, fmt):
    text = render(cautioned, fmt)
    plain = text.replace("\\", "")

    assert plain.count("openvino-fp32! ") >= 4
    assert "openvino-int8!" not in plain
    assert f"! openvino-fp32: {PROBLEM}" in plain


def test_what_ran_is_said_under_the_tables(cautioned):
    notes = render(cautioned, "md", ["summary"]).splitlines()

    assert "- executed in fp32: torch-eager" in notes
    assert "- executed in int8: torch-int8-dynamic (2.5 % fp32, attention fp32)" in notes
    assert "- executed in bf16: openvino-fp32" in notes
    assert "- executed number format unknown: onnx-fp32: the worker was killed by signal 9" in notes


def test_programs_read_the_caution_beside_the_name(cautioned):
    frame = pd.read_csv(io.StringIO(render(cautioned, "csv", ["summary"]))).set_index("variant")
    cells = [cell for cell in json.loads(render(cautioned, "json")) if cell["variant"].startswith("openvino")]

    assert frame["caution"].dropna().to_dict() == {"openvino-fp32": PROBLEM}
    assert {(cell["variant"], cell["caution"]) for cell in cells} == {("openvino-fp32", PROBLEM), ("openvino-int8", "")}


def test_the_summary_with_marks_is_one_block(cautioned):
    info = replace(cautioned.variants["torch-int8-dynamic"], executed_problem="only 12 %")
    text = render(replace(cautioned, variants={**cautioned.variants, "torch-int8-dynamic": info}), "text", ["summary"])

    assert sum(line.startswith("-----") for line in text.splitlines()) == 1
    assert "torch-int8-dynamic†! " in text
    assert max(map(len, text.splitlines())) <= 80


def test_marked_rows_are_red_and_nothing_else_changes(cautioned):
    text = render(cautioned, "text")
    red = coloured(text, cautioned.plan.variants)

    assert re.findall(r"\x1b\[31m(.*?)\x1b\[0m", red).count("openvino-fp32!") == text.count("openvino-fp32! ")
    assert re.sub(r"\x1b\[\d+m", "", red) == text
    assert f"\x1b[31m! openvino-fp32: {PROBLEM}\x1b[0m\n" in red


@pytest.mark.parametrize(("looked_at", "no_colour"), [(True, ""), (True, "1"), (False, "")])
def test_colour_is_for_terminals_only(cautioned, capsys, monkeypatch, looked_at, no_colour):
    monkeypatch.setattr("sys.stdout.isatty", lambda: looked_at, raising=False)
    monkeypatch.setenv("NO_COLOR", no_colour)
    print_runs((cautioned,), ["summary"])

    assert ("\x1b[31m" in capsys.readouterr().out) == (looked_at and not no_colour)


# yardsticks


def test_what_was_achieved_is_held_against_the_yardstick_of_the_precision_that_ran(run):
    run = with_yardsticks(run)
    info = replace(run.variants["openvino-fp32"], executed={"bf16": 3.0, "fp32": 1.0})
    run = replace(run, variants={**run.variants, "openvino-fp32": info})
    workload = Workload(batch_size=8, sequence_length=128, padding="full", threads=2)
    for variant, peak in {"torch-eager": 10e10, "openvino-fp32": 4e11, "openvino-int8": 8e11}.items():
        latency = find(run, variant=variant, metric="latency", workload=workload)
        achieved = find(run, variant=variant, metric="achieved", workload=workload)
        share = find(run, variant=variant, metric="yardstick_share", workload=workload)

        assert achieved.value == pytest.approx(8e10 / latency.value)
        assert share.value == pytest.approx(achieved.value / peak)
        assert (share.low, share.high) == pytest.approx((8e10 / latency.high / peak, 8e10 / latency.low / peak))


def test_a_precision_without_a_yardstick_has_no_share(run):
    run = with_yardsticks(run)
    info = replace(run.variants["onnx-fp32"], precision="fp16")
    text = render(replace(run, variants={**run.variants, "onnx-fp32": info}), "text", ["roofline"])

    assert "not measured: onnx-fp32: share batch 1, share batch 8: no yardstick of fp16" in " ".join(text.split())


def test_the_roofline_names_its_yardsticks(run):
    text = render(with_yardsticks(run), "md", ["roofline"])

    assert "### Operations per second by batch size, 128 tokens, 2 threads" in text
    assert "| torch-eager         |                       65.5 |                       71.5 |" in text
    assert (
        "- yardsticks of the machine, median of 2 readings: fp32 100 Gop/s, bf16 400 Gop/s, int8 800 Gop/s, "
        "memory copy 9.00 GB/s, passes of a Python loop 20.0 M/s\n"
    ) in text


@pytest.mark.parametrize("sizes", [(1, 8), (1, 8, 32), (1, 2, 4, 8, 16, 32)])
def test_the_roofline_fits_a_terminal(run, sizes):
    run = with_yardsticks(replace(run, plan=replace(run.plan, batch_sizes=sizes)))

    assert max(map(len, render(run, "text", ["roofline"]).splitlines())) <= 80


def test_a_run_of_an_earlier_day_has_no_roofline(run):
    reasons = {one.reason for one in figures(run) if one.metric in ("achieved", "yardstick_share")}

    assert "Operations per second by batch size" not in render(run, "text")
    assert reasons == {"operations were not counted", run.variants["torchscript"].failed}


def test_the_machine_is_no_variant(run):
    run = with_yardsticks(run)

    assert "machine" not in {one.variant for one in figures(run)}


# terminal


def wide_runs(run):
    """Runs that are hard to fit: large numbers, many sizes, sets, labels, failures."""
    large = tuple(
        replace(found, values=tuple(value * 9.7 for value in found.values))  # noqa: PD011 - no data frame
        if found.variant == "torch-eager" and found.metric != "accuracy"
        else found
        for found in run.measurements
    )
    yield replace(run, measurements=large)
    yield with_sets(run, "newsmix", "external_politifactpp", "covid_constraint")
    yield with_labels(run, "world", "sports", "business", "science")
    yield with_labels(run, "world", "x" * 100)
    yield replace(run, plan=replace(run.plan, batch_sizes=(1, 2, 4, 8, 16, 32), sequence_lengths=(64, 128, 256, 512)))
    yield replace(run, variants={name: replace(info, failed="because " * 40) for name, info in run.variants.items()})
    for metric in ("latency", "accuracy", "peak_memory", "artifact_size", "load_time"):
        yield change(run, "torch-int8-dynamic", metric, status="failed", reason="worker died")


@pytest.mark.parametrize("index", range(11))
def test_text_fits_a_terminal(run, index):
    text = render([*wide_runs(run)][index], "text")

    assert max(map(len, text.splitlines())) <= 80
    assert all(line == line.rstrip() for line in text.splitlines())


def test_summary_is_one_block_of_text(run):
    """Also with numbers as large as they come and a failure in a narrow column."""
    for hard in (run, next(wide_runs(run)), change(run, "onnx-fp32", "artifact_size", status="failed", reason="no")):
        lines = render(hard, "text", ["summary"]).splitlines()

        assert sum(line.startswith("-----") for line in lines) == 1
        assert sum(line.startswith(run.plan.variants) for line in lines) == 7


def test_decimals_line_up(run):
    lines = render(run, "text", ["summary"]).splitlines()
    rows = [line for line in lines if line.startswith(("onnx", "openvino", "torch-"))]
    points = [{match.start() for match in re.finditer(r"\.", row)} for row in rows]

    assert len(rows) == 6
    assert len(points[0]) == 9
    assert all(points[0] == each for each in points)


# csv

WHOLE = ("summary", "batch", "roofline", "sequence", "accuracy")  # the sample, of an early day, fills them
OF_SAMPLE = 9  # those without roofline, memory, two of timing, and errors and groups of its one set


def test_one_csv_table_loads_in_pandas(run):
    run = replace(run, plan=replace(run.plan, variants=tuple(v for v in run.plan.variants if v != "torchscript")))
    for name in WHOLE:
        frame = pd.read_csv(io.StringIO(render(with_yardsticks(run), "csv", [name])))

        assert list(run.plan.variants) == frame["variant"].tolist()
        assert all(pd.api.types.is_numeric_dtype(frame[column]) for column in frame.columns[1:])


def test_csv_is_in_si_units_and_empty_cells_have_reasons(run):
    frame = pd.read_csv(io.StringIO(render(run, "csv", ["summary"]))).set_index("variant")
    latency = figures(run)[0].value

    assert latency == pytest.approx(float(frame.loc["torch-eager", "latency_s"]))
    assert int(frame.loc["torch-eager", "size_on_disk_B"]) == 46_740_000
    assert f"failed: {run.variants['torchscript'].failed}" == frame.loc["torchscript", "latency_s"]


def test_several_csv_tables_have_titles_and_a_blank_line_between_them(run):
    parts = render(run, "csv").split("\n\n")

    assert len(parts) == OF_SAMPLE
    assert parts[1].splitlines()[0] == '"Latency and throughput by batch size, 128 tokens, 2 threads"'
    assert all(part.splitlines()[1].startswith("variant,") for part in parts)


# names that anybody may have chosen


@pytest.fixture
def hostile(run):
    run = with_sets(with_labels(run, "@real", HOSTILE), HOSTILE)
    checkpoint = replace(run.checkpoint, name=HOSTILE, model_type=HOSTILE)
    failed = VariantInfo(runtime="torch", precision="fp32", failed=HOSTILE, deprecated=HOSTILE)
    sets = (replace(run.sets[0], summary=HOSTILE),)
    variants = {**run.variants, "torchscript": failed}
    return replace(run, checkpoint=checkpoint, sets=sets, variants=variants, environment={"cpu": HOSTILE})


@pytest.mark.parametrize("fmt", GOLDEN)
def test_no_control_character_reaches_a_terminal(hostile, fmt):
    text = render(hostile, fmt)

    assert all(letter.isprintable() for line in text.split("\n") for letter in line)


def test_no_csv_cell_starts_a_formula(hostile):
    rows = csv.reader(io.StringIO(render(hostile, "csv")))

    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert "'@real_as_@real" in render(hostile, "csv")


def test_markdown_rows_have_as_many_cells_as_their_head(hostile):
    tables = re.findall(r"(?:^\|.*\n)+", render(hostile, "md"), flags=re.MULTILINE)

    assert len(tables) == OF_SAMPLE
    assert all(len({line.count("|") for line in table.splitlines()}) == 1 for table in tables)
    assert "<" not in render(hostile, "md")


def test_latex_is_escaped_and_closed(hostile):
    text = render(hostile, "latex")
    opened, closed = re.findall(r"\\begin\{(\w+)\}", text), re.findall(r"\\end\{(\w+)\}", text)
    rows = re.findall(r"\\begin\{tabular\}\{(\w+)\}.*?\\midrule(.*?)\\bottomrule", text, flags=re.DOTALL)
    plain = re.sub(
        r"\\ensuremath\{[<>|]\}|\\wd0>|\\[&%$#_{}^~]|\\\\|\\\w+", "", text.partition("\n")[2]
    )  # without its commands

    assert sorted(opened) == sorted(closed)
    assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}")
    assert not set(plain) & set("%$#_^~\\|<>")
    assert plain.isascii()
    for columns, body in rows:
        cells = {len(re.findall(r"(?<!\\)&", line)) for line in body.splitlines() if line.endswith(r"\\")}
        assert {len(columns) - 1} == cells


# tidy list


def test_json_is_a_tidy_list(run):
    cells = json.loads(render(run, "json", []))
    keys = [
        *("variant", "metric", "value", "unit", "low", "high", "n"),
        *("status", "reason", "workload", "data", "label", "caution"),
    ]

    assert len(figures(run)) == len(cells)
    assert all(keys == list(cell) for cell in cells)
    assert {("batch_size", "sequence_length", "padding", "threads", "instances")} == {
        tuple(cell["workload"]) for cell in cells if cell["workload"]
    }


def test_json_keeps_names_as_they_are(hostile):
    text = render(hostile, "json")

    assert text.isascii()
    assert HOSTILE in {cell["data"] for cell in json.loads(text)}


@pytest.mark.process
def test_reading_and_importing_is_light():
    code = "import sys, deploybench.bench.report.render, deploybench.bench.runs.store; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"torch", "onnxruntime", "openvino", "pandas", "tabulate", "transformers"} & set(modules)


def test_every_object_of_the_tidy_json_has_the_same_keys(run):
    tidy = json.loads(render(run, "json"))

    assert len({tuple(figure) for figure in tidy}) == 1
    assert {tuple(figure["workload"]) for figure in tidy} == {
        ("batch_size", "sequence_length", "padding", "threads", "instances")
    }
