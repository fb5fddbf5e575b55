"""Progress with time left, on a terminal; nothing anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tqdm import tqdm


def say(line: str) -> None:
    """One line for the person who waits, apart from what the command prints as its answer."""
    print("\n".join(map(printable, line.split("\n"))), file=sys.stderr, flush=True)  # noqa: T201 - this is the place


class Bar:
    """A bar that is shown on a terminal only."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self._bar = bar

    def advance(self, steps: int = 1) -> None:
        """So many steps are done."""
        self._bar.update(steps)

    def extend(self, steps: int) -> None:
        """There are so many steps more than were said."""
        self._bar.total += steps
        self._bar.refresh()


@contextmanager
def progress(what: str, steps: int) -> Iterator[Bar]:
    """A bar of ``steps`` steps with the time left; the block advances it once a step."""
    from tqdm import tqdm

    with tqdm(total=steps, desc=what, disable=None, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:
        yield Bar(bar)
