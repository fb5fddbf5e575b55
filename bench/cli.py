"""The command line: parser, dispatch and exit codes; ``deploybench.bench.commands`` has a file per command."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..exporters.errors import DeploybenchError, UserError, first_line
from ..exporters.packages import require
from .commands import COMMANDS
from .commands.common import epilog
from .console import say

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 for success, 1 if a variant failed, 2 for a mistake of the user; compare and duel have more."""
    _ready_output()
    failed = 1
    try:
        parsed = parser().parse_args(arguments)
        failed = parsed.failed
        if parsed.needs:
            require(parsed.command, *parsed.needs)
        code: int = parsed.execute(parsed)
    except BrokenPipeError:  # `deploybench report RUN | head`
        return 141  # as a shell reports a process that SIGPIPE ended
    except UserError as error:
        say(f"deploybench: error: {error}")
        return 2
    except DeploybenchError as error:
        say(f"deploybench: error: {error}")
        return failed
    except OSError as error:  # such as a name that is too long
        say(f"deploybench: error: {first_line(error)}")
        return 2
    except KeyboardInterrupt:
        say("deploybench: interrupted")
        return 130
    return code


class _Parser(argparse.ArgumentParser):
    """Report a mistake in one line; argparse would print the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"deploybench: error: {message}; see: {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; a result has the command's name as ``command`` and its function as ``execute``."""
    whole = _Parser(
        prog="deploybench",
        description="Compare the ways to deploy a fine-tuned text classifier on this CPU: accuracy,\nlatency, memory and size.\n\n"
        "Served are sequence classifiers of transformers that read one text or a pair and\ngive one class, several labels or one "
        "score; not token classification or generation.",
        epilog=epilog(
            [
                "deploybench run",
                "deploybench run --checkpoint my-albert --real real.csv --fake fake.csv",
                "deploybench recommend results --max-p95-ms 100",
                "deploybench report results --format md",
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(f"deploybench.bench.commands.{name}").add(commands)
    return whole


def _ready_output() -> None:
    """Let standard output accept any text."""
    if sys.stdout is None:  # closed by the parent process
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an encoding that lacks × or † prints ?


if __name__ == "__main__":
    sys.exit(main())
