"""What a pull request is told: JUnit XML, Markdown for GitHub within its limits, annotations, and files."""

import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from deploybench.bench.cli import main
from deploybench.bench.compare.changes import Comparison
from deploybench.bench.compare.judging import Change
from deploybench.bench.compare.outcome import outcome_of
from deploybench.bench.report.messages.github import COMMENT, SUMMARY, annotation_lines, github_markdown
from deploybench.bench.report.messages.junit import render_junit
from deploybench.bench.runs.measurement import Workload
from deploybench.bench.runs.store import read_run, run_block

DATA = Path(__file__).parents[1] / "data"
SHORT = Workload(batch_size=8, sequence_length=128, padding="full", threads=1)
HOSTILE = "a|b `c` <img src=x> *d* [e](f)\r\n::error::g\x1b[31m\x00 & \"'\ud800\ufffe]]> % #1 @all"
WIDE = "<|*é真"
# Of junit-10.xsd, as Jenkins has it: the attributes and children of each element.
JUNIT = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time", "timestamp"}, {"testcase", "properties"}),
    "testcase": ({"name", "classname", "time"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "skipped": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "failure": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}


def row(verdict, variant="onnx-fp32", **changes):
    measured = verdict in ("better", "worse", "no detectable change")
    figures = {"base": 0.010, "contender": 0.012, "change": 0.2} if measured else {"base": 0.010, "contender": None}
    reason = "" if measured else f"why it is {verdict}"
    place = {"variant": variant, "metric": "latency", "workload": SHORT, "data": None}
    return Change(**{**place, **figures, "verdict": verdict, "reason": reason, **changes})


@pytest.fixture
def comparison():
    rows = (
        row("worse"),
        row("no detectable change", "torch-eager", contender=0.0101, change=0.01),
        row(
            "better",
            "small/openvino-int8",
            metric="artifact_size",
            workload=None,
            base=4e6,
            contender=1e6,
            change=-0.75,
        ),
        row("missing", "onnx-int8"),
        row("failed", "onnx-bf16"),
        row("not comparable", "small/openvino-int8"),
        row("new", "openvino-bf16", base=None, contender=0.010),
    )
    return Comparison(base="base.json", contender="contender.json", changes=rows, notes=("A note.",))


def many(count, name="onnx-fp32", verdicts=("worse", *["no detectable change"] * 19)):
    rows = tuple(row(verdicts[place % len(verdicts)], f"{name}-{place}") for place in range(count))
    return Comparison(base=name, contender=name, changes=rows, notes=(name,) * 3)


def golden(name, text):
    file = DATA / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8")


def markdown(comparison, most=COMMENT, size=len):
    return github_markdown(comparison, outcome_of(comparison.changes), most, size)


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def checked_junit(text):
    root = ET.fromstring(text.encode())
    for one in root.iter():
        attributes, children = JUNIT[one.tag]
        assert set(one.attrib) <= attributes
        assert {child.tag for child in one} <= children
    for one in (root, *root.iter("testsuite")):
        found = {name: str(len(list(one.iter(tag)))) for name, tag in (("tests", "testcase"), ("failures", "failure"))}
        assert {name: one.get(name) for name in found} == found
        assert one.get("errors") == str(len(list(one.iter("error"))))
    return root


def test_a_comment_looks_like_this(comparison):
    text = markdown(comparison)

    assert text == golden("compare-github.md", text)


def test_junit_looks_like_this(comparison):
    text = render_junit(comparison)
    checked_junit(text)

    assert text == golden("compare-junit.xml", text)


def test_missing_rows_are_skipped_where_they_do_not_fail(comparison):
    found = checked_junit(render_junit(comparison, lenient=True))

    assert [one.get("name") for one in found.iter("testcase") if one.find("skipped") is not None] == [
        "onnx-int8 latency 8×128",
        "small/openvino-int8 latency 8×128",
    ]
    assert len(list(found.iter("error"))) == 1


def test_names_of_users_are_no_markup(comparison):
    changes = tuple(replace(one, variant=HOSTILE, reason=HOSTILE) for one in comparison.changes)
    hostile = replace(comparison, base=HOSTILE, notes=(HOSTILE,), changes=changes)
    lines = markdown(hostile).splitlines()
    table = [line for line in lines if line.startswith("|")]

    assert len(table) == 2 * 2 + 5 + 7
    assert {len(cells(line)) for line in table} == {6}
    assert [line for line in lines if re.search("[<>]", line)] == [
        "<details><summary>All rows: 7</summary>",
        "</details>",
    ]
    assert not [line for line in lines if re.search(r"[`*\[\]\x00-\x1f]", line)]
    assert "@all" not in "".join(lines)
    assert not [line for line in annotation_lines(hostile) if re.search(r"[\x00-\x1f]|%(?!25|0A|0D)", line)]
    case = next(checked_junit(render_junit(hostile)).iter("testcase"))
    assert case.get("name").startswith("a|b `c` <img src=x> *d* [e](f)\\r\\n::error::g\\x1b")


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (1, "onnx-fp32"),
        (400, "onnx-fp32"),
        (5_000, "onnx-fp32"),
        (20_000, "onnx-fp32"),
        (1, WIDE * 200_000),
        (5_000, WIDE * 99),
    ],
    ids=["1", "400", "5000", "20000", "1 of a long name", "5000 of long names"],
)
@pytest.mark.parametrize(("most", "size"), [(COMMENT, len), (SUMMARY, lambda text: len(text.encode()))])
def test_github_takes_the_markdown_of_any_comparison(name, count, most, size):
    comparison = many(count, name)
    text = markdown(comparison, most, size)
    lines = text.splitlines()

    assert size(text) <= most
    assert lines[0].startswith("### deploybench: ")
    assert lines.count("</details>") == sum(line.startswith("<details>") for line in lines)
    cut = [line for line in lines if line.startswith("*Cut here")]
    whole = [line for line in lines if line.startswith("|") and "latency 8×128" in line]
    assert len(cut) == (len(whole) < count + sum(one.verdict == "worse" for one in comparison.changes))
    assert {len(cells(line)) for line in whole} == {6}
    if cut:
        assert size(text) > 0.98 * most  # no row is left out that fits


