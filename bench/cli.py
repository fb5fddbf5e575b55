"""The command line: the one place that prints answers and exits."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.options import add_options, as_arguments, names, read_options
from bench.progress import say
from exporters.errors import DeploybenchError, UserError
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from bench.comparison.changes import Comparison
    from bench.comparison.thresholds import Thresholds
    from bench.prepare import Prepared
    from bench.report.render import Format
    from bench.saved.store import Run

RESULTS = Path("results")
_FORMATS = ("text", "md", "csv", "latex", "json")
_TABLES = ("summary", "batch", "timing", "instances", "roofline", "cold", "sequence", "memory", "accuracy")
_SHOWN = tuple(name for name in _TABLES if name != "timing")  # unless other tables are asked for
_COMPARE_CODES = """
exit codes, the first that holds:
  2  a mistake that you can mend: no such file, a bad threshold
  1  something is worse
  3  incomplete: a row is missing or failed, or nothing was compared
  4  incomparable: a row's two figures do not mean the same, or cannot tell
  0  nothing is worse, and everything was compared
with --history 1 where a row became worse with the newest run, else 0"""
_EXPORT_FLAGS = (
    "--checkpoint",
    "--calibration",
    "--text-columns",
    "--drop-bad-rows",
    "--allow-pickle",
    "--variants",
    "--threads",
    "--work-dir",
)
_DUEL_FLAGS = {  # and what each means here, where that is another thing than for a run
    "--checkpoint": "what both revisions export; A and B are then git revisions",
    "--variants": f"variants to hold against each other (default: {REFERENCE})",
    "--batch-sizes": "latency at each (default: 1)",
    "--sequence-lengths": "tokens; latency at each (default: 128, or what both sides take)",
    "--threads": "",
    "--precision": "time until the 99 in 100 intervals of the ratios are narrower than this share (default: 0.01)",
    "--time-budget": "or until so many seconds of timing are over (default: 60)",
    "--work-dir": "",
    "--allow-pickle": "",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is well, 1 a variant or test that failed, 2 something that the person can mend; compare has more."""
    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.command(parsed)
    except UserError as error:
        say(f"deploybench: error: {error}")
        return 2
    except DeploybenchError as error:
        say(f"deploybench: error: {error}")
        return 1
    except KeyboardInterrupt:
        say("deploybench: interrupted")
        return 130
    return code


def _run(parsed: argparse.Namespace) -> int:
    """Prepare, run the suites on what was prepared, and print the tables of the file that they saved."""
    from bench.machine.alone import alone
    from bench.prepare import prepare
    from bench.saved.store import read_run

    values = vars(parsed)
    options = read_options(values)
    with alone():
        handover = _Handover(prepare(options))
        before = set(RESULTS.rglob("*.json"))
        code = _run_suites(handover, values)
    saved = sorted(set(RESULTS.rglob("*.json")) - before)
    if not saved:
        say("deploybench: nothing was measured, so nothing was saved")
        return handover.exit_code(code) or 1
    _print_run(read_run(saved[-1]), "text", _SHOWN)
    say(f"saved: {saved[-1]}\ntables: deploybench report {saved[-1]} --format md|csv|latex|json")
    return handover.exit_code(code)


def _run_suites(handover: _Handover, values: dict[str, Any]) -> int:
    """What `pytest suites` does, on what is prepared; pytest's exit code."""
    import pytest

    suites = importlib.util.find_spec("suites")
    assert suites is not None
    assert suites.submodule_search_locations
    return pytest.main(
        [
            suites.submodule_search_locations[0],
            "--benchmark-autosave",
            f"--benchmark-storage=file://./{RESULTS}",
            "--benchmark-quiet",
            "-q",
            "-p",
            "no:cacheprovider",
            *as_arguments(values),
        ],
        plugins=[handover],
    )


