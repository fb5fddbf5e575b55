"""Figures in the formats of trackers: each is read by the rules of its own documentation."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from several import MODELS, VARIANTS, read_models

from deploybench.bench.cli import main
from deploybench.bench.report.formats.trackers import TRACKERS, render_tracker
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.store import SetInfo, read_run
from deploybench.exporters.errors import UserError

DATA = Path(__file__).parents[1] / "data"
HOSTILE = 'a"b\\c\n{d="e"} 真\x1b\ud800,#'
# https://prometheus.io/docs/specs/om/open_metrics_spec/, its ABNF, for gauges
NAME = "[a-zA-Z_][a-zA-Z0-9_]*"
LABEL = rf'({NAME})="((?:[^"\\\n]|\\[\\n"])*)"'
SAMPLE = re.compile(rf"({NAME})\{{({LABEL}(?:,{LABEL})*)\}} ([+-]?[0-9.]+(?:e[+-]?[0-9]+)?)")
METADATA = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)")


@pytest.fixture
def run():
    """Two variants; accuracy on two sets."""
    saved = read_run(DATA / "run-schema-1.json")
    names = ("torch-eager", "onnx-fp32")
    scored = Workload(batch_size=8, sequence_length=128, padding="longest", threads=2)
    accuracy = Measurement(variant="", metric="accuracy", workload=scored, values=(1.0, 0.0))
    accuracies = [
        replace(accuracy, variant=name, data=data, confusion=((right, 1), (1, 6)))
        for name in names
        for data, right in (("news", 8), ("posts", 2))
    ]
    kept = [one for one in saved.measurements if one.variant in names and one.metric != "accuracy"]
    sets = [SetInfo(name=name, rows=10, counts=(5, 5), sha256=name, summary="") for name in ("news", "posts")]
    return replace(
        saved,
        plan=replace(saved.plan, variants=names),
        checkpoint=replace(saved.checkpoint, labels=("real", "fake"), random_weights=False),
        sets=tuple(sets),
        measurements=(*kept, *accuracies),
    )


def openmetrics(text):
    """Families with their unit and samples, by the rules of the specification."""
    *lines, end = text.removesuffix("\n").split("\n")
    assert end == "# EOF"
    assert text.endswith("# EOF\n")
    families, current = {}, ""
    for line in lines:
        if found := METADATA.fullmatch(line):
            kind, name, said = found.groups()
            if name != current:
                assert name not in families  # the lines of a family are together
                families[name], current = {"samples": {}}, name
            assert kind not in families[name]
            assert not families[name]["samples"]  # metadata before samples
            families[name][kind] = said
        else:
            name, labels, *_, value = SAMPLE.fullmatch(line).groups()
            assert name == current
            pairs = [(one[0], one[1]) for one in re.findall(LABEL, labels)]
            assert len(dict(pairs)) == len(pairs)
            assert tuple(sorted(pairs)) not in families[name]["samples"]
            families[name]["samples"][tuple(sorted(pairs))] = float(value)
    for name, family in families.items():
        assert family["TYPE"] == "gauge"
        assert name.endswith(f"_{family['UNIT']}")
    return families


def bencher(text):
    """Benchmarks, by https://bencher.dev/bmf.json and the most characters of a name and of a slug."""
    content = json.loads(text)
    for name, measures in content.items():
        assert 0 < len(name) <= 1024
        for measure, metric in measures.items():
            assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", measure)
            assert len(measure) <= 64
            assert "value" in metric
            assert set(metric) <= {"value", "lower_value", "upper_value"}
            assert all(type(one) is float and math.isfinite(one) for one in metric.values())
    return content


def charted(text):
    """Entries of customSmallerIsBetter, each name once, because a chart is made of each."""
    content = json.loads(text)
    for one in content:
        assert {"name", "unit", "value"} <= set(one) <= {"name", "unit", "value", "range", "extra"}
        assert [type(one[key]) for key in ("name", "unit", "value")] == [str, str, float]
        assert type(one.get("range", "")) is str
    names = [one["name"] for one in content]
    assert len(set(names)) == len(names)
    return {one.pop("name"): one for one in content}


def leaves(node, *path):
    return {
        key: value
        for name, child in node.items()
        for key, value in (leaves(child, *path, name) if isinstance(child, dict) else {(*path, name): child}).items()
    }


