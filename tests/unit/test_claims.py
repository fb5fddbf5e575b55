"""Claims about saved runs: what a file of them may say, and which of them hold."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from several import save_models
from shipped import ROOT, shipped

from deploybench.bench import cli
from deploybench.bench.analysis.accuracy_loss import accuracy_drops
from deploybench.bench.analysis.figures import figures
from deploybench.bench.compare.claims.claim import read_claims
from deploybench.bench.compare.claims.judge import judge_claim, judge_figure
from deploybench.bench.runs.predictions import read_scored
from deploybench.bench.runs.store import read_run

DATA = Path(__file__).parents[1] / "data"
CLAIMS = DATA / "claims.toml"
RUNS = {path.name[:4]: path for path in shipped("*/[0-9]*.json")}
RUN = RUNS["0025"]
VERDICTS = ["holds", "undecided", "fails", "holds", "holds", "not measured", "fails", "holds", "holds", "undecided"]
ORDER = ("fails", "undecided", "holds")


@pytest.fixture(scope="module")
def run():
    return read_run(RUN)


@pytest.fixture(scope="module")
def figure(run):
    return next(one for one in figures(run) if one.metric == "latency" and one.low is not None)


@pytest.fixture
def claim(tmp_path):
    """One claim from the lines of its table."""

    def made(*lines):
        file = tmp_path / "claims.toml"
        file.write_text("\n".join(["[[claim]]", *lines]), encoding="utf-8")
        [only] = read_claims(file)
        return only

    return made


def judged(capsys, *arguments):
    """Exit code and content of the JSON."""
    code = cli.main(["claims", *map(str, arguments), "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == code
    return code, found


def refused(capsys, *arguments):
    """The one line of a mistake."""
    assert cli.main(["claims", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    return line


def test_what_the_readmes_state_of_saved_runs_holds(capsys):
    code, found = judged(capsys, ROOT / "results" / "claims.toml")

    assert code == 0
    assert {one["run"][:4] for one in found["claims"]} == {"0022", "0024", "0025"}
    assert {one["verdict"] for one in found["claims"]} == {"holds"}


def test_every_verdict_on_a_saved_run(capsys):
    code, found = judged(capsys, CLAIMS, RUN)

    assert code == 1
    assert [one["verdict"] for one in found["claims"]] == VERDICTS


@pytest.mark.parametrize(("fmt", "golden"), [("text", "txt"), ("md", "md"), ("latex", "tex")])
def test_the_table_is_what_it_was(capsys, fmt, golden):
    assert cli.main(["claims", str(CLAIMS), str(RUN), "--format", fmt]) == 1
    text = capsys.readouterr().out

    assert text == (DATA / f"claims.{golden}").read_text(encoding="utf-8")
    assert fmt != "text" or max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("chosen", "expected"), [([1], 0), ([1, 4], 0), ([1, 2], 3), ([1, 6], 3), ([2, 6], 3), ([6, 2, 3, 1], 1)]
)
def test_the_exit_code_is_of_the_worst_verdict(capsys, tmp_path, chosen, expected):
    file, tables = tmp_path / "claims.toml", CLAIMS.read_text(encoding="utf-8").split("[[claim]]")
    file.write_text("".join(f"[[claim]]{tables[number]}" for number in chosen), encoding="utf-8")

    assert judged(capsys, file, RUN)[0] == expected


@given(
    ends=st.lists(st.floats(0.001, 10), min_size=3, max_size=3).map(sorted),
    limits=st.lists(st.floats(0, 11), min_size=2).map(sorted),
)
def test_a_verdict_moves_one_way_with_the_limit(run, ends, limits):
    low, value, high = ends
    one = replace(next(one for one in figures(run) if one.metric == "latency"), value=value, low=low, high=high)
    [base, *_] = read_claims(CLAIMS)

    def found(limit, operator):
        return ORDER.index(judge_figure(replace(base, operator=operator, limit=limit), one).verdict)

    upper, lower = ([found(limit, operator) for limit in limits] for operator in ("<=", ">="))
    assert upper == sorted(upper)
    assert lower == sorted(lower, reverse=True)
    assert (found(high, "<="), found(low, ">=")) == (2, 2)
    assert (found(low * 0.99, "<="), found(high * 1.01, ">=")) == (0, 0)
    assert low == high or (found(low, "<="), found(high, ">=")) == (1, 1)


@pytest.mark.parametrize(
    ("low", "high", "operator", "verdict"),
    [
        (0.01, None, "<=", "undecided"),
        (0.01, None, ">=", "undecided"),
        (0.3, None, "<=", "fails"),
        (0.3, None, ">=", "holds"),
        (None, None, "<=", "undecided"),
    ],
)
def test_an_end_that_is_unknown_decides_nothing(claim, figure, low, high, operator, verdict):
    one = claim('variant = "*"', f'latency = "{operator} 200 ms"')

    assert judge_figure(one, replace(figure, low=low, high=high)).verdict == verdict


def test_without_a_place_the_smallest_batch_and_the_longest_texts_are_meant(claim, run):
    [[latency], [memory]] = (
        judge_claim(claim('variant = "torch-eager"', bound), [run])
        for bound in ('latency = "<= 1 s"', 'peak_memory = "<= 1 GB"')
    )

    assert latency.findings[0].figure.workload.batch_size == 1
    assert memory.findings[0].figure.workload.sequence_length == 512


def test_a_pattern_is_about_every_variant_that_is_converted(claim, run):
    """Not about torch-eager, where the claim is relative to it, nor about another model, which a name alone means."""
    infos = {**run.variants, "torchscript": replace(run.variants["torchscript"], another_model=True)}
    run = replace(run, variants=infos)

    def names(pattern, bound):
        [one] = judge_claim(claim(f'variant = "{pattern}"', bound), [run])
        return {found.figure.variant for found in one.findings}

    others = {*run.plan.variants} - {"torchscript"}
    assert names("*", 'artifact_size = "<= 1 GB"') == others
    assert names("*", 'speed_up = ">= 1"') == others - {"torch-eager"}
    assert names("torchscript", 'speed_up = ">= 1"') == {"torchscript"}


def test_the_accuracy_loss_is_that_of_recommend(claim, run):
    drop = accuracy_drops(run, read_scored(run), on_each_set=False)["openvino-int8"][0]
    [one] = judge_claim(claim('variant = "openvino-int8"', 'accuracy_loss = "<= 1 %"'), [run])
    [finding] = one.findings

    assert (finding.figure.low, finding.figure.high) == (drop.least, drop.most)
    assert finding.figure.n == 672 + 466


def test_what_was_not_measured_has_the_reason_of_the_run(capsys, tmp_path):
    file = tmp_path / "claims.toml"
    bounds = {
        'variant = "torch-int8-dynamic"\nspeed_up = ">= 1"': "failed: not the same model as torch-eager",
        'variant = "torch-int8-dynamic"\naccuracy_loss = "<= 1 %"': "failed: not the same model as torch-eager",
        'variant = "openvino-int8-careful"\naccuracy = ">= 1 %"': "not in this run; its variants: torch-eager, ",
        'variant = "onnx-fp32"\nlatency = "<= 1 s"\nbatch_size = 64': "measured at 1x512, 8x512, 32x512 only",
        'variant = "onnx-fp32"\nlatency_p99 = "<= 1 s"': "fewer than 300 values",
        'variant = "onnx-fp32"\nserved_throughput = ">= 1 1/s"': "this run has no served_throughput",
    }
    file.write_text("".join(f"[[claim]]\n{lines}\n" for lines in bounds), encoding="utf-8")
    code, found = judged(capsys, file, RUN)

    assert code == 3
    for one, reason in zip(found["claims"], bounds.values(), strict=True):
        assert one["verdict"] == "not measured"
        assert one["findings"][0]["reason"].startswith(reason)


def test_a_run_without_predictions_cannot_say_what_accuracy_is_lost(capsys, tmp_path):
    shutil.copy(RUN, tmp_path)
    code, found = judged(capsys, CLAIMS, tmp_path)

    assert code == 1
    assert found["claims"][1]["findings"][0]["reason"] == "its predictions are not beside the run"


def test_a_history_is_judged_run_by_run(capsys, tmp_path):
    """The runs of the newest one's model; the others are named."""
    for number in ("0016", "0017", "0024", "0022"):
        shutil.copy(RUNS[number], tmp_path)
    file = tmp_path / "claims.toml"
    file.write_text('[[claim]]\nvariant = "openvino-fp32"\nload_time = "<= 200 ms"\n', encoding="utf-8")
    code, found = judged(capsys, file, "--history", tmp_path)
    cli.main(["claims", str(file), "--history", str(tmp_path)])
    text = capsys.readouterr().out

    assert code == max({"holds": 0, "undecided": 3}[one["verdict"]] for one in found["claims"])
    assert [one["run"][:4] for one in found["claims"]] == ["0016", "0017", "0024"]
    assert found["outcome"].startswith("1 claim, 3 runs: ")
    assert "left out: 1 file: " in text
    assert [line.split()[1] for line in text.splitlines() if line.startswith("1   ")] == ["0016", "0017", "0024"]


