"""Keyword arguments as the flags of a command, so that they are read and refused as on the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any, NoReturn

from ...exporters.errors import UserError, did_you_mean
from ..pipeline.options import add_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FLAGS = {
    "sets": "external",
    "budget": "time_budget",
    "plugins": "plugin",
}  # of keywords that are not called as their flags
_KEYWORDS = {flag: keyword for keyword, flag in _FLAGS.items()}
_WRITTEN = re.compile(
    r"deploybench .*|(?<![\w'\"/-])--[a-z][a-z-]*"
)  # in a message: a command, whose flags stay, or a flag
_REPEATED = ("checkpoint", "sets", "unlabelled", "plugins")  # flags that are given once for each value


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def parsed(given: Mapping[str, Any], flags: Sequence[str] = ()) -> argparse.Namespace:
    """What the command reads from ``given``: all options of ``run``, or those in ``flags``; raises UserError.

    None and False leave a flag out, True gives it without a value, a list gives it values, and a mapping ``NAME=VALUE``.
    """
    with keywords_named():
        return _parser(flags).parse_args([text for name, value in given.items() for text in _texts(name, value)])


def refuse_unknown(options: Iterable[str], function: Callable[..., Any], flags: Sequence[str] = ()) -> None:
    """Raise UserError for one of the ``options`` that is neither a keyword of ``function`` nor read from ``flags``."""
    read = {_KEYWORDS.get(name, name) for name in vars(_parser(flags).parse_args([]))}
    known = sorted({*signature(function).parameters, *read} - {"options"})
    for name in options:
        if name not in known:
            near = did_you_mean(_KEYWORDS.get(name, name), known)
            raise UserError(f"option {name!r}: unknown; {near}known: {', '.join(known)}")


@contextmanager
def keywords_named() -> Iterator[None]:
    """Name the keyword in place of its flag in a UserError."""
    try:
        yield
    except UserError as error:
        error.args = (_WRITTEN.sub(_keyword, str(error)),)
        raise


def _keyword(written: re.Match[str]) -> str:
    name = written[0].removeprefix("--").replace("-", "_")
    return _KEYWORDS.get(name, name) if written[0].startswith("--") else written[0]


def _parser(flags: Sequence[str]) -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_options(parser.add_argument, flags)
    return parser


def _texts(name: str, value: Any) -> Iterator[str]:
    flag = f"--{_FLAGS.get(name, name).replace('_', '-')}"
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
