"""One command in several processes, as torchrun and `accelerate launch` start it: one line says why it failed.

The launcher ends all processes as soon as one has ended in failure. So whoever knows best ends first, and the others wait.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from exporters.errors import DeploybenchError, UserError
from exporters.training.processes import is_main, process_count

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAIT_S = 5.0  # for one that knows better


@contextmanager
def one_speaks() -> Iterator[None]:
    """Let what the block raises be said at once by the main process, later by another, and last by who only lost the others."""
    try:
        yield
    except DeploybenchError as error:
        if process_count() > 1:
            lost = not isinstance(error, UserError)
            time.sleep(_WAIT_S * (2 * lost + (not is_main())))
        raise
    except KeyboardInterrupt:
        if is_main():
            raise
        raise SystemExit(130) from None
