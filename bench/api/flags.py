"""Keyword arguments as the flags of a command, so that they are read and refused as on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from deploybench.bench.pipeline.options import add_options
from deploybench.exporters.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

_REPEATED = ("checkpoint", "external", "unlabelled", "plugin")  # flags that are given once for each value


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def parsed(given: Mapping[str, Any], flags: Sequence[str] = ()) -> argparse.Namespace:
    """What the command reads from ``given``: all options of ``run``, or those in ``flags``; raises UserError.

    None and False leave a flag out, True gives it without a value, a list gives it values, and a mapping ``NAME=VALUE``.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_options(parser.add_argument, flags)
    known = vars(parser.parse_args([]))
    for name in given:
        if name not in known:
            raise UserError(f"option {name!r}: unknown; {did_you_mean(name, known)}known: {', '.join(sorted(known))}")
    return parser.parse_args([text for name, value in given.items() for text in _texts(name, value)])


def _texts(name: str, value: Any) -> Iterator[str]:
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        yield flag
    elif isinstance(value, Mapping):
        yield from (f"{flag}={_name(flag, key)}={one}" for key, one in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from (f"{flag}={one}" for one in (value if name in _REPEATED else [",".join(map(str, value))]))
    elif value is not None and value is not False:
        yield f"{flag}={value}"


def _name(flag: str, name: object) -> str:
    if not isinstance(name, str) or not name.strip() or {"=", "/"} & {*name}:
        raise UserError(f"{flag}: {name!r} is no name, expected one without = and /; rename it")
    return name