class _Handover:
    """What the command line has prepared, for the suites' conftest: a pytest plugin that is found by its name."""

    __name__ = "deploybench_prepared"

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self._stopped: int | None = None

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep why pytest stopped: its exit code is 2 for an interrupt, for a UserError and for errors of collection."""
        # Errors of collection are a subclass of KeyboardInterrupt; only pytest.exit has a code.
        self._stopped = 130 if excinfo.type is KeyboardInterrupt else getattr(excinfo.value, "returncode", None)

    def exit_code(self, code: int) -> int:
        """Our exit code for pytest's: pytest's own 2 to 5 mean nothing to who did not call pytest."""
        return self._stopped if self._stopped is not None else min(int(code), 1)


def _export(parsed: argparse.Namespace) -> int:
    """Export and prove variants; print where each one lies."""
    from bench.machine.alone import alone
    from bench.prepare import prepare
    from bench.report.exports import render_exports

    options = read_options(vars(parsed))
    with alone():
        prepared = prepare(options)
    _print(render_exports(prepared.variants, prepared.artifacts))
    return 1 if len(prepared.artifacts) < len(prepared.variants) else 0


def _train(parsed: argparse.Namespace) -> int:
    """Train a classifier by a recipe, in a process of its own, and print what it reached."""
    from bench.machine.alone import alone
    from bench.training import train_checkpoint

    with alone():
        _print(train_checkpoint(parsed))
    return 0


def _report(parsed: argparse.Namespace) -> int:
    """Print the tables of a saved run."""
    from bench.saved.store import read_run

    tables = tuple(name.strip() for name in parsed.table.split(",")) if parsed.table else _SHOWN
    unknown = [name for name in tables if name not in _TABLES]
    if unknown:
        raise UserError(f"--table: {unknown[0]!r} is unknown; known tables: {', '.join(_TABLES)}")
    _print_run(read_run(parsed.run), parsed.format, tables)
    return 0


def _compare(parsed: argparse.Namespace) -> int:
    """Print what changed between two saved runs, or over all of them; the outcome decides the exit code."""
    if parsed.history is not None:
        return _history(parsed)
    from bench.comparison.outcome import outcome_of
    from bench.report.comparison import render_comparison

    if parsed.contender is None:
        raise UserError("compare: expected BASE and CONTENDER, two saved runs or folders; or --history [FOLDER]")
    comparison = _compared(parsed)
    outcome = outcome_of(comparison.changes, lenient=parsed.lenient)
    _print(render_comparison(comparison, parsed.format, every_row=parsed.all, outcome=outcome))
    return outcome.code


def _history(parsed: argparse.Namespace) -> int:
    from bench.comparison.history import history_of
    from bench.comparison.outcome import outcome_of_history
    from bench.comparison.saved_runs import read_saved_runs
    from bench.report.history import render_history

    flags = {"--all": parsed.all, "--normalise": parsed.normalise}
    unwanted = [parsed.base] if parsed.base else [flag for flag, given in flags.items() if given]
    if unwanted:
        raise UserError(
            f"--history: takes one folder and neither BASE nor CONTENDER nor {', '.join(flags)}: {unwanted[0]!r}"
        )
    folder = Path(parsed.history)
    if not folder.is_dir():
        raise UserError(f"--history: {str(folder)!r} is no folder; expected one with saved runs, such as {RESULTS}")
    history = history_of(read_saved_runs(folder), _thresholds(parsed))
    outcome = outcome_of_history(len(history.worse), len(history.lacking), lenient=parsed.lenient)
    _print(render_history(history, parsed.format, outcome))
    return outcome.code


def _thresholds(parsed: argparse.Namespace) -> Thresholds:
    from bench.comparison.thresholds import Thresholds, read_thresholds

    own = Path("pyproject.toml")
    file = Path(parsed.config) if parsed.config else own if own.is_file() else None
    return read_thresholds(file) if file else Thresholds()


def _compared(parsed: argparse.Namespace) -> Comparison:
    from bench.comparison.changes import compare_runs
    from bench.comparison.stock import compare_stock, is_stock, read_stock
    from bench.saved.predictions import read_right
    from bench.saved.store import read_run

    thresholds = _thresholds(parsed)
    if is_stock(parsed.base) or is_stock(parsed.contender):
        stock = read_stock(parsed.base), read_stock(parsed.contender)
        _refuse_same(*(one.path for one in stock))
        return compare_stock(*stock, thresholds)
    base, contender = read_run(parsed.base), read_run(parsed.contender)
    _refuse_same(base.path, contender.path)
    right = read_right(base), read_right(contender)
    return compare_runs(base, contender, thresholds, right, normalise=parsed.normalise)


def _refuse_same(base: Path, contender: Path) -> None:
    """A gate passes by nothing that was not measured: a folder's newest run is the old one where none was saved."""
    if base.resolve() == contender.resolve():
        raise UserError(f"compare: BASE and CONTENDER are the same file, {base}; was a new run saved?")


