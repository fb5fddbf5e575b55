"""``deploybench list``: variants, architectures, recipes and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.commands.common import add_command, print_answer

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(commands, "list", "list variants, architectures, recipes and profiles", ["deploybench list"])
    command.set_defaults(execute=_list)


def _list(_: argparse.Namespace) -> int:
    from bench.report.choices import render_choices

    print_answer(render_choices())
    return 0
