"""``deploybench compare``: what changed between two saved runs, or over all runs of one machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ...exporters.packages import require
from ..pipeline.options import add_options, read_options
from .answer import add_answer, give_answer, give_text, refuse_unwritable_answer
from .common import RESULTS, add_command, add_model, add_pythons, asked_pythons, asked_runs, only_run

if TYPE_CHECKING:
    import argparse

    from ..compare.changes import Comparison
    from ..runs.store import Run

_EXIT_CODES = """
exit codes, the first that applies:
  2  a mistake that you can fix: no such file, a bad threshold
  1  something is worse
  3  incomplete: a row is missing or failed, or nothing was compared
  4  not comparable: two values of a row measure different things, or cannot
     be judged
  0  nothing is worse, and everything was compared
with --history:
  1  a row became worse with the newest run, or with other runs of its commit
  3  the newest run lacks a row, or shares none with an older run, or a file
     cannot be read
  4  a row of the newest run is not comparable with any older one
  0  none of these"""


_CONFIRM_FLAGS = {
    "--checkpoint": "of --confirm: checkpoint that both revisions export; A and B are then git revisions",
    "--plugin": "of --confirm: module of your own that holds a variant; repeatable",
    "--work-dir": "",
}


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "compare",
        "say what changed between two saved runs, and how certain each change is",
        [
            "deploybench compare baseline.json results",
            "deploybench compare base.json contender.json --format md --all",
            "deploybench compare base.json contender.json --format github --output comment.md --junit rows.xml",
            "deploybench compare base.json contender.json --lenient",
            "deploybench compare here.json there.json --normalise",
            "deploybench compare base.json contender.json --confirm old-artifacts artifacts",
            "deploybench compare base.json contender.json --model my-albert",
            "deploybench compare --history results",
        ],
    )
    command.set_defaults(execute=_compare, failed=3)  # 1 says that something is worse
    command.description = f"{command.description}\n{_EXIT_CODES}"
    command.add_argument(
        "base", nargs="?", metavar="BASE", help="a saved run, a folder (its newest run), or a pytest-benchmark file"
    )
    command.add_argument("contender", nargs="?", metavar="CONTENDER", help="the newer run, given in the same way")
    command.add_argument(
        "--history",
        nargs="?",
        const=RESULTS,
        metavar="FOLDER",
        help=f"change points over all runs of one machine, instead of two runs (default: {RESULTS})",
    )
    add_model(command.add_argument)
    add_answer(command.add_argument)
    command.add_argument("--all", action="store_true", help="also show rows without a detectable change")
    command.add_argument(
        "--lenient",
        action="store_true",
        help="do not fail for missing or not comparable rows, or unreadable files of a history",
    )
    command.add_argument(
        "--normalise", action="store_true", help="divide times by each machine's yardsticks, to compare two CPUs"
    )
    command.add_argument(
        "--confirm",
        nargs=2,
        metavar=("A", "B"),
        help="measure latencies that are worse, or may be, again in turn: A and B are the base's and the contender's "
        "artifacts (a folder of one or several), checkpoints, or with --checkpoint git revisions",
    )
    add_pythons(command.add_argument, "of --confirm: ")
    add_options(command.add_argument, _CONFIRM_FLAGS)
    command.add_argument("--config", metavar="FILE", help="TOML file with thresholds (default: ./pyproject.toml)")


def _compare(parsed: argparse.Namespace) -> int:
    refuse_unwritable_answer(parsed)
    if parsed.history is not None:
        return _compare_all(parsed)
    from ..compare.outcome import outcome_of

    if parsed.contender is None:
        raise UserError("compare: expected BASE and CONTENDER, two saved runs or folders; or --history [FOLDER]")
    if asked_pythons(parsed) and not parsed.confirm:
        raise UserError(
            "--python-a: was given without --confirm, which runs the environments; pass --confirm A B as well"
        )
    comparison = _compare_two(parsed)
    outcome = outcome_of(comparison.changes, lenient=parsed.lenient)
    give_answer(comparison, outcome, parsed, every_row=parsed.all)
    return outcome.code


def _compare_two(parsed: argparse.Namespace) -> Comparison:
    from ..compare.changes import compare_runs
    from ..compare.matching import match_models, refuse_same
    from ..compare.stock import is_stock
    from ..compare.thresholds import project_thresholds

    if is_stock(parsed.base) or is_stock(parsed.contender):
        return _compare_stock(parsed)
    base, contender = (asked_runs(side, parsed.model) for side in (parsed.base, parsed.contender))
    refuse_same(base[0].path, contender[0].path)
    if parsed.confirm:
        only_run(max(base, contender, key=len), "--confirm")
    comparison = compare_runs(
        match_models(base, contender), project_thresholds(parsed.config), normalise=parsed.normalise
    )
    return _confirmed(comparison, contender[0], parsed) if parsed.confirm else comparison


def _compare_stock(parsed: argparse.Namespace) -> Comparison:
    from ..compare.stock import compare_stock_files
    from ..compare.thresholds import project_thresholds

    needs = {"--normalise": "the yardsticks", "--confirm": "the plan", "--model": "the models"}
    for flag, needed in needs.items():
        if getattr(parsed, flag[2:]):
            raise UserError(f"{flag}: needs {needed} of both runs, and a stock file of pytest-benchmark has none")
    return compare_stock_files(parsed.base, parsed.contender, project_thresholds(parsed.config))


def _confirmed(comparison: Comparison, contender: Run, parsed: argparse.Namespace) -> Comparison:
    from ..compare.confirming import confirm
    from ..machine.alone import alone

    require("--confirm", "torch")
    with alone():
        options = replace(read_options(parsed), threads=contender.plan.threads)
        return confirm(comparison, contender, tuple(parsed.confirm), options, asked_pythons(parsed))


def _compare_all(parsed: argparse.Namespace) -> int:
    from ..compare.history import history_of
    from ..compare.outcome import outcome_of_history
    from ..compare.saved_runs import read_saved_runs
    from ..compare.thresholds import project_thresholds
    from ..report.messages.history import render_history

    flags = {"--all": parsed.all, "--normalise": parsed.normalise, "--confirm": parsed.confirm, "--junit": parsed.junit}
    flags["--format github"] = parsed.format == "github"
    unwanted = [parsed.base] if parsed.base else [flag for flag, given in flags.items() if given]
    if unwanted:
        raise UserError(
            f"--history: takes one folder and neither BASE nor CONTENDER nor {', '.join(flags)}: {unwanted[0]!r}"
        )
    folder = Path(parsed.history)
    if not folder.is_dir():
        raise UserError(f"--history: {str(folder)!r} is no folder; expected one with saved runs, such as {RESULTS}")
    history = history_of(read_saved_runs(folder, parsed.model), project_thresholds(parsed.config))
    outcome = outcome_of_history(history, lenient=parsed.lenient)
    give_text(render_history(history, parsed.format, outcome), render_history(history, "text", outcome), parsed.output)
    return outcome.code
