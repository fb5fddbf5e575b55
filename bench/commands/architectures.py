"""``deploybench architectures``: count parameters, operations and activations without weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..pipeline.arguments import whole_numbers
from .common import add_command, print_answer

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "architectures",
        "count parameters, operations and activations of architectures, without weights",
        [
            "deploybench architectures",
            "deploybench architectures albert-base-v2 --sequence-lengths 64,512",
            "deploybench architectures arch:albert-xlarge-v2 my-albert --format json",
        ],
    )
    command.set_defaults(execute=_architectures, needs=("torch",))
    command.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="architecture (see deploybench list) or folder of a checkpoint (default: all architectures)",
    )
    command.add_argument(
        "--sequence-lengths",
        metavar="N,N",
        type=whole_numbers("--sequence-lengths"),
        default="128,512",
        help="tokens of a text (default: 128,512)",
    )
    command.add_argument(
        "--format", choices=("text", "md", "csv", "latex", "json"), default="text", help="default: text"
    )


def _architectures(parsed: argparse.Namespace) -> int:
    """Return 1 if the formula and the model that was built differ."""
    from ..pipeline.architectures import count_architectures
    from ..report.messages.architectures import render_architectures

    found = count_architectures(parsed.names, parsed.sequence_lengths)
    print_answer(render_architectures(found, parsed.sequence_lengths, parsed.format))
    return 1 if any(one.differences for one in found.values()) else 0
