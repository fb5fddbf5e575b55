"""Messages and progress bars on standard error; answers of a command go to standard output."""

from __future__ import annotations

import sys
import textwrap
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.printable import printable
from bench.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tqdm import tqdm


_said: list[str] = []


def say(line: str) -> None:
    """Print a message to standard error."""
    _said.append(line)
    print("\n".join(map(printable, line.split("\n"))), file=sys.stderr, flush=True)  # noqa: T201 - the one place for messages


def note(text: str) -> None:
    """Print a message in lines of at most 80 characters; a longer path stays whole."""
    say(textwrap.fill(printable(text), 80, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False))


def lines_said() -> int:
    """Lines of all messages of this process."""
    return sum(line.count("\n") + 1 for line in _said)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """The block is a stage of the command; prints its line when it ends without an error."""
    began = time.monotonic()
    yield
    say_stage(name, time.monotonic() - began)


def say_stage(name: str, seconds: float) -> None:
    """Print how long a stage took, where standard error is no terminal; a terminal shows progress bars."""
    if not sys.stderr.isatty():
        say(f"{name}: {format_duration(seconds)}")


class Bar:
    """A progress bar, shown on a terminal only."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self._bar = bar

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` as done."""
        self._bar.update(steps)

    def extend(self, steps: int) -> None:
        """Add ``steps`` to the total."""
        self._bar.total += steps
        self._bar.refresh()


@contextmanager
def progress(what: str, steps: int) -> Iterator[Bar]:
    """A progress bar of ``steps`` steps with the time left; the block advances it."""
    from tqdm import tqdm

    with tqdm(total=steps, desc=what, disable=None, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:
        yield Bar(bar)