def _duel(parsed: argparse.Namespace) -> int:
    """Measure two sides against each other and print what differs; the exit code is that of ``compare``."""
    from bench.comparison.outcome import outcome_of
    from bench.duel import measure as duel
    from bench.duel.sides import two_sides
    from bench.machine.alone import alone
    from bench.report.comparison import render_comparison

    options = read_options(vars(parsed))
    variants = tuple(name for name in options.variants if name in names(parsed.variants))
    with alone(), two_sides((parsed.a, parsed.b), options, variants) as sides:
        workloads = duel.workloads(sides, options)
        setting = duel.Setting(workloads=workloads, precision=options.precision, budget_s=options.time_budget)
        comparison = duel.duel(*sides, setting)
    outcome = outcome_of(comparison.changes)
    _print(render_comparison(comparison, parsed.format, every_row=True, outcome=outcome))
    return outcome.code


def _list(_: argparse.Namespace) -> int:
    """Print what there is to choose from."""
    from bench.report.choices import render_choices

    _print(render_choices())
    return 0


def _print_run(run: Run, fmt: Format, tables: Sequence[str]) -> None:
    """Tables of a run; in colour where a person looks at them."""
    from bench.report.render import render
    from bench.report.terminal import coloured

    text = render(run, fmt, tables)
    looked_at = fmt == "text" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")  # https://no-color.org
    _print(coloured(text, run.plan.variants) if looked_at else text)


