"""``deploybench duel``: measure two artifacts, checkpoints, git revisions or environments against each other in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ...exporters.variant import REFERENCE
from ..compare.duel import DEFAULTS
from ..pipeline.options import add_options, read_options
from .answer import add_answer, give_answer, refuse_unwritable_answer
from .common import add_command, add_pythons, asked_pythons

if TYPE_CHECKING:
    import argparse

_FLAGS = {  # with their help text where it differs from that of ``run``
    "--checkpoint": "checkpoint that both revisions export; A and B are then git revisions",
    "--plugin": "",
    "--variants": f"variants to compare (default: {REFERENCE})",
    "--batch-sizes": "batch sizes to time (default: 1)",
    "--sequence-lengths": "tokens: latency is timed at each (default: 128, or the most that both sides take)",
    "--threads": "",
    "--target-width": "time until every 99%% interval of a ratio is narrower than this share (default: 0.01)",
    "--time-budget": "start no more launches after this time, but six of each side (default: 60)",
    "--work-dir": "",
    "--allow-pickle": "",
}


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "duel",
        "measure two artifacts, checkpoints, git revisions or Python environments against each other in one run",
        [
            "deploybench duel artifacts/onnx-fp32 artifacts/openvino-fp32",
            "deploybench duel my-albert my-distilbert --variants onnx-fp32",
            "deploybench duel HEAD~1 HEAD --checkpoint my-albert --batch-sizes 1,8",
            "deploybench duel artifacts --python-a old/bin/python --python-b new/bin/python --variants onnx-fp32",
        ],
    )
    command.set_defaults(execute=_duel, needs=("torch",), failed=3)  # 1 says that something is worse
    command.add_argument(
        "a",
        metavar="A",
        nargs="?",
        help="folder of one or several artifacts, a checkpoint, or with --checkpoint a git revision",
    )
    command.add_argument(
        "b", metavar="B", nargs="?", help="the other side, of the same kind (default with --python-b: A)"
    )
    add_pythons(command.add_argument)
    add_answer(command.add_argument)
    add_options(command.add_argument, _FLAGS)
    command.set_defaults(**DEFAULTS, lenient=False)


def _duel(parsed: argparse.Namespace) -> int:
    """Return an exit code of ``compare``."""
    from ..compare.duel.paired import duel_of
    from ..compare.outcome import outcome_of

    refuse_unwritable_answer(parsed)
    pythons = asked_pythons(parsed)
    names = _names(parsed) if pythons is None else _names_in_environments(parsed)
    comparison = duel_of(names, read_options(parsed), parsed.variants, pythons)
    outcome = outcome_of(comparison.changes)
    give_answer(comparison, outcome, parsed, every_row=True)
    return outcome.code


def _names(parsed: argparse.Namespace) -> tuple[str, str]:
    if parsed.b is None:
        raise UserError(
            "duel: expected A and B: two artifacts, checkpoints, or with --checkpoint git revisions; or A in two environments: "
            "--python-a and --python-b"
        )
    return parsed.a, parsed.b


def _names_in_environments(parsed: argparse.Namespace) -> tuple[str, str]:
    """What each environment runs: what it exports of ``--checkpoint``, or A and B."""
    a = parsed.a or parsed.checkpoint
    if a is None or None not in (parsed.a, parsed.checkpoint):
        found = "both" if a else "neither"
        raise UserError(f"--python-a: found {found}, expected A (artifacts or a checkpoint) or --checkpoint; name one")
    return a, parsed.b or a
