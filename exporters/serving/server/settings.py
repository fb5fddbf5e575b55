"""Flags of the server."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an artifact is served."""

    artifact: Path = Path()  # the folder that holds manifest.json
    host: str = "127.0.0.1"
    port: int = 8080
    instances: int = 1
    threads: int = 0  # 0: all cores, divided among the instances
    max_batch: int = 8
    max_wait_ms: int = 2000
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
    "max_wait_ms": "a request that would wait longer for its turn gets 429 with Retry-After; under lasting overload a quarter",
    "max_queue": "largest number of waiting texts; more get 429",
    "max_texts": "largest number of texts in a request; more get 413",
    "max_body_bytes": "largest body of a request; more get 413",
    "timeout_s": "seconds to receive a request (408), to answer it (503), and to finish those that run at SIGTERM",
    "no_truncate": 'refuse texts that are longer than the model reads (413), unless a request says "truncate": true',
}
_LEAST = {"port": 0, "threads": 0}  # of the others it is 1
_MOST = {"port": 65_535, "instances": 1024, "threads": 1024}
MEASURED = "measured.json"  # beside this file: the instances, threads and batch with which its rate was measured


def add_flags(parser: argparse.ArgumentParser, *, artifact: bool = True) -> None:
    """Declare a flag for each field of Settings, that of the ``artifact`` where it is not told otherwise.

    One that is not given is no attribute of what is parsed.
    """
    usual = read_settings(argparse.Namespace())
    for field in fields(Settings):
        if field.name == "artifact" and not artifact:
            continue
        flag, text = f"--{field.name.replace('_', '-')}", _HELP[field.name]
        if isinstance(field.default, bool):
            parser.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=text)
        elif isinstance(field.default, int):
            kind = _whole_number(_LEAST.get(field.name, 1), _MOST.get(field.name))
            told = f"{text} (default: {getattr(usual, field.name)})"
            parser.add_argument(flag, type=kind, metavar="N", default=argparse.SUPPRESS, help=told)
        else:
            kind = type(field.default)
            parser.add_argument(flag, type=kind, metavar=field.name.upper(), default=argparse.SUPPRESS, help=text)


def read_settings(parsed: argparse.Namespace) -> Settings:
    """The settings of parsed flags; of others those that were measured, or the defaults."""
    measured = Path(__file__).with_name(MEASURED)
    usual = json.loads(measured.read_text(encoding="utf-8")) if measured.is_file() else {}
    return Settings(**{**usual, **given_of(parsed)})


def given_of(parsed: argparse.Namespace) -> dict[str, Any]:
    """The fields whose flags were given."""
    return {field.name: getattr(parsed, field.name) for field in fields(Settings) if hasattr(parsed, field.name)}


def flags_of(settings: Mapping[str, Any]) -> list[str]:
    """The flags that ``read_settings`` reads back, of fields and their values."""
    given = {f"--{name.replace('_', '-')}": value for name, value in settings.items()}
    return [flag if value is True else f"{flag}={value}" for flag, value in given.items() if value is not False]


def _whole_number(least: int, most: int | None) -> Any:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            expected = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number {expected}")
        return int(text)

    return read