def test_a_run_of_several_models_needs_the_name_of_one(capsys, tmp_path):
    saved, file = save_models(tmp_path), tmp_path / "claims.toml"
    lines = '[[claim]]\nvariant = "openvino-int8"\nspeed_up = ">= 2.5"\n'
    file.write_text(lines, encoding="utf-8")

    assert "has 3 models; add model, or pass --model: albert, org/minilm, tiny" in refused(capsys, file, saved)
    assert "did you mean 'tiny'?" in refused(capsys, file, saved, "--model", "tyny")
    assert judged(capsys, file, saved, "--model", "tiny")[1]["claims"][0]["model"] == "tiny"
    file.write_text(f'{lines}model = "albert"\n', encoding="utf-8")
    code, found = judged(capsys, file, saved, "--model", "tiny")
    assert (code, found["claims"][0]["model"]) == (0, "albert")


BAD = {
    "": "holds no claim; expected one [[claim]] table or more",
    "x =": "cannot be read as TOML: ",
    'claim = "a"': "claim is 'a', expected array",
    '[[clam]]\nvariant = "*"': "unknown key 'clam'",
    '[[claim]]\nvariant = "*"\nvariant = "*"': "cannot be read as TOML: Cannot overwrite a value",
    '[[claim]]\nvariant = "*"': "claim 1: found no metric, expected one",
    '[[claim]]\nvariant = "*"\naccuracy = ">= 0"\nf1 = ">= 0"': "claim 1: found metrics accuracy, f1, expected one",
    '[[claim]]\nvariant = "*"\nacuracy = ">= 0"': "'acuracy' is no metric and no key; did you mean 'accuracy'? ",
    '[[claim]]\nvariant = "*"\nyardstick_fp32 = ">= 0 1/s"': "'yardstick_fp32' is no metric",
    '[[claim]]\nlatency = "<= 1 s"': "claim 1.variant is missing",
    '[[claim]]\nvariant = ""\nlatency = "<= 1 s"': "claim 1.variant is '', expected str of length >= 1",
    '[[claim]]\nvariant = "onnx-fp23"\nlatency = "<= 1 s"': "did you mean 'onnx-fp32'? ",
    '[[claim]]\nvariant = "*"\naccuracy = ">= 0"\nset = "newsmx"': "set is 'newsmx', which is unknown; did you mean 'newsmix'? ",
    '[[claim]]\nvariant = "*"\nrecall = ">= 0"\nlabel = "fkae"': "label is 'fkae', which is unknown; did you mean 'fake'? ",
    '[[claim]]\nvariant = "*"\noperator_time = "<= 1 s"': "label is missing; known: ",
    '[[claim]]\nvariant = "*"\nlatency = "<= 1"': "claim 1.latency is '<= 1', expected <= or >= with a number and unit",
    '[[claim]]\nvariant = "*"\nlatency = "<= 1 MB"': "'<= 10 s' or '<= 10 ms'",
    '[[claim]]\nvariant = "*"\nspeed_up = ">= 50 %"': "claim 1.speed_up is '>= 50 %'",
    '[[claim]]\nvariant = "*"\nlatency = "< 1 s"': "claim 1.latency is '< 1 s'",
    '[[claim]]\nvariant = "*"\nlatency = "<= nan s"': "claim 1.latency is '<= nan s'",
    '[[claim]]\nvariant = "*"\nlatency = 1.0': "claim 1.latency is 1.0, expected str",
    '[[claim]]\nvariant = "*"\nlatency = "<= 1 s"\nbatch_size = 0': "claim 1.batch_size is 0, expected int >= 1",
    '[[claim]]\nvariant = "*"\nlatency = "<= 1 s"\nset = "newsmix"': "found 'set', which latency does not have",
    '[[claim]]\nvariant = "*"\naccuracy = ">= 0"\nbatch_size = 8': "found 'batch_size', which accuracy does not have",
    '[[claim]]\nvariant = "*"\nlatency = "<= 1 s"\nrun = "none*"': "run is 'none*', which fits 0 files below",
    '[[claim]]\nvariant = "*"\nlatency = "<= 1 s"\nrun = "/none"': "run is '/none', which fits 0 files below",
    '[[claim]]\nvariant = "*"\nlatency = "<= 1 s"\nmodel = "none"': "claim 1: model: 'none' is not in ",
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD.items())
def test_a_file_that_is_not_valid_is_one_line(capsys, tmp_path, text, message):
    file = tmp_path / "claims.toml"
    file.write_text(text, encoding="utf-8")
    line = refused(capsys, file, RUN)

    assert line.startswith(f"deploybench: error: {file}: ")
    assert message in line


def test_a_run_that_fits_two_files_is_refused(capsys, tmp_path):
    file = tmp_path / "claims.toml"
    file.write_text('[[claim]]\nvariant = "*"\nlatency = "<= 1 s"\nrun = "00*"', encoding="utf-8")
    for number in ("0024", "0025"):
        shutil.copy(RUNS[number], tmp_path)

    assert "run is '00*', which fits 2 files below" in refused(capsys, file)


def test_a_mistake_of_the_command_is_one_line(capsys, tmp_path):
    assert "no such file" in refused(capsys, tmp_path / "none.toml", RUN)
    assert "cannot be read" in refused(capsys, tmp_path, RUN)
    assert "names no run; add run, or pass RUN" in refused(capsys, CLAIMS)
    assert "expected one of the two" in refused(capsys, CLAIMS, RUN, "--history", tmp_path)
    assert "is no folder" in refused(capsys, CLAIMS, "--history", RUN)
    assert "no saved run" in refused(capsys, CLAIMS, "--history", tmp_path)
