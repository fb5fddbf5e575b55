"""Work in a child process: the caller's process, such as the kernel of a notebook, imports no model runtime."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from ..machine.alone import HELD, held
from ..machine.cpu import available_cores
from ..worker.client import Worker
from .flags import keywords_named

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_OWN = {"HF_HUB_OFFLINE": "0", "TOKENIZERS_PARALLELISM": "true"}  # where the caller says nothing: as of a command


def in_child(function: Callable[..., T], *arguments: Any) -> T:
    """The result of a module-level ``function`` in a child, whose messages go to this process's standard error.

    Raises what it raised, such as a UserError, which names keywords. The child dies with this process, and with an interrupt.
    """
    environment = {name: os.environ.get(name, value) for name, value in _OWN.items()}
    if held():  # by this process, which waits for the child
        environment[HELD] = "yes"
    try:
        with (
            keywords_named(),
            Worker("deploybench", available_cores(), None, visible=True, environment=environment) as worker,
        ):
            return worker.call(function, *arguments)
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None  # without the frames that waited for the child
