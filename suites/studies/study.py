"""The frame of a study on the command line: options in, a table and one JSON file out, and a mistake in one line."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.console import say
from bench.pipeline.options import add_options
from exporters.errors import DeploybenchError, UserError
from suites.studies.saving import save_study

if TYPE_CHECKING:
    from collections.abc import Callable


class Answer(NamedTuple):
    """What a study found."""

    name: str  # of its file
    figures: dict[str, Any]  # that are saved; where they name anything "failed", the exit code is 1
    text: str  # that is printed


class _Parser(argparse.ArgumentParser):
    """A parser that reports a UserError of a flag in one line."""

    def parse_args(self, *arguments: Any, **keywords: Any) -> Any:
        try:
            return super().parse_args(*arguments, **keywords)
        except UserError as error:
            self.exit(2, f"{self.prog}: error: {error}\n")


def study_parser(documentation: str | None, flags: tuple[str, ...], **defaults: Any) -> argparse.ArgumentParser:
    """A parser of ``flags`` of deploybench's own, whose help is the study's documentation."""
    parser = _Parser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser.add_argument, flags)
    parser.set_defaults(**defaults)
    return parser


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
