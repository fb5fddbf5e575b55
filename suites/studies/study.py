"""The frame of a study on the command line: options in, a table and one JSON file out; a user mistake is one line."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import tabulate

from ...bench.console import say
from ...bench.machine.alone import alone
from ...bench.machine.environment import describe_environment
from ...bench.pipeline.options import add_options, read_options
from ...exporters.errors import DeploybenchError, UserError
from ...exporters.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...bench.pipeline.options import Options

FOLDER = Path("results/studies")


class _Parser(argparse.ArgumentParser):
    """A parser that reports a UserError of a flag in one line."""

    def parse_args(self, *arguments: Any, **keywords: Any) -> Any:
        try:
            return super().parse_args(*arguments, **keywords)
        except UserError as error:
            self.exit(2, f"{self.prog}: error: {error}\n")


class Answer(NamedTuple):
    """What a study found."""

    name: str  # of its file
    figures: dict[str, Any]  # saved; if "failed" in them is not empty, the exit code is 1
    text: str  # printed


def saved_at(name: str) -> Path:
    """The file of a study."""
    return FOLDER / f"{name}.json"


def save_study(name: str, figures: dict[str, Any]) -> Path:
    """Write ``results/studies/NAME.json`` with the environment, atomically; its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = saved_at(name)
    with whole_file(path) as stream:
        stream.write((json.dumps({**figures, "environment": describe_environment()}, indent=1) + "\n").encode())
    return path


def study_parser(documentation: str | None, flags: tuple[str, ...] = (), **defaults: Any) -> argparse.ArgumentParser:
    """A parser of ``flags`` of deploybench, whose help is the docstring of the study."""
    parser = _Parser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser.add_argument, flags)
    parser.set_defaults(**defaults)
    return parser


def render_rows(heads: Sequence[str], rows: Iterable[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """A table of text cells, the first column to the left, and lines below it."""
    align = ("left", *("right" for _ in heads[1:]))
    table = tabulate.tabulate(rows, heads, disable_numparse=True, colalign=align)
    return "\n".join([table, *notes]) + "\n"


def run_study(name: str, answer: Callable[[], Answer]) -> int:
    """Measure, print and save; the exit code."""
    try:
        found = answer()
    except DeploybenchError as error:
        say(f"{name}: error: {error}")
        return 2 if isinstance(error, UserError) else 1
    sys.stdout.write(found.text)
    say(f"saved: {save_study(found.name, found.figures)}")
    return 1 if found.figures.get("failed") else 0


def run_alone(
    name: str,
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    answer: Callable[[Options, argparse.Namespace], Answer],
    **fixed: Any,
) -> int:
    """``run_study`` with the options of a run from ``arguments`` and ``fixed``, while no other run measures on this machine."""
    parsed = parser.parse_args(arguments)

    def measured() -> Answer:
        options = replace(read_options(parsed), **fixed)
        with alone():
            return answer(options, parsed)

    return run_study(name, measured)
