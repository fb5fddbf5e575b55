"""Progress with time left, on a terminal; nothing anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def say(line: str) -> None:
    """One line for the person who waits, apart from what the command prints as its answer."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is the place


@contextmanager
def progress(what: str, steps: int) -> Iterator[Callable[[], None]]:
    """A bar of ``steps`` steps with the time left; the block calls what it is given once a step."""
    from tqdm import tqdm

    with tqdm(total=steps, desc=what, disable=None, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:

        def advance() -> None:
            bar.update()

        yield advance