def test_nothing_is_written_where_nothing_fits(comparison):
    assert markdown(comparison, 10) == ""


def test_annotations_are_ten_at_most_the_worst_first(comparison):
    assert annotation_lines(comparison) == [
        "::error title=deploybench::slower: onnx-fp32 latency 8×128: 10.0 ms → 12.0 ms (+20.0 %25)",
        "::warning title=deploybench::failed: onnx-bf16 latency 8×128: why it is failed",
        "::warning title=deploybench::missing: onnx-int8 latency 8×128: why it is missing",
        "::warning title=deploybench::not comparable: small/openvino-int8 latency 8×128: why it is not comparable",
    ]
    lines = annotation_lines(many(30, verdicts=("worse", "missing")))
    assert len(lines) == 10
    assert all(line.startswith("::error ") for line in lines[:9])
    assert lines[9] == "::warning title=deploybench::21 more rows; the summary has them"


@pytest.fixture
def files(tmp_path):
    """Base and contender, whose artifacts are twice as large."""
    base = read_run(DATA / "run-schema-1.json")
    larger = tuple(
        replace(one, values=tuple(2 * value for value in one.values)) if one.metric == "artifact_size" else one
        for one in base.measurements
    )
    for name, run in (("base.json", base), ("contender.json", replace(base, measurements=larger))):
        (tmp_path / name).write_text(json.dumps({"deploybench": run_block(run)}))
    return [str(tmp_path / name) for name in ("base.json", "contender.json")]


def test_files_are_written_and_the_terminal_keeps_its_text(files, tmp_path, capsys):
    assert main(["compare", *files]) == 1
    text = capsys.readouterr().out
    output, junit = tmp_path / "comment.md", tmp_path / "rows.xml"
    flags = ["--format", "github", "--output", str(output), "--junit", str(junit)]

    assert main(["compare", *files, *flags]) == 1
    assert capsys.readouterr() == (text, "")  # outside GitHub Actions no annotations
    assert output.read_text().startswith("### deploybench: worse: ")
    assert checked_junit(junit.read_text()).get("failures") != "0"
    assert main(["compare", *files, "--format", "json", "-o", str(output)]) == 1
    assert json.loads(output.read_text())["exit_code"] == 1


def test_within_github_actions(files, tmp_path, monkeypatch, capsys):
    summary = tmp_path / "summary.md"
    summary.write_text("of an earlier command\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    assert main(["compare", *files, "--format", "github"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("### deploybench: worse: ")
    assert "::" not in out  # a comment may be made of it
    assert err.startswith("::error title=deploybench::larger: ")
    assert summary.read_text() == f"of an earlier command\n{out}"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert main(["compare", *files, "--format", "github"]) in (2, 3)
    assert capsys.readouterr().err.splitlines()[-1].startswith("deploybench: error: GITHUB_STEP_SUMMARY: ")


@pytest.mark.parametrize("flag", ["--output", "--junit"])
@pytest.mark.parametrize("command", ["compare", "duel"])
def test_a_file_that_cannot_be_made_is_refused_before_anything_is_done(command, flag, tmp_path, capsys):
    for place in (tmp_path, tmp_path / "none" / "file"):
        assert main([command, "no-such-a", "no-such-b", flag, str(place)]) == 2
        assert capsys.readouterr().err.startswith(f"deploybench: error: {flag}: {place} cannot be made, expected ")


def test_a_history_has_no_rows_to_test(tmp_path, capsys):
    assert main(["compare", "--history", str(tmp_path), "--format", "github"]) == 2
    assert capsys.readouterr().err.endswith(", --junit, --format github: '--format github'\n")