def test_accuracy_memory_and_size_as_well_as_times(run):
    entries = charted(render_tracker([run], "github-action-benchmark"))
    units = {"latency 1x128": "ms", "artifact size": "MB", "load time": "ms"}
    assert {name: entries[f"torch-eager {name}"]["unit"] for name in units} == units
    assert entries["torch-eager error rate news"]["value"] == pytest.approx(2 / 16)
    assert entries["torch-eager error rate posts"]["value"] == pytest.approx(2 / 10)
    assert re.fullmatch(r"± [\d.]+", entries["torch-eager error rate news"]["range"])
    assert any("peak memory" in name for name in entries)

    benchmarks = bencher(render_tracker([run], "bencher"))
    nested = json.loads(render_tracker([run], "metrics-json"))["torch-eager"]
    seconds = nested["latency_seconds"]["1x128"]
    assert benchmarks["torch-eager 1x128"]["latency"]["value"] == pytest.approx(1e9 * seconds)  # its latency is in ns
    assert benchmarks["torch-eager"]["file-size"]["value"] == nested["artifact_size_bytes"]
    accuracy = benchmarks["torch-eager news"]["accuracy"]
    assert accuracy["lower_value"] < accuracy["value"] == nested["accuracy"]["news"] < accuracy["upper_value"]
    assert entries["torch-eager latency 1x128"]["value"] == pytest.approx(1e3 * seconds)

    families = openmetrics(render_tracker([run], "openmetrics"))
    assert {"deploybench_latency_seconds", "deploybench_accuracy_ratio", "deploybench_accuracy_low_ratio"} <= set(
        families
    )
    labels = {"model": run.checkpoint.name, "variant": "torch-eager", "data": "news"}
    found = families["deploybench_accuracy_ratio"]["samples"][tuple(sorted(labels.items()))]
    assert found == accuracy["value"]


def test_every_format_has_every_figure(run):
    nested = leaves(json.loads(render_tracker([run], "metrics-json")))
    families = openmetrics(render_tracker([run], "openmetrics"))

    assert len(charted(render_tracker([run], "github-action-benchmark"))) == len(nested)
    assert sum(map(len, bencher(render_tracker([run], "bencher")).values())) == len(nested)
    values = [len(one["samples"]) for name, one in families.items() if not re.search("_(low|high)_[a-z]+$", name)]
    assert sum(values) == len(nested)


def test_several_models_are_told_apart(tmp_path):
    runs = read_models(tmp_path)
    nested = json.loads(render_tracker(runs, "metrics-json"))

    assert {name: tuple(variants) for name, variants in nested.items()} == dict.fromkeys(MODELS, tuple(VARIANTS))
    assert len(charted(render_tracker(runs, "github-action-benchmark"))) == len(leaves(nested))
    assert "tiny/openvino-int8" in bencher(render_tracker(runs, "bencher"))
    [family] = [one for name, one in openmetrics(render_tracker(runs, "openmetrics")).items() if "size" in name]
    assert {dict(labels)["model"] for labels in family["samples"]} == set(MODELS)


@pytest.mark.parametrize("fmt", TRACKERS)
def test_names_of_users_break_no_format(run, fmt):
    sets = tuple(replace(one, name=f"{HOSTILE}{one.name}") for one in run.sets)
    renamed = tuple(replace(one, data=f"{HOSTILE}{one.data}" if one.data else None) for one in run.measurements)
    hostile = replace(
        run, sets=sets, measurements=renamed, checkpoint=replace(run.checkpoint, name=HOSTILE), path=Path("run.json")
    )
    text = render_tracker([hostile], fmt)
    read = {"openmetrics": openmetrics, "bencher": bencher, "github-action-benchmark": charted}.get(fmt, json.loads)

    assert read(text)
    text.encode()


@pytest.mark.parametrize("fmt", TRACKERS)
def test_a_run_without_values_is_refused_in_one_line(run, fmt):
    with pytest.raises(UserError, match=f"--format {fmt}: .* has no figure with a value, expected one; measure again"):
        render_tracker([replace(run, measurements=())], fmt)


@pytest.mark.parametrize("fmt", TRACKERS)
def test_the_command_knows_every_format(fmt, capsys):
    assert main(["report", str(DATA / "run-schema-1.json"), "--format", fmt]) == 0
    assert capsys.readouterr().out.startswith(("{", "[", "# TYPE"))


def test_the_command_writes_a_file(tmp_path, capsys):
    file = tmp_path / "metrics.txt"

    assert main(["report", str(DATA / "run-schema-1.json"), "--format", "openmetrics", "-o", str(file)]) == 0
    assert openmetrics(file.read_text())
    assert capsys.readouterr().out == ""
