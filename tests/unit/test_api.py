"""``import deploybench``: the same answers as the commands give, for programs and notebooks."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from several import save_models
from shipped import shipped

import deploybench
from deploybench.bench import cli
from deploybench.bench.api import run as api_run
from deploybench.bench.api.child import in_child
from deploybench.bench.api.flags import keywords_named, parsed
from deploybench.bench.machine.alone import HELD, alone
from deploybench.bench.report.formats.fragment import fragment
from deploybench.exporters.errors import DiskFullError

SHIPPED = {path.name[:4]: path for path in shipped("Linux-*/*.json")}


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """The file of a run of several models."""
    return save_models(tmp_path_factory.mktemp("several"))


def one_line(raised):
    """The message of a UserError."""
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.process
@pytest.mark.parametrize("module", ["deploybench", "deploybench.exporters.artifacts.catalogue"])
def test_workers_import_nothing_of_it(module):
    told = f"import sys, {module}; print([name for name in sys.modules if name.startswith('deploybench.bench')])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_every_name_is_there_and_no_other():
    assert all(callable(getattr(deploybench, name)) for name in deploybench.__all__)
    assert {*deploybench.__all__} <= {*dir(deploybench)}
    with pytest.raises(AttributeError, match="'deploybench' has no attribute 'rum'"):
        _ = deploybench.rum


def test_a_saved_run_says_what_failed():
    run = deploybench.read_run(SHIPPED["0025"])

    assert run.path == SHIPPED["0025"]
    assert "onnx-int8-dynamic" in run.variants
    assert run.failed["torch-int8-dynamic"].startswith("not the same model as torch-eager")
    assert run.exit_code == 1
    assert "\ntake openvino-int8-bf16" in str(run)


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({"checkpoint": "my-albert"}, {"checkpoint": ["my-albert"]}),
        ({"checkpoint": Path("my=albert")}, {"checkpoint": ["my=albert"]}),
        ({"checkpoint": {"a": "x", "b": "y"}}, {"checkpoint": ["a=x", "b=y"]}),
        ({"sets": {"test": Path("test.csv")}}, {"external": ["test=test.csv"]}),
        ({"variants": ["onnx-fp32", "openvino-int8"]}, {"variants": ("onnx-fp32", "openvino-int8")}),
        ({"variants": "onnx-fp32,openvino-int8"}, {"variants": ("onnx-fp32", "openvino-int8")}),
        ({"batch_sizes": [8, 1]}, {"batch_sizes": (1, 8)}),
        ({"plugins": ["a.b", "c"]}, {"plugin": ["a.b", "c"]}),
        (
            {"budget": 90, "threads": None, "resume": False},
            {"time_budget": 90.0, "threads": None, "resume": False},
        ),
        ({"drop_bad_rows": True}, {"drop_bad_rows": True}),
    ],
)
def test_keyword_arguments_are_read_as_flags(given, flags):
    found = vars(parsed(given))

    assert {name: found[name] for name in flags} == flags


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"threads": 0}, "threads: found '0', expected a whole number from 1 to "),
        ({"budget": "3m"}, "budget: found '3m', expected a number above 0 such as 180"),
        ({"sets": {"a/b": "x.csv"}}, "sets: 'a/b' is no name, expected one without = and /; rename it"),
        ({"sets": {"": "x.csv"}}, "sets: '' is no name, "),
        ({"checkpoint": {1: "x"}}, "checkpoint: 1 is no name, "),
    ],
)
def test_mistakes_in_them_are_one_line(given, line):
    with pytest.raises(deploybench.UserError) as raised:
        parsed(given)

    assert one_line(raised).startswith(line)


@pytest.mark.parametrize(
    ("call", "near", "names"),
    [
        (lambda: deploybench.run("albert", budgt=1), "budget", "checkpoint sets budget plugins results drop_bad_rows"),
        (lambda: deploybench.run("albert", external="x.csv"), "sets", "sets"),
        (lambda: deploybench.run("albert", result="x"), "results", "results"),
        (
            lambda: deploybench.score("in.csv", "out.parquet", variant="onnx-fp32", max_memory=1),
            "max_memory_mb",
            "file output variant max_memory_mb plugins text_columns",
        ),
    ],
)
def test_an_unknown_option_is_told_the_names_of_python(call, near, names):
    with pytest.raises(deploybench.UserError, match=f"unknown; did you mean '{near}'. known: ") as raised:
        call()
    known = one_line(raised).rpartition("known: ")[2].split(", ")

    assert {*names.split()} <= {*known}
    assert not {"external", "time_budget", "plugin", "options"} & {*known}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("--time-budget: found 0; --external [NAME=]FILE", "budget: found 0; sets [NAME=]FILE"),
        (
            "--text-columns: found '--plugin', expected (--plugin) a-b",
            "text_columns: found '--plugin', expected (plugins) a-b",
        ),
        ("x: no artifact; expected that of: deploybench recommend RUN --copy-to DIR", None),
    ],
)
def test_a_message_names_keywords_and_a_command_its_flags(said, told):
    with pytest.raises(DiskFullError) as raised, keywords_named():
        raise DiskFullError(said)

    assert str(raised.value) == (told or said)


@pytest.mark.process
def test_a_message_of_the_child_names_keywords():
    with pytest.raises(deploybench.UserError) as raised:
        deploybench.run("nowhere", real="real.csv")

    assert one_line(raised) == "real: was given without fake; pass both, or one labelled file"


@pytest.mark.process
def test_a_mistake_in_the_child_is_raised_here():
    with pytest.raises(LookupError, match="unknown variant 'onnx-fp23'; did you mean 'onnx-fp32'?") as raised:
        deploybench.run("nowhere", variants=["onnx-fp23"])

    assert isinstance(raised.value, deploybench.UserError)
    assert one_line(raised)


@pytest.mark.process
def test_the_child_may_ask_the_hub_and_shares_the_lock(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    assert (in_child(os.getenv, "HF_HUB_OFFLINE"), in_child(os.getenv, HELD)) == ("0", None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with alone():
        assert (in_child(os.getenv, "HF_HUB_OFFLINE"), in_child(os.getenv, HELD)) == ("1", "yes")


WAITS = """
import os, sys, time
print(os.getpid(), file=sys.stderr, flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    time.sleep(1)  # a run saves what it has, and answers
"""


@pytest.mark.process
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_an_interrupt_is_one_and_ends_the_child(send):
    # Interrupts are ignored in what a shell started in the background, tests as well.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{listening}; from deploybench.bench.api.child import in_child; in_child(exec, {WAITS!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    child = int(process.stderr.readline())
    send(process.pid, signal.SIGINT)
    _, told = process.communicate()

    assert process.returncode == -signal.SIGINT
    assert told.startswith("Traceback ")
    assert told.endswith("\nKeyboardInterrupt\n")
    assert told.count("Traceback") == 1
    assert "multiprocessing" not in told
    assert not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize("path", ["nowhere.json", "nowhere"])
def test_a_missing_run_is_one_line(path, tmp_path):
    for read in (deploybench.read_run, deploybench.recommend, lambda one: deploybench.compare(one, SHIPPED["0025"])):
        with pytest.raises(deploybench.UserError, match=f"{path}: no such file") as raised:
            read(tmp_path / path)
        assert one_line(raised)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: deploybench.run({}), "checkpoint: found {}, expected a folder, a Hub id or arch:NAME; name one"),
        (lambda: deploybench.run([]), "checkpoint: found [], expected a folder, "),
        (lambda: deploybench.run(""), "checkpoint: found '', expected a folder, "),
        (lambda: deploybench.run({"a": None}), "checkpoint: found {'a': None}, expected a folder, "),
        (lambda: deploybench.run(b"albert"), "checkpoint: found b'albert', expected a folder, "),
        (lambda: deploybench.run("albert", sets={}), "sets: found {}, expected labelled files by name "),
        (
            lambda: deploybench.run(None, sets="test.csv"),
            "run: found no checkpoint (None) with sets, expected a folder, a Hub id or arch:NAME; name one, or leave sets out for "
            "the demonstration",
        ),
        (lambda: deploybench.run(unlabelled=["a.csv"]), "run: found no checkpoint (None) with unlabelled, "),
    ],
)
def test_a_mistaken_checkpoint_is_not_the_demonstration(call, line, monkeypatch):
    monkeypatch.setattr(api_run, "in_child", lambda *_: pytest.fail("a run was started"))
    with pytest.raises(deploybench.UserError) as raised:
        call()

    assert one_line(raised).startswith(line)


@pytest.mark.parametrize("path", [None, 5, ["a"], b"x", "", "a" * 5000, "a\0b", "\ud800", pd.DataFrame({"a": [1, 2]})])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("path", deploybench.read_run),
        ("base", lambda path: deploybench.compare(path, SHIPPED["0016"])),
        ("contender", lambda path: deploybench.compare(deploybench.read_run(SHIPPED["0016"]), path)),
        ("run", deploybench.recommend),
        ("copy_to", lambda path: deploybench.recommend(SHIPPED["0026"]).copy_to(path)),
        ("work_dir", lambda path: deploybench.recommend(SHIPPED["0026"]).copy_to("new", work_dir=path)),
        ("folder", deploybench.load),
        ("b", lambda path: deploybench.duel("a", path)),
        ("pythons", lambda path: deploybench.duel("a", "b", pythons=(sys.executable, path))),
        ("file", lambda path: deploybench.score(path, "out.parquet", variant="onnx-fp32")),
        ("output", lambda path: deploybench.score("in.csv", path, variant="onnx-fp32")),
        ("results", lambda path: deploybench.run(results=path)),
    ],
)
def test_what_is_no_path_is_one_line(name, call, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(deploybench.UserError) as raised:
        call(path)

    assert one_line(raised).startswith(f"{name}: found ")
    assert one_line(raised).endswith(", expected a path such as 'results'; pass a text or a pathlib.Path")
    assert len(one_line(raised)) < 200
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda run: run.of(None), "of: found None, expected one of "),
        (lambda run: run.plot(None), "plot: found None, expected the name of a plot such as 'pareto'; pass a text"),
        (
            lambda run: deploybench.recommend(run, objective=3),
            "objective: found 3, expected one of latency, throughput, memory, size; pass a text",
        ),
        (
            lambda _: deploybench.score("in.csv", "out.parquet", variant=None),
            "variant: found None, expected the name of ",
        ),
        (
            lambda _: deploybench.duel("a", "b", pythons="python"),
            "pythons: found 'python', expected two interpreters, ",
        ),
        (lambda _: deploybench.duel("a", "b", pythons=("python",)), "pythons: found ('python',), expected two "),
    ],
)
def test_what_is_no_name_is_one_line(call, line):
    with pytest.raises(deploybench.UserError) as raised:
        call(deploybench.read_run(SHIPPED["0026"]))

    assert one_line(raised).startswith(line)


def test_one_of_several_models_is_compared_and_recommended(several, tmp_path):
    run = deploybench.read_run(several)
    other = shutil.copy(several, tmp_path / "other.json")
    compared = deploybench.compare(run, other, model="tiny")

    assert {*compared.to_frame().variant} == {*run.of("tiny").variants}
    assert str(deploybench.recommend(several, model="tiny")) == str(deploybench.recommend(run.of("tiny")))
    for call in (deploybench.recommend, lambda one, **model: deploybench.compare(one, other, **model)):
        with pytest.raises(deploybench.UserError, match="model: 'tini' is not in .*; did you mean 'tiny'?") as raised:
            call(run, model="tini")
        assert one_line(raised)


def test_a_frame_has_a_row_for_each_figure(capsys):
    cli.main(["report", str(SHIPPED["0025"]), "--format=json"])
    figures = len(json.loads(capsys.readouterr().out))
    run = deploybench.read_run(SHIPPED["0025"])
    frame = run.to_frame()
    place = ["model", "variant", "metric", "batch_size", "sequence_length", "padding", "instances", "data", "label"]
    of_batch = (frame.variant == "onnx-fp32") & (frame.batch_size == 1) & (frame.sequence_length == 512)
    latency, speed_up = (frame[of_batch & (frame.metric == metric)] for metric in ("latency", "speed_up"))

    assert len(frame) == figures + len(frame[frame.metric == "speed_up"])
    assert not frame.duplicated(place).any()
    assert set(frame.variant) == {*run.variants}
    assert (latency.unit.item(), round(latency.value.item(), 4)) == ("s", 0.0865)
    assert latency.low.item() < latency.value.item() < latency.high.item()
    assert (speed_up.unit.item(), speed_up.label.item()) == ("1", "over torch-eager")
    assert round(speed_up.value.item(), 2) == 1.21
    failed = frame[(frame.variant == "torch-int8-dynamic") & (frame.metric == "latency")]
    assert set(failed.status) == {"failed"}
    assert failed.value.isna().all()
    assert frame.value.dtype == np.float64


def test_a_frame_of_several_models_names_them(several):
    run = deploybench.read_run(several)
    frame = run.to_frame()

    assert set(frame.model) == {"albert", "org/minilm", "tiny"}
    assert "org/minilm/openvino-int8" in run.variants
    assert len(frame[(frame.metric == "speed_up") & (frame.batch_size == 1)]) == len(run.variants)
    assert run.of("tiny").variants == ("torch-eager", "onnx-fp32", "openvino-int8")
    with pytest.raises(deploybench.UserError, match="of: 'tini' is not in .*; did you mean 'tiny'?"):
        run.of("tini")


def test_plots_are_those_of_the_page(several):
    run = deploybench.read_run(SHIPPED["0026"])
    drawn = {name: run.plot(name) for name in ("pareto", "batch", "memory", "memory-resident")}
    labels = {name: (one.axes[0].get_xlabel(), one.axes[0].get_ylabel()) for name, one in drawn.items()}

    assert labels["pareto"][0] == "latency (ms)"
    assert labels["batch"] == ("batch size", "latency (ms)")
    assert labels["memory"] == ("tokens in a text", "peak memory, heap (MB)")
    assert labels["memory-resident"] == ("tokens in a text", "peak memory, resident (MB)")
    assert all(one._repr_png_().startswith(b"\x89PNG") for one in drawn.values())
    assert deploybench.read_run(several).plot("pareto").axes[0].get_xlabel() == "latency (ms)"


@pytest.mark.parametrize(
    ("number", "name", "told"),
    [
        ("0026", "paretto", "; did you mean 'pareto'? it has: pareto-latency, "),
        ("0026", "memory-residents", "; did you mean 'memory-resident'? it has: pareto-latency, "),
        ("several", "batch", "-accuracy-loss; those of one model are in run.of(NAME)"),
    ],
)
def test_another_plot_is_one_line(several, number, name, told):
    run = deploybench.read_run(several if number == "several" else SHIPPED[number])
    with pytest.raises(deploybench.UserError) as raised:
        run.plot(name)

    assert told in one_line(raised)
    assert one_line(raised).startswith(f"plot {name!r}: not in {run.path}")


def test_a_notebook_shows_the_first_screen(several):
    for path, name in ((SHIPPED["0025"], "openvino-int8-bf16"), (several, "tiny/openvino-int8")):
        run = deploybench.read_run(path)
        html = run._repr_html_()

        assert html.count("<tr>") == 1 + len(run.variants)
        assert f'<td style="text-align: left">{name}</td>' in html
        assert ">speed-up</th>" in html
        assert "take " in html


def test_html_of_names_from_outside_is_text():
    html = fragment(["<b>"], ["<i>"], [["<script>\x1b"]], ["&"])

    assert "&lt;script&gt;\\x1b" in html
    assert not {"<b>", "<i>", "<script>", ">&<"} & {part for part in ("<b>", "<i>", "<script>", ">&<") if part in html}


@pytest.mark.parametrize("flags", [{}, {"lenient": True}, {"every_row": True}])
def test_a_comparison_is_that_of_the_command(flags, capsys):
    base, contender = SHIPPED["0016"], SHIPPED["0024"]
    found = deploybench.compare(base, deploybench.read_run(contender), **flags)
    asked = [{"lenient": "--lenient", "every_row": "--all"}[name] for name in flags]
    code = cli.main(["compare", str(base), str(contender), *asked])

    assert str(found) == capsys.readouterr().out.rstrip("\n")
    assert found.exit_code == code == found.outcome.code
    assert str(found.outcome) in repr(found)
    assert str(found.outcome) in found._repr_html_()


def test_verdicts_are_a_frame():
    frame = deploybench.compare(SHIPPED["0016"], SHIPPED["0017"]).to_frame()
    sizes = frame[frame.metric == "artifact_size"]

    assert {"better", "worse", "no detectable change", "new", "missing", "not comparable"} >= set(frame.verdict)
    assert (sizes.verdict == "no detectable change").all()
    assert {"variant", "batch_size", "base", "contender", "change", "low", "high", "reason"} <= {*frame.columns}


def test_a_run_is_not_compared_with_itself():
    with pytest.raises(deploybench.UserError, match="are the same file") as raised:
        deploybench.compare(SHIPPED["0016"], deploybench.read_run(SHIPPED["0016"]))

    assert one_line(raised)


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"max_p95_ms": 50, "max_accuracy_drop": 0.02},
        {"objective": "size", "max_memory_mb": 400, "max_size_mb": 1},
        {"objective": "throughput", "on_each_set": True},
    ],
)
@pytest.mark.parametrize("number", ["0025", "0026", "several"])
def test_a_recommendation_is_that_of_the_command(several, number, limits, capsys):
    path = several if number == "several" else SHIPPED[number]
    found = deploybench.recommend(path, **limits)
    flags = [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in limits.items()]
    code = cli.main(["recommend", str(path), *flags])
    printed = capsys.readouterr().out

    assert str(found).rstrip() == printed.rstrip()
    assert found.exit_code == code
    assert f"\ntake {found.variant or 'none'}: " in printed
    assert {*found.to_frame().variant} == {*deploybench.read_run(path).variants}
    assert found.variant not in found.reasons
    assert f"take {found.variant or 'none'}: " in found._repr_html_()


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        ({"objective": "latenzy"}, "objective: found 'latenzy'; did you mean 'latency'? expected one of latency, "),
        ({"max_accuracy_drop": 2}, "max_accuracy_drop: found '2', expected a share from 0 to below 1 such as 0.01"),
        ({"max_p95_ms": "fast"}, "max_p95_ms: found 'fast', expected a number above 0 such as 100"),
    ],
)
def test_a_limit_that_is_none_is_one_line(limits, line):
    with pytest.raises(deploybench.UserError) as raised:
        deploybench.recommend(SHIPPED["0026"], **limits)

    assert one_line(raised).startswith(line)


def test_nothing_is_copied_where_there_is_nothing_to_take(tmp_path):
    found = deploybench.recommend(SHIPPED["0026"], max_size_mb=1)

    with pytest.raises(deploybench.UserError, match="copy_to: no variant is certain to be within every limit"):
        found.copy_to(tmp_path / "best")
    with pytest.raises(deploybench.UserError, match="holds no artifact of openvino-int8-bf16"):
        deploybench.recommend(SHIPPED["0026"]).copy_to(tmp_path / "best", work_dir=tmp_path)


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            [],
            "no artifact, there is no manifest.json in it; expected a folder of: deploybench recommend RUN --copy-to DIR",
        ),
        (
            ["manifest.json"],
            "this artifact is not whole: a file is missing or truncated, or another version wrote it; ",
        ),
    ],
)
def test_a_folder_without_an_artifact_is_one_line(files, line, tmp_path):
    for name in files:
        (tmp_path / name).write_text("{}")
    with pytest.raises(deploybench.UserError) as raised:
        deploybench.load(tmp_path)

    assert one_line(raised).startswith(f"{tmp_path}: {line}")
