"""The command line: parser, dispatch and exit codes; the commands are files of ``bench.commands``."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bench.commands import COMMANDS
from bench.commands.common import epilog
from bench.console import say
from exporters.errors import DeploybenchError, UserError, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 success, 1 a variant or a test failed, 2 a mistake of the user; compare and duel have more."""
    _ready_output()
    failed = 1
    try:
        parsed = parser().parse_args(arguments)
        failed = parsed.failed
        code: int = parsed.execute(parsed)
    except BrokenPipeError:  # `deploybench report RUN | head`
        return 141  # what a shell says of a process that SIGPIPE ended
    except UserError as error:
        say(f"deploybench: error: {error}")
        return 2
    except DeploybenchError as error:
        say(f"deploybench: error: {error}")
        return failed
    except OSError as error:  # a name too long, a disk gone
        say(f"deploybench: error: {first_line(error)}")
        return 2
    except KeyboardInterrupt:
        say("deploybench: interrupted")
        return 130
    return code


class _Parser(argparse.ArgumentParser):
    """Report a mistake in one line, as everywhere; argparse would print the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"deploybench: error: {message}; see: {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Parse the whole command line; the result has the command's name as ``command`` and its function as ``execute``."""
    whole = _Parser(
        prog="deploybench",
        description="Which way of deploying a fine-tuned text classifier on this CPU is best, and what does it cost?",
        epilog=epilog(
            [
                "deploybench run",
                "deploybench run --checkpoint my-albert --real real.csv --fake fake.csv",
                "deploybench run --checkpoint arch:albert-base-v2 --batch-sizes 1 --sequence-lengths 512",
                "deploybench report results --format md",
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(f"bench.commands.{name}").add(commands)
    return whole


def _ready_output() -> None:
    """Let standard output take whatever is printed."""
    if sys.stdout is None:  # closed by whoever started this
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an encoding without × or † shows ? there


if __name__ == "__main__":
    sys.exit(main())
