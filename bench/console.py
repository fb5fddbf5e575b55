"""Messages and progress bars on standard error; answers of a command go to standard output."""

from __future__ import annotations

import sys
import textwrap
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .printable import printable
from .units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tqdm import tqdm


_NOTICED_S = 0.5  # a stage that took less is not reported
_said: list[str] = []
_once: set[str] | None = None  # notes of the block; None: outside of one


def say(line: str) -> None:
    """Print a message to standard error."""
    _said.append(line)
    text = "\n".join(map(printable, line.split("\n")))
    if _whole and sys.stderr.isatty():
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)  # above the bar
    else:
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place for messages


def note(text: str) -> None:
    """Print a message in lines of at most 80 characters; a longer path stays whole."""
    if _once is not None:
        if text in _once:
            return
        _once.add(text)
    say(textwrap.fill(printable(text), 80, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False))


@contextmanager
def each_note_once() -> Iterator[None]:
    """In the block no note is printed twice: the models of a run have many in common."""
    global _once  # noqa: PLW0603 - as what was said, it is of the process
    _once = set()
    try:
        yield
    finally:
        _once = None


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
    """Print how long a stage took, unless it took no time; a terminal shows progress bars instead."""
    if seconds >= _NOTICED_S and not sys.stderr.isatty():
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


class _WholeBar:
    """One bar for several parts of a command, each with its expected seconds."""

    def __init__(self, bar: tqdm[Any], parts: Mapping[str, float]) -> None:
        self._bar = bar
        self._parts = parts
        self._done = dict.fromkeys(parts, 0.0)

    def has(self, part: str) -> bool:
        return part in self._parts

    def step(self, part: str, share: float) -> None:
        share = min(share, 1.0 - self._done[part])
        self._done[part] += share
        self._bar.set_description(part, refresh=False)
        self._bar.update(share * self._parts[part])


class _Part(Bar):
    """A part of a bar for several."""

    def __init__(self, whole: _WholeBar, part: str, steps: int) -> None:
        self._whole, self._part, self._steps = whole, part, steps

    def advance(self, steps: int = 1) -> None:
        self._whole.step(self._part, steps / max(self._steps, 1))

    def extend(self, steps: int) -> None:
        self._steps += steps


_whole: list[_WholeBar] = []  # the one that is shown, if any


@contextmanager
def one_bar(parts: Mapping[str, float]) -> Iterator[None]:
    """Show one bar with the time left for all ``parts``, which have expected seconds; ``progress`` in the block moves it."""
    from tqdm import tqdm

    shown = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
    total = sum(parts.values())
    with tqdm(total=total, bar_format=shown, disable=None, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:
        _whole.append(_WholeBar(bar, parts))
        try:
            yield
        finally:
            _whole.pop()


def step(part: str, share: float) -> None:
    """Count a share of a part as done; nothing where no ``one_bar`` has it."""
    for whole in _whole:
        if whole.has(part):
            whole.step(part, share)


@contextmanager
def progress(what: str, steps: int, part: str = "") -> Iterator[Bar]:
    """A progress bar of ``steps`` steps with the time left, or ``part`` of ``one_bar``; the block advances it."""
    from tqdm import tqdm

    if _whole and _whole[0].has(part):
        yield _Part(_whole[0], part, steps)
        step(part, 1.0)  # what was left out
        return
    with tqdm(total=steps, desc=what, disable=None, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:
        yield Bar(bar)
