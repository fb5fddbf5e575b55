"""The command line: help that shows real commands, lists, reports, and one-line errors."""

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from deploybench.bench import cli, commands
from deploybench.bench.cli import parser
from deploybench.bench.commands import COMMANDS
from deploybench.bench.console import say
from deploybench.bench.report import tables
from deploybench.bench.report.tables import TABLES
from deploybench.exporters.artifacts.catalogue import variant_names
from deploybench.exporters.errors import WorkerError

SAVED = Path(__file__).parents[1] / "data" / "run-schema-1.json"


def command(capsys, *arguments):
    code = cli.main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("name", [(), *((one,) for one in COMMANDS)])
def test_help_shows_examples_that_parse(capsys, name):
    with pytest.raises(SystemExit) as end:
        cli.main([*name, "--help"])
    out = capsys.readouterr().out

    assert end.value.code == 0
    examples = [line.strip() for line in out.split("examples:\n")[1].splitlines() if line.strip()]
    assert examples
    for line in examples:
        program, *arguments = shlex.split(line)
        assert program == "deploybench"
        assert parser().parse_args(arguments).command


def test_each_file_of_the_commands_is_listed_once():
    files = {path.stem for path in Path(commands.__file__).parent.glob("*.py")} - {"__init__", "common", "answer"}

    assert sorted(COMMANDS) == sorted(files)


def test_each_file_of_the_tables_is_listed_once():
    files = {path.stem for path in Path(tables.__file__).parent.glob("*.py")} - {"__init__"}

    assert sorted(TABLES) == sorted(file.replace("_", "-") for file in files)


HEAVY = {
    "pandas",
    "scipy",
    "pyarrow",
    "matplotlib",
    "jinja2",
    "torch",
    "transformers",
    "onnxruntime",
    "openvino",
    "pytest",
}


@pytest.mark.parametrize("arguments", [("--help",), ("list",), *((name, "--help") for name in COMMANDS)], ids=" ".join)
def test_help_and_lists_import_nothing_heavy(arguments):
    code = (
        "import sys\nfrom deploybench.bench import cli\n"
        f"try:\n    cli.main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()

    assert "deploybench.bench.commands.list" in modules
    assert not HEAVY & set(modules)
    assert arguments == ("list",) or not {name for name in modules if name.startswith("deploybench.bench.report.")} - {
        "deploybench.bench.report.tables"
    }


def test_list_names_everything(capsys):
    code, out, _ = command(capsys, "list")

    assert code == 0
    for name in (*variant_names(), "arch:albert-base-v2", "demonstration", "albert-mini", "standard"):
        assert f"  {name} " in out
    assert out.count("deprecated") == 2


@pytest.mark.parametrize("form", ["text", "md", "csv", "latex", "json"])
def test_report_prints_what_the_golden_file_holds(capsys, form):
    suffix = {"text": "txt", "latex": "tex"}.get(form, form)
    code, out, _ = command(capsys, "report", str(SAVED), "--format", form, "--table", ",".join(TABLES))

    assert code == 0
    assert out.rstrip("\n") == (SAVED.parent / f"report.{suffix}").read_text(encoding="utf-8").rstrip("\n")


def test_whoever_reads_may_stop_reading():
    """`deploybench report RUN | head`"""
    command = [sys.executable, "-m", "deploybench.bench.cli", "report", str(SAVED), "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        done.stdout.close()
        said = done.stderr.read()

    assert (said, done.returncode) == ("", 141)


@pytest.mark.parametrize(
    ("output", "encoding", "code", "message"),
    [
        ("/dev/full", "utf-8", 2, "standard output: cannot be written (No space left on device)"),
        ("/dev/null", "ascii", 0, ""),
    ],
)
def test_an_output_that_takes_not_all_is_no_traceback(output, encoding, code, message):
    command = [sys.executable, "-m", "deploybench.bench.cli", "report", str(SAVED)]
    with Path(output).open("w") as stream:
        env = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, text=True, check=False, env=env)

    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.count("\n") == bool(message)


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "a", "b", "--format", "xml"),
        ("duel", "a"),
        ("compare", "a", "b", "c"),
        ("compare", "x" * 5000, "b"),
        ("nonsense",),
        (),
    ],
)
def test_a_mistake_of_the_command_line_is_one_line(capsys, arguments):
    try:
        code = cli.main(list(arguments))
    except SystemExit as ended:
        code = ended.code
    err = capsys.readouterr().err

    assert (code, err.count("\n")) == (2, 1), err
    assert err.startswith("deploybench: error: ")


def test_one_table_alone_is_a_plain_csv(capsys):
    import io

    import pandas as pd

    code, out, _ = command(capsys, "report", str(SAVED), "--format", "csv", "--table", "summary")

    assert code == 0
    assert pd.read_csv(io.StringIO(out)).iloc[0, 0] == "torch-eager"


