"""Flags of the server."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an artifact is served."""

    artifact: Path = Path()  # the folder that holds manifest.json
    host: str = "127.0.0.1"
    port: int = 8080
    instances: int = 1
    threads: int = 0  # 0: all cores, divided among the instances
    max_batch: int = 8
    max_wait_ms: int = 1000
    max_queue: int = 1000
    max_texts: int = 32
    max_body_bytes: int = 1_000_000
    timeout_s: int = 30
    no_truncate: bool = False

    @property
    def threads_each(self) -> int:
        """Threads of one instance."""
        return self.threads or max(1, len(os.sched_getaffinity(0)) // self.instances)


_HELP = {
    "artifact": "folder of the artifact (default: the current one)",
    "host": "address to listen at",
    "port": "port to listen at; 0: a free one, which is printed",
    "instances": "copies of the model that compute at the same time",
    "threads": "threads of each instance; 0: all cores, divided among them",
    "max_batch": "largest number of waiting texts of like length that are computed together; 1: each by itself",
    "max_wait_ms": "a request that would wait longer for its turn gets 429 with Retry-After",
    "max_queue": "largest number of waiting texts; more get 429",
    "max_texts": "largest number of texts in a request; more get 413",
    "max_body_bytes": "largest body of a request; more get 413",
    "timeout_s": "seconds to receive a request (408), to answer it (503), and to finish those that run at SIGTERM",
    "no_truncate": 'refuse texts that are longer than the model reads (413), unless a request says "truncate": true',
}
_LEAST = {"port": 0, "threads": 0}  # of the others it is 1


def add_flags(parser: argparse.ArgumentParser, *, artifact: bool = True) -> None:
    """Declare a flag for each field of Settings, that of the ``artifact`` where it is not told otherwise."""
    for field in fields(Settings):
        if field.name == "artifact" and not artifact:
            continue
        flag, text = f"--{field.name.replace('_', '-')}", _HELP[field.name]
        if isinstance(field.default, bool):
            parser.add_argument(flag, action="store_true", help=text)
        elif isinstance(field.default, int):
            kind = _whole_number(_LEAST.get(field.name, 1))
            parser.add_argument(
                flag, type=kind, metavar="N", default=field.default, help=f"{text} (default: %(default)s)"
            )
        else:
            parser.add_argument(
                flag, type=type(field.default), metavar=field.name.upper(), default=field.default, help=text
            )


def read_settings(parsed: argparse.Namespace) -> Settings:
    """The settings of parsed flags."""
    given: dict[str, Any] = {field.name: getattr(parsed, field.name) for field in fields(Settings)}
    return Settings(**given)


def flags_of(settings: Settings) -> list[str]:
    """The flags that ``read_settings`` reads back."""
    given = {f"--{field.name.replace('_', '-')}": getattr(settings, field.name) for field in fields(Settings)}
    return [flag if value is True else f"{flag}={value}" for flag, value in given.items() if value is not False]


def _whole_number(least: int) -> Any:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number of at least {least}")
        return int(text)

    return read