def _print(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploybench",
        description="Which way of deploying a fine-tuned text classifier on this CPU is best, and what does it cost?",
        epilog=_examples(
            "deploybench run",
            "deploybench run --checkpoint my-albert --real real.csv --fake fake.csv",
            "deploybench run --checkpoint arch:albert-base-v2 --batch-sizes 1 --sequence-lengths 512",
            "deploybench report results --format md",
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_export(commands)
    _add_train(commands)
    _add_report(commands)
    _add_compare(commands)
    _add_duel(commands)
    _command(commands, "list", _list, "what there is to choose from", ["deploybench list"])
    return parser


def _add_run(commands: Any) -> None:
    command = _command(
        commands,
        "run",
        _run,
        "train or load a checkpoint, export, prove and measure every variant, print the tables",
        [
            "deploybench run",
            "deploybench run --checkpoint my-albert --external in_domain=test.csv --external ai=fakes.csv",
            "deploybench run --checkpoint my-albert --variants onnx-fp32,openvino-int8 --profile standard",
            "deploybench run --checkpoint arch:bert-base-uncased --batch-sizes 1,8 --sequence-lengths 64,512",
        ],
    )
    add_options(command.add_argument)


def _add_export(commands: Any) -> None:
    command = _command(
        commands,
        "export",
        _export,
        "export variants and prove that they are the same model; measure nothing",
        [
            "deploybench export --checkpoint my-albert",
            "deploybench export --checkpoint my-albert --variants openvino-int8 --calibration train.csv --output artifacts",
        ],
    )
    add_options(command.add_argument, _EXPORT_FLAGS)
    command.add_argument(
        "--output", dest="artifacts", metavar="DIR", help="where the artifacts go (default: below the work folder)"
    )


def _add_train(commands: Any) -> None:
    command = _command(
        commands,
        "train",
        _train,
        "train a classifier by a recipe",
        [
            "deploybench train demonstration --output checkpoints/demonstration",
            "deploybench train albert-mini --train train.csv --external test=test.csv --tokenizer DIR --output posts",
        ],
    )
    command.add_argument("recipe", metavar="RECIPE", help="a shipped recipe's name (deploybench list) or a TOML file")
    command.add_argument("--train", metavar="FILE", help="labelled texts to train on (default: the bundled corpus)")
    command.add_argument("--tokenizer", metavar="DIR", help="tokenizer to use, where the recipe trains none")
    command.add_argument("--output", metavar="DIR", required=True, help="where the checkpoint goes")
    add_options(command.add_argument, ("--external", "--text-columns", "--drop-bad-rows", "--threads"))


def _add_report(commands: Any) -> None:
    command = _command(
        commands,
        "report",
        _report,
        "print the tables of a saved run",
        [
            "deploybench report results",
            "deploybench report results/Linux-CPython-3.11-64bit/0001_….json --format json",
            "deploybench report results --format csv --table batch",
        ],
    )
    command.add_argument("run", metavar="RUN", help="a saved run, or a folder: its newest")
    command.add_argument(
        "--format", choices=_FORMATS, default="text", help="text for a terminal (default), md, csv, latex, json"
    )
    command.add_argument(
        "--table", metavar="A,B", help=f"tables to print: {', '.join(_TABLES)} (default: all but timing)"
    )


def _add_compare(commands: Any) -> None:
    command = _command(
        commands,
        "compare",
        _compare,
        "say what changed between two saved runs, and how sure that is",
        [
            "deploybench compare results/Linux-CPython-3.11-64bit/0001_….json results",
            "deploybench compare base.json contender.json --format md --all",
            "deploybench compare base.json contender.json --lenient",
            "deploybench compare here.json there.json --normalise",
            "deploybench compare --history results",
        ],
    )
    command.description = f"{command.description}\n{_COMPARE_CODES}"
    command.add_argument(
        "base", nargs="?", metavar="BASE", help="a saved run, or a folder: its newest; or any file of pytest-benchmark"
    )
    command.add_argument("contender", nargs="?", metavar="CONTENDER", help="likewise")
    command.add_argument(
        "--history",
        nargs="?",
        const=str(RESULTS),
        metavar="FOLDER",
        help=f"instead of BASE and CONTENDER: change points over all runs of one machine (default: {RESULTS})",
    )
    command.add_argument("--format", choices=("text", "md", "json"), default="text", help="default: text")
    command.add_argument("--all", action="store_true", help="show rows without a detectable change as well")
    command.add_argument("--lenient", action="store_true", help="missing and incomparable rows do not fail")
    command.add_argument(
        "--normalise", action="store_true", help="compare times of two CPUs by the machines' own yardsticks"
    )
    command.add_argument("--config", metavar="FILE", help="TOML file with thresholds (default: ./pyproject.toml)")


def _add_duel(commands: Any) -> None:
    command = _command(
        commands,
        "duel",
        _duel,
        "measure two artifacts, checkpoints or git revisions against each other in one run",
        [
            "deploybench duel artifacts/onnx-fp32 artifacts/openvino-fp32 --sequence-lengths 128",
            "deploybench duel my-albert my-distilbert --variants onnx-int8-dynamic --batch-sizes 1,8",
            "deploybench duel HEAD~1 HEAD --checkpoint my-albert --variants openvino-int8",
        ],
    )
    command.add_argument(
        "a", metavar="A", help="an artifact's folder, a checkpoint, or with --checkpoint a git revision"
    )
    command.add_argument("b", metavar="B", help="what it is held against, of the same kind")
    command.add_argument("--format", choices=("text", "md", "json"), default="text", help="default: text")

    def add(flag: str, **keywords: Any) -> None:
        command.add_argument(flag, **{**keywords, "help": _DUEL_FLAGS[flag] or keywords["help"]})

    add_options(add, tuple(_DUEL_FLAGS))
    command.set_defaults(variants=REFERENCE, batch_sizes="1", precision="0.01", time_budget="60")


def _command(commands: Any, name: str, function: Any, text: str, examples: list[str]) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=_examples(*examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=function)
    return command


def _examples(*lines: str) -> str:
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])


if __name__ == "__main__":
    sys.exit(main())