def test_a_table_that_a_run_has_nothing_for_is_named(capsys):
    code, out, error = command(capsys, "report", str(SAVED), "--format", "md", "--table", "summary,weights")

    assert code == 0
    assert "### Summary" in out
    assert "table weights is left out" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "nowhere.json"), "nowhere.json: no such file; expected a saved run, or a folder of saved runs"),
        (
            ("report", str(SAVED), "--table", "all"),
            "--table: 'all' is unknown; known tables: summary, batch, ",
        ),
        (("report", str(SAVED), "--table", "weights,operators"), "holds nothing for weights, operators; measure again"),
        (("run", "--threads", "none"), "--threads: found 'none', expected a whole number from 1 to "),
        (("run", "--checkpoint", "./nowhere"), "./nowhere: does not exist, expected the folder of a fine-tuned"),
        (("export", "--variants", "torchscrpt"), "unknown variant 'torchscrpt'; did you mean 'torchscript'?"),
        (
            ("train", "demonstration", "--output", "x", "--threads", "4096"),
            "--threads: found '4096', expected a whole number",
        ),
        (("train", "demonstratio", "--output", "x"), "demonstratio"),
        (
            ("export", "--max-accuracy-drop", "0"),
            "--max-accuracy-drop: was given without --best",
        ),
        (("report", str(SAVED), "--output", "nowhere/x"), "nowhere/x cannot be made, expected the name of a file"),
        (("train", "demonstration", "--output", "x", "--external", "y.csv"), "--external: was given without --train"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(capsys, *arguments)

    assert code == 2
    assert out == ""
    assert err.startswith("deploybench: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_scoring_writes_over_no_source(capsys, tmp_path):
    source, other = tmp_path / "texts.parquet", tmp_path / "link.parquet"
    source.write_bytes(b"somebody's")
    other.symlink_to(source)
    for output in (source, other):
        code, _, err = command(capsys, "score", str(source), "--variant", "onnx-fp32", "-o", str(output))

        assert code == 2
        assert "is the file whose texts are scored, expected another" in err
        assert source.read_bytes() == b"somebody's"


def test_no_mark_of_a_name_turns_a_line_around(capsys):
    say("set \u202etxt\x1b[31m: 2 texts\nsecond line")

    assert capsys.readouterr().err == "set \\u202etxt\\x1b[31m: 2 texts\nsecond line\n"


def test_the_command_is_installed():
    done = subprocess.run([Path(sys.executable).with_name("deploybench"), "list"], capture_output=True, check=False)

    assert done.returncode == 0


def test_export_writes_where_it_is_told(capsys, monkeypatch, tmp_path, checkpoint_folder):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command(
        capsys, "export", f"--checkpoint={checkpoint_folder}", "--variants=torch-eager", "--output=here"
    )

    assert code == 0
    assert out.endswith(": here/torch-eager\n")
    assert (tmp_path / "here" / "torch-eager" / "manifest.json").is_file()
    assert not (tmp_path / ".deploybench" / "artifacts").exists()


SUITES_THAT_END = """
from deploybench.bench.pipeline.options import add_options
import pytest
def pytest_addoption(parser):
    add_options(parser.addoption)
def pytest_runtestloop():
    {}
"""
RUN_THEM = """
import importlib.util, sys, types
import deploybench.bench.pipeline.prepare
from deploybench.bench import cli
deploybench.bench.pipeline.prepare.prepare = lambda options, *_: None
find_spec = importlib.util.find_spec
def find_suites(name, *arguments):
    return types.SimpleNamespace(submodule_search_locations=["s"]) if name == "deploybench.suites" else find_spec(name, *arguments)
importlib.util.find_spec = find_suites
sys.exit(cli.main(["run"]))
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("raise KeyboardInterrupt", 130),
        ("pytest.exit('deploybench: error: no such file', returncode=2)", 2),
        ("raise pytest.Session.Interrupted('1 error during collection')", 1),
        ("raise RuntimeError", 1),  # pytest's 3
        ("raise pytest.UsageError", 1),  # pytest's 4
        ("return True", 1),  # pytest's 5, and nothing measured
    ],
)
def test_pytests_exit_code_becomes_ours(tmp_path, ending, code):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "conftest.py").write_text(SUITES_THAT_END.format(ending), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", RUN_THEM], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == code, done.stdout + done.stderr


def test_a_bad_name_of_a_set_is_one_line_under_pytest(tmp_path):
    suites = Path(importlib.util.find_spec("deploybench.suites").submodule_search_locations[0])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", suites, "--external", "=x.csv", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "deploybench: error: '=x.csv' is not [NAME=]FILE; write a name and a file" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "bench/texts/data.py" not in done.stdout + done.stderr  # pytest's own kind of traceback


@pytest.mark.parametrize(("name", "code"), [("duel", 3), ("export", 1)])
def test_a_worker_that_dies_is_not_taken_for_a_change_for_the_worse(capsys, monkeypatch, tmp_path, name, code):
    def die(*_):
        raise WorkerError("converting: the worker was killed by signal 9")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("deploybench.bench.compare.duel.paired.two_sides", die)
    monkeypatch.setattr("deploybench.bench.pipeline.prepare.prepare", die)

    assert command(capsys, name, *(["a", "b"] if name == "duel" else []))[0] == code
