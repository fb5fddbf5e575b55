"""What several commands share: declaring a command, common flags, and printing an answer."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from ...exporters.errors import OutputError, UserError
from ..analysis.objectives import FLAG, MAX_DROP, OBJECTIVES, SCORE_FLAG, Aim, max_drop
from ..pipeline.arguments import share
from ..pipeline.options import read_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ...exporters.labels import Task
    from ..runs.store import Run
    from ..texts.data import LabelledSet

_WIDTH = 80  # of descriptions; argparse wraps the help of flags
RESULTS = "results"  # folder of the saved runs
TEXT_FLAGS = (  # of the labelled files with the texts of a saved run
    "--external",
    "--real",
    "--fake",
    "--real-label",
    "--text-columns",
    "--pair-columns",
    "--label-column",
    "--drop-bad-rows",
)


def add_command(commands: Any, name: str, text: str, examples: Sequence[str]) -> argparse.ArgumentParser:
    """Declare a command; its file then adds flags and sets ``execute``: parsed namespace in, exit code out."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=textwrap.fill(f"{text[0].upper()}{text[1:]}.", _WIDTH),
        epilog=epilog(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # failed: the exit code where a variant or a worker failed; needs: the extras of a command that runs models
    command.set_defaults(command=name, failed=1, needs=())
    return command


def epilog(examples: Sequence[str]) -> str:
    """Real commands, for the end of a help text."""
    return "\n".join(["examples:", *(f"  {line}" for line in examples)])


def add_aim(add: Callable[..., Any]) -> None:
    """Add the flags that define the best variant."""
    add("--objective", choices=OBJECTIVES, help="figure that decides (default: latency)")
    add(
        FLAG,
        metavar="SHARE",
        type=share(FLAG),
        help=f"accuracy that it may lose on all texts together, against torch-eager (default: {MAX_DROP:g})",
    )
    add(
        SCORE_FLAG,
        metavar="NUMBER",
        type=share(SCORE_FLAG),
        help="of a model with one output: what it may lose of Spearman's rank correlation with the labels, or of NDCG@10 where "
        f"texts answer queries (default: {MAX_DROP:g})",
    )
    add("--on-each-set", action="store_true", help="that limit holds on each labelled set, not on all texts together")
    add("--allow-other-model", action="store_true", help="take linear-tokens as well, which is another model")


def read_aim(parsed: argparse.Namespace, task: Task) -> Aim:
    """What to choose by for models of ``task``, without further limits; the flags have no default, so that a given one can be told.

    Raises UserError for a limit that is of another task.
    """
    given = {
        "objective": parsed.objective,
        "max_drop": max_drop(task, parsed.max_accuracy_drop, parsed.max_score_drop),
        "on_each_set": parsed.on_each_set,
        "allow_other_model": parsed.allow_other_model,
    }
    return Aim(**{name: value for name, value in given.items() if value is not None})


def add_model(add: Callable[..., Any]) -> None:
    """Add the flag that picks one of several models."""
    add("--model", metavar="NAME", help="of a run of several models, look at this one alone")


def add_pythons(add: Callable[..., Any], of: str = "") -> None:
    """Add the flags of two Python environments."""
    for flag, side in (("--python-a", "A"), ("--python-b", "B")):
        add(flag, metavar="PYTHON", help=f"{of}interpreter of the environment that exports and runs {side}")


def asked_pythons(parsed: argparse.Namespace) -> tuple[str, str] | None:
    """Both interpreters, or None without the flags; raises UserError for one alone."""
    found = {"--python-a": parsed.python_a, "--python-b": parsed.python_b}
    given = [flag for flag, python in found.items() if python is not None]
    if len(given) == 1:
        [other] = found.keys() - set(given)
        raise UserError(
            f"{given[0]}: expected {other} as well, the other environment; for this one pass {sys.executable}"
        )
    return (parsed.python_a, parsed.python_b) if given else None


def asked_runs(path: str, model: str | None) -> tuple[Run, ...]:
    """The saved runs of ``path``, one for each model, or only that of ``model``; raises UserError if there is none."""
    from ..runs.store import read_runs, run_of_model

    runs = read_runs(path)
    return runs if model is None else (run_of_model(runs, model),)


def only_run(runs: Sequence[Run], asked: str) -> Run:
    """The run of the only model; raises UserError where there are several, because ``asked`` is of one."""
    if len(runs) > 1:
        names = ", ".join(run.checkpoint.name for run in runs)
        raise UserError(f"{asked}: is of one model, and this run has {len(runs)}; pass --model NAME, one of {names}")
    return runs[0]


def texts_of(run: Run, parsed: argparse.Namespace) -> tuple[LabelledSet, ...]:
    """The labelled files of TEXT_FLAGS; without any, the bundled texts for a run of the demonstration."""
    from ..pipeline.sets import demonstration_sets, labelled_sets

    sets = labelled_sets(read_options(parsed), run.checkpoint.head)
    if not sets and run.checkpoint.demonstration:
        known = {one.sha256 for one in run.sets}
        sets = tuple(one for one in demonstration_sets() if one.sha256 in known)
    return sets


def print_runs(runs: tuple[Run, ...], tables: Sequence[str]) -> None:
    """Print tables of one model's run, or of several models, as text, coloured on a terminal."""
    from ..report.formats.terminal import coloured
    from ..report.render import render, render_models

    text = render(runs[0], "text", tables) if len(runs) == 1 else render_models(runs, "text", tables)
    in_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")  # https://no-color.org
    variants = [name for run in runs for name in run.plan.variants]
    print_answer(coloured(text, variants) if in_colour else text)


def print_answer(text: str) -> None:
    """Write a command's answer to standard output; raises OutputError where it cannot be written."""
    try:
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python reports it once more at its end
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError(f"standard output: cannot be written ({error.strerror}); send it elsewhere") from error


def write_file(text: str, file: Path, flag: str) -> None:
    """Write the file that ``flag`` names, whole or not at all; raises UserError as ``refuse_no_file`` does."""
    from ...exporters.files import whole_file

    refuse_no_file(file, flag)
    with whole_file(file.resolve()) as stream:
        stream.write((text.rstrip("\n") + "\n").encode())


def refuse_no_file(file: Path, flag: str) -> None:
    """Raise UserError unless ``file`` may be made: never over a device, a folder or a saved run."""
    from ..runs.store import is_saved_run

    file = file.resolve()
    if not file.parent.is_dir() or (file.exists() and not file.is_file()):
        raise UserError(f"{flag}: {file} cannot be made, expected the name of a file in a folder that exists")
    if file.is_file() and is_saved_run(file):
        raise UserError(f"{flag}: {file} is a saved run, which would be lost; name another file")
